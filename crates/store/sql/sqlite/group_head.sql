-- The next ready task of a role, a type and a project, in the order of its index.
SELECT id, task_type, assigned_to, created_by, status, priority, context_json, result_json, parent_task_id,
    error_message, created_at, started_at, completed_at, retry_count, incident_id, run_at, lease_token, lease_owner,
    lease_since, lease_until, blocked_on, blocked_message_id, refusal_code, dedupe_key,
    coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE assigned_to = ?1 AND task_type = ?2 AND coalesce(project_id, 0) = ?3 AND status = 'pending' AND run_at IS NULL
ORDER BY priority DESC, created_at, id
LIMIT 1
