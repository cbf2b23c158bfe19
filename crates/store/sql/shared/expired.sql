SELECT id FROM agent_tasks
WHERE status = 'running' AND lease_until IS NOT NULL AND lease_until <= ?2
ORDER BY lease_until LIMIT ?1
