SELECT * FROM agent_messages WHERE task_id = ?1 AND message_type = 'answer' ORDER BY id
