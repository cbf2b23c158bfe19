UPDATE agent_tasks SET blocked_on = ?2, blocked_message_id = ?3 WHERE id = ?1
