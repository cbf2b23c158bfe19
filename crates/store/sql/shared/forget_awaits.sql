-- Waits of tasks that another program started or ended.
DELETE FROM crew_awaits
WHERE NOT EXISTS (
    SELECT 1 FROM agent_tasks t WHERE t.id = crew_awaits.task_id AND t.status = 'pending' AND t.run_at IS NOT NULL
)
