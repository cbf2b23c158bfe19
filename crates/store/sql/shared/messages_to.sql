SELECT * FROM agent_messages
WHERE to_agent = ?2
  AND (?3 IS NULL OR message_type = ?3)
  AND (?4 = 0 OR read_at IS NULL)
  AND id < ?5
  AND ?1 IS NULL
ORDER BY id DESC
LIMIT ?6
