SELECT * FROM agent_state
