SELECT coalesce(project_id, 0) FROM agent_tasks
WHERE assigned_to = ?1 AND task_type = ?2 AND status = 'pending' AND run_at IS NULL AND coalesce(project_id, 0) > ?3
ORDER BY coalesce(project_id, 0)
LIMIT 1
