INSERT INTO crew_attempts (task_id, token, worker, started_at) VALUES (?1, ?2, ?3, ?4)
