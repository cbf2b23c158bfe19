SELECT count(*) FROM agent_logs WHERE id < ?1 OR id > ?2
