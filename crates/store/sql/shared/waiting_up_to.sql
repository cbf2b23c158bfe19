-- Counted no further than the caller wants to know.
SELECT count(*) FROM (
    SELECT 1 FROM agent_tasks WHERE assigned_to = ?1 AND status = 'pending' AND run_at IS NULL LIMIT ?2
) AS some
