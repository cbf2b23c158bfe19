SELECT * FROM agent_logs WHERE ?1 IS NULL AND (?2 IS NULL OR agent_name = ?2) AND id > ?3 ORDER BY id LIMIT ?4
