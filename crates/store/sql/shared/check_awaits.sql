SELECT t.id, 'it waits for signal ' || a.signal || ', which was emitted; the next sweep of a crew lets it go'
FROM crew_awaits a JOIN crew_signals s ON s.name = a.signal JOIN agent_tasks t ON t.id = a.task_id
WHERE t.status = 'pending' AND t.run_at IS NOT NULL
ORDER BY t.id LIMIT ?1
