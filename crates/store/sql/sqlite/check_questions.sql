-- An answer must be able to reach the one who asked: somebody reads what is sent there, and the task still waits for it.
SELECT m.id, CASE
    WHEN m.to_agent NOT IN ('monitor', 'triage', 'developer', 'qa', 'security', 'architect', 'user')
        THEN 'it is to ' || quote(m.to_agent) || ', who answers nothing'
    ELSE 'task ' || t.id || ' asked it, is ' || t.status || ' and does not wait for the answer'
END
FROM agent_messages m LEFT JOIN agent_tasks t ON t.id = m.task_id
WHERE m.message_type = 'question' AND m.read_at IS NULL
  AND (m.to_agent NOT IN ('monitor', 'triage', 'developer', 'qa', 'security', 'architect', 'user')
    OR t.status IN ('completed', 'failed')
    OR (t.id IS NOT NULL AND json_valid(m.metadata_json) AND json_extract(m.metadata_json, '$.choices') IS NOT NULL
        AND NOT (t.status = 'blocked' AND t.blocked_message_id IS m.id)))
ORDER BY m.id LIMIT ?1
