-- Everything about a task that can change. What it was created with stays as it was written.
UPDATE agent_tasks
SET status = ?2,
    result_json = ?3,
    error_message = ?4,
    started_at = ?5,
    completed_at = ?6,
    retry_count = ?7,
    project_id = ?8,
    incident_id = ?9,
    run_at = ?10,
    lease_token = ?11,
    lease_owner = ?12,
    lease_since = ?13,
    lease_until = ?14,
    blocked_on = ?15,
    blocked_message_id = ?16,
    refusal_code = ?17
WHERE id = ?1
