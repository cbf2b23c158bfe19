SELECT * FROM agent_messages
WHERE task_id = ?1
  AND (?2 IS NULL OR to_agent = ?2)
  AND (?3 IS NULL OR message_type = ?3)
  AND (?4 = 0 OR read_at IS NULL)
  AND id < ?5
ORDER BY id DESC
LIMIT ?6
