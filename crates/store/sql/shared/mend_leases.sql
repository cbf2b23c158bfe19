UPDATE agent_tasks SET lease_since = ?1, lease_until = ?2
WHERE status = 'running' AND lease_until > ?1 AND lease_since > ?3
