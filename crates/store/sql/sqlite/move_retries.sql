UPDATE agent_tasks SET run_at = strftime('%Y-%m-%d %H:%M:%f', run_at, ?2)
WHERE status = 'pending' AND run_at > ?1 AND run_at < '9999-12-30' AND retry_count > 0
  AND NOT EXISTS (SELECT 1 FROM crew_awaits a WHERE a.task_id = agent_tasks.id)
