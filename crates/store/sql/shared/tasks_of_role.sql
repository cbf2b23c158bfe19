SELECT id, task_type, assigned_to, created_by, status, priority, context_json, result_json, parent_task_id,
    error_message, created_at, started_at, completed_at, retry_count, incident_id, run_at, lease_token, lease_owner,
    lease_since, lease_until, blocked_on, blocked_message_id, refusal_code, dedupe_key,
    coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE assigned_to = ?4 AND status = ?5 AND id < ?1
  AND (?2 IS NULL OR coalesce(project_id, (SELECT min(id) FROM crew_projects)) = ?2)
  AND (?6 IS NULL OR task_type = ?6)
ORDER BY id DESC
LIMIT ?3
