INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
