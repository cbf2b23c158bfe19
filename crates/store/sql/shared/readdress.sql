UPDATE agent_messages SET to_agent = ?2 WHERE id = ?1
