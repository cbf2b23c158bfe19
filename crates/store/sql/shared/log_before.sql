SELECT id FROM agent_logs WHERE id < ?1 ORDER BY id LIMIT 1
