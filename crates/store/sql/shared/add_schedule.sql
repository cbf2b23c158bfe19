INSERT INTO crew_schedules (name, task_type, role, project_id, priority, context_json, every_s, next_at, created_by, cron,
    missed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
