SELECT id FROM agent_tasks WHERE status = 'running' AND lease_until IS NULL ORDER BY id LIMIT ?1
