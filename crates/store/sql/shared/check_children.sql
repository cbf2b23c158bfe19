-- The last child wakes its parent as it ends.
SELECT p.id, 'it waits for its children, but none of them is open'
FROM agent_tasks p
WHERE p.status = 'blocked' AND p.blocked_on = 'children' AND NOT EXISTS (
    SELECT 1 FROM agent_tasks c WHERE c.parent_task_id = p.id AND c.status NOT IN ('completed', 'failed'))
ORDER BY p.id LIMIT ?1
