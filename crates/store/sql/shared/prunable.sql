-- First tasks of workflows that may be over. How old they are is decided on the times as they are understood.
SELECT t.id FROM agent_tasks t
WHERE t.id > ?1 AND t.status IN ('completed', 'failed') AND coalesce(t.completed_at, t.created_at) < ?2
  AND NOT EXISTS (SELECT 1 FROM agent_tasks p WHERE p.id = t.parent_task_id)
ORDER BY t.id LIMIT ?3
