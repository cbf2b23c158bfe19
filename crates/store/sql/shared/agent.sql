SELECT * FROM agent_state WHERE agent_name = ?1
