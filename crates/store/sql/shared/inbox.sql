SELECT * FROM agent_messages
WHERE to_agent = 'user' AND read_at IS NULL AND message_type = 'question'
ORDER BY id
