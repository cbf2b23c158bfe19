-- Answered from the index alone.
SELECT assigned_to, coalesce(status, 'pending') AS status, count(*) AS tasks
FROM agent_tasks
GROUP BY assigned_to, status
