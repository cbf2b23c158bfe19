-- Children of a task that have not ended, besides one of them.
SELECT count(*) FROM agent_tasks
WHERE parent_task_id = ?1 AND id <> ?2 AND coalesce(status, 'pending') IN ('pending', 'running', 'blocked')
