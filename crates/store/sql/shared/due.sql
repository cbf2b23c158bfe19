SELECT id FROM agent_tasks WHERE status = 'pending' AND run_at IS NOT NULL AND run_at <= ?2 ORDER BY run_at LIMIT ?1
