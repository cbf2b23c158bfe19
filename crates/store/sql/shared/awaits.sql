SELECT a.task_id, t.assigned_to, a.signal, a.since FROM crew_awaits a JOIN agent_tasks t ON t.id = a.task_id
WHERE t.status = 'pending' AND t.run_at IS NOT NULL
ORDER BY a.task_id
