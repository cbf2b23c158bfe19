INSERT INTO crew_events (at, kind, project_id, incident_id, task_id, message_id, title, data_json)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
