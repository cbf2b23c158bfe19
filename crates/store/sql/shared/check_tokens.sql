-- The number of a task's claim only grows, so no run may have a greater one than its task.
SELECT a.task_id, 'run ' || a.token || ' has a greater number than its task, which is at ' || t.lease_token
FROM crew_attempts a JOIN agent_tasks t ON t.id = a.task_id
WHERE a.token > t.lease_token OR a.token < 1
ORDER BY a.task_id, a.token LIMIT ?1
