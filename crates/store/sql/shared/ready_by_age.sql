SELECT created_at FROM agent_tasks WHERE status = 'pending' AND run_at IS NULL ORDER BY created_at, id LIMIT 1 OFFSET ?1
