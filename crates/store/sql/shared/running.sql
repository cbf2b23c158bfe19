SELECT id FROM agent_tasks WHERE assigned_to = ?1 AND status = 'running' ORDER BY id LIMIT ?2
