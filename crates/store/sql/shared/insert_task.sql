INSERT INTO agent_tasks (task_type, assigned_to, created_by, status, priority, context_json, parent_task_id, created_at,
    retry_count, project_id, incident_id, run_at, dedupe_key, once_key)
VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, ?11, ?12)
