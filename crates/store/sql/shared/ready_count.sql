SELECT count(*) FROM agent_tasks WHERE status = 'pending' AND run_at IS NULL
