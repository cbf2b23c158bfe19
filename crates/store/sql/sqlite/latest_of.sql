-- One walk along the index on the incident for each of the given ones.
SELECT t.id, t.task_type, t.assigned_to, t.created_by, t.status, t.priority, t.context_json, t.result_json,
    t.parent_task_id, t.error_message, t.created_at, t.started_at, t.completed_at, t.retry_count, t.incident_id,
    t.run_at, t.lease_token, t.lease_owner, t.lease_since, t.lease_until, t.blocked_on, t.blocked_message_id,
    t.refusal_code, t.dedupe_key,
    coalesce(t.project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM json_each(?1) wanted
JOIN agent_tasks t ON t.id = (
    SELECT max(id) FROM agent_tasks
    WHERE incident_id = wanted.value AND task_type = ?2 AND status = 'completed'
)
