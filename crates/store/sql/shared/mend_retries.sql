-- Only a failed run sets this time on a task that has run before, or a wait for a signal; a time that a person chose has
-- passed by then. What waits for a signal as long as it takes lies beyond.
UPDATE agent_tasks SET run_at = ?1
WHERE status = 'pending' AND run_at > ?2 AND run_at < '9999-12-30' AND retry_count > 0
  AND NOT EXISTS (SELECT 1 FROM crew_awaits a WHERE a.task_id = agent_tasks.id)
