-- Tasks whose signal was emitted and that wait still: they were too many, or another program emitted it.
SELECT a.task_id FROM crew_awaits a JOIN crew_signals s ON s.name = a.signal JOIN agent_tasks t ON t.id = a.task_id
WHERE t.status = 'pending' AND t.run_at IS NOT NULL
LIMIT ?1
