SELECT id, 'it is ' || status || ' but ' || coalesce(lease_owner, 'somebody') || ' still holds a lease on it'
FROM agent_tasks WHERE status <> 'running' AND (lease_until IS NOT NULL OR lease_owner IS NOT NULL)
ORDER BY id LIMIT ?1
