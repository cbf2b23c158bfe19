SELECT id, 'it is blocked but waits for nothing; a running crew finds out what it waits for'
FROM agent_tasks WHERE status = 'blocked' AND blocked_on IS NULL
ORDER BY id LIMIT ?1
