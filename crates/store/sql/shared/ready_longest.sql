-- The task of a role that has been ready longest, if it was created before a moment. Of each priority only the first is looked
-- at, which is the oldest, so nothing is sorted but these ten.
SELECT id, task_type, assigned_to, created_by, status, priority, context_json, result_json, parent_task_id,
    error_message, created_at, started_at, completed_at, retry_count, incident_id, run_at, lease_token, lease_owner,
    lease_since, lease_until, blocked_on, blocked_message_id, refusal_code, dedupe_key,
    coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE id = (
    WITH classes(priority) AS (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10))
    SELECT first.id
    FROM classes
    JOIN agent_tasks first ON first.id = (
        SELECT id FROM agent_tasks
        WHERE assigned_to = ?1 AND status = 'pending' AND run_at IS NULL AND priority = classes.priority
        ORDER BY created_at, id
        LIMIT 1
    )
    WHERE first.created_at < ?2
    ORDER BY first.created_at, first.id
    LIMIT 1
)
