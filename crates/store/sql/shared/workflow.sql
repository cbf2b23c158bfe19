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
SELECT t.id, t.task_type, t.assigned_to, t.created_by, t.status, t.priority, t.context_json, t.result_json,
    t.parent_task_id, t.error_message, t.created_at, t.started_at, t.completed_at, t.retry_count, t.incident_id,
    t.run_at, t.lease_token, t.lease_owner, t.lease_since, t.lease_until, t.blocked_on, t.blocked_message_id,
    t.refusal_code, t.dedupe_key,
    coalesce(t.project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks t
-- A list and no join: a join has SQLite walk the whole table in the order of its key.
WHERE t.id IN (SELECT id FROM down)
ORDER BY t.id
