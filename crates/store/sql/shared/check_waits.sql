-- A task that waits for an answer needs a question that is still open.
SELECT t.id, 'it waits for an answer to ' || CASE
    WHEN t.blocked_message_id IS NULL THEN 'no question'
    WHEN m.id IS NULL THEN 'question ' || t.blocked_message_id || ', which is not there'
    WHEN m.message_type <> 'question' THEN 'message ' || m.id || ', which is no question'
    ELSE 'question ' || m.id || ', which was answered'
END
FROM agent_tasks t LEFT JOIN agent_messages m ON m.id = t.blocked_message_id
WHERE t.status = 'blocked' AND t.blocked_on IN ('question', 'approval')
  AND (m.id IS NULL OR m.message_type <> 'question' OR m.read_at IS NOT NULL)
ORDER BY t.id LIMIT ?1
