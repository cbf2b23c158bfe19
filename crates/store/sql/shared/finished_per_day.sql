SELECT substr(completed_at, 1, 10) AS day, 
    sum(CASE WHEN status = 'completed' THEN 1 ELSE 0 END),
    sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END)
FROM agent_tasks
WHERE status IN ('completed', 'failed') AND completed_at LIKE '____-__-__%'
GROUP BY day ORDER BY day DESC LIMIT 14
