-- What a role may have to read before it works on a task: what came with it, and answers to what it asked.
-- By the task, since a role may have any number of messages that nobody marked as read.
SELECT * FROM agent_messages INDEXED BY idx_agent_messages_task
WHERE task_id IN (?1, ?2) AND to_agent = ?3 AND read_at IS NULL AND message_type IN ('handoff', 'answer')
ORDER BY id LIMIT 500
