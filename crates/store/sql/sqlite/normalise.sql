-- Rows that another program wrote with NULL where the given schema has a default: NULL means that default.
-- A row that cannot be filled in, since an open task holds its key, is left as it is.
UPDATE OR IGNORE agent_tasks
SET status = coalesce(status, 'pending'),
    priority = coalesce(priority, 5),
    created_at = coalesce(created_at, ?1),
    retry_count = coalesce(retry_count, 0)
WHERE status IS NULL OR priority IS NULL OR created_at IS NULL OR retry_count IS NULL
