-- What a role may have to read of a task before it works: what came with the task, and answers to what it asked.
-- By the task, since a role may have any number of messages that nobody marked as read.
SELECT * FROM agent_messages INDEXED BY idx_agent_messages_task
WHERE task_id = ?1 AND to_agent = ?2 AND read_at IS NULL AND message_type IN ('handoff', 'answer')
ORDER BY id LIMIT 500
