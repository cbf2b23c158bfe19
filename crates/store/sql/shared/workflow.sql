-- Every task that hangs together with one by its parent. UNION drops what was met before, so a ring ends too.
WITH RECURSIVE up(id) AS (
    SELECT id FROM agent_tasks WHERE id = ?1
    UNION
    SELECT t.parent_task_id FROM agent_tasks t JOIN up ON t.id = up.id WHERE t.parent_task_id IS NOT NULL
),
down(id) AS (
    SELECT id FROM up
    UNION
    SELECT t.id FROM agent_tasks t JOIN down ON t.parent_task_id = down.id
)
SELECT t.*, coalesce(t.project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks t
-- A list and no join: a join has SQLite walk the whole table in the order of its key.
WHERE t.id IN (SELECT id FROM down)
ORDER BY t.id
