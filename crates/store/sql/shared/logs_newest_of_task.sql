SELECT * FROM agent_logs
WHERE task_id = ?1 AND (?2 IS NULL OR agent_name = ?2)
ORDER BY id DESC LIMIT ?3
