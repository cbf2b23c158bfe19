-- Whether a task has a child that has not ended, besides one of them.
SELECT 1 FROM agent_tasks
WHERE parent_task_id = ?1 AND id <> ?2 AND status NOT IN ('completed', 'failed')
LIMIT 1
