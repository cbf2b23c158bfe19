-- What a claim changes of a task.
UPDATE agent_tasks
SET status = 'running',
    started_at = ?2,
    run_at = ?3,
    lease_token = ?4,
    lease_owner = ?5,
    lease_since = ?6,
    lease_until = ?7,
    project_id = ?8,
    blocked_on = NULL,
    blocked_message_id = NULL
WHERE id = ?1
