-- A crew adopts such a row within seconds; without one it stays.
SELECT id, 'it is running but nobody holds a lease on it; a running crew takes it over'
FROM agent_tasks WHERE status = 'running' AND (lease_until IS NULL OR lease_owner IS NULL)
ORDER BY id LIMIT ?1
