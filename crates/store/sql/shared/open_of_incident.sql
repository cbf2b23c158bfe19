SELECT id FROM agent_tasks
WHERE incident_id = ?1 AND coalesce(status, 'pending') IN ('pending', 'running', 'blocked')
ORDER BY id LIMIT 1
