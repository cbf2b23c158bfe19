UPDATE agent_tasks
SET lease_since = strftime('%Y-%m-%d %H:%M:%f', lease_since, ?2),
    lease_until = strftime('%Y-%m-%d %H:%M:%f', lease_until, ?2)
WHERE status = 'running' AND lease_until > ?1
