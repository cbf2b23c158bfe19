SELECT * FROM agent_messages WHERE id = ?1
