SELECT task_type FROM agent_tasks
WHERE assigned_to = ?1 AND status = 'pending' AND run_at IS NULL AND task_type > ?2
ORDER BY task_type
LIMIT 1
