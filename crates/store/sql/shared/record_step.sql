INSERT INTO crew_steps (task_id, name, value_json, token, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5)
