-- Every ring of parents has a task that is not younger than its parent; only from those the way up is walked.
WITH RECURSIVE up(start, id) AS (
    SELECT id, parent_task_id FROM agent_tasks WHERE parent_task_id >= id
    UNION
    SELECT up.start, t.parent_task_id FROM up JOIN agent_tasks t ON t.id = up.id WHERE t.parent_task_id IS NOT NULL
)
SELECT start, 'it is among its own parents' FROM up WHERE id = start ORDER BY start LIMIT ?1
