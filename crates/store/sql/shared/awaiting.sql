-- Tasks that wait for a signal, some of them: the sweep goes on where there are more.
SELECT a.task_id FROM crew_awaits a JOIN agent_tasks t ON t.id = a.task_id
WHERE a.signal = ?1 AND t.status = 'pending' AND t.run_at IS NOT NULL
LIMIT ?2
