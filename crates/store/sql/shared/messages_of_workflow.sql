-- Messages about any of the tasks that hang together with one.
WITH RECURSIVE up(id) AS (
    SELECT id FROM agent_tasks WHERE id = ?7
    UNION
    SELECT t.parent_task_id FROM agent_tasks t JOIN up ON t.id = up.id WHERE t.parent_task_id IS NOT NULL
),
down(id) AS (
    SELECT id FROM up
    UNION
    SELECT t.id FROM agent_tasks t JOIN down ON t.parent_task_id = down.id
)
SELECT m.* FROM agent_messages m
WHERE m.task_id IN (SELECT id FROM down)
  AND (?1 IS NULL OR m.task_id = ?1)
  AND (?2 IS NULL OR m.to_agent = ?2)
  AND (?3 IS NULL OR m.message_type = ?3)
  AND (?4 = 0 OR m.read_at IS NULL)
  AND m.id < ?5
ORDER BY m.id DESC
LIMIT ?6
