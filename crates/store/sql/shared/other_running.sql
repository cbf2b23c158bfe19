SELECT id FROM agent_tasks WHERE assigned_to = ?1 AND status = 'running' AND id <> ?2 ORDER BY id LIMIT 1
