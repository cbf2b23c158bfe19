-- Only the last claim of a running task can be under way.
SELECT a.task_id, 'run ' || a.token || ' has not ended, but its task is ' || t.status || ' at claim ' || t.lease_token
FROM crew_attempts a JOIN agent_tasks t ON t.id = a.task_id
WHERE a.ended_at IS NULL AND (t.status <> 'running' OR a.token < t.lease_token)
ORDER BY a.task_id, a.token LIMIT ?1
