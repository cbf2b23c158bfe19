-- The open task of a type that holds a key.
SELECT id FROM agent_tasks
WHERE dedupe_key = ?1 AND status NOT IN ('completed', 'failed') AND task_type = ?2
