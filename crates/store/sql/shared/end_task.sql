-- What the end of a run changes of a task.
UPDATE agent_tasks
SET status = ?2,
    result_json = ?3,
    error_message = ?4,
    completed_at = ?5,
    project_id = ?6,
    lease_owner = NULL,
    lease_since = NULL,
    lease_until = NULL,
    blocked_on = NULL,
    blocked_message_id = NULL
WHERE id = ?1
