INSERT INTO agent_logs (task_id, agent_name, log_level, message, data_json, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
