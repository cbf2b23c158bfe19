-- Children of a task that have not ended, oldest first.
SELECT id FROM agent_tasks
WHERE parent_task_id = ?1 AND coalesce(status, 'pending') IN ('pending', 'running', 'blocked')
ORDER BY id
