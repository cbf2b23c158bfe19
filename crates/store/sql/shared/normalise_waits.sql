-- Tasks that another program blocked: they wait for the open question they asked, else for their environment.
UPDATE agent_tasks
SET blocked_message_id = (
        SELECT max(m.id) FROM agent_messages m
        WHERE m.task_id = agent_tasks.id AND m.message_type = 'question' AND m.read_at IS NULL
    ),
    blocked_on = CASE
        WHEN EXISTS (
            SELECT 1 FROM agent_messages m
            WHERE m.task_id = agent_tasks.id AND m.message_type = 'question' AND m.read_at IS NULL
        ) THEN 'question'
        ELSE 'environment'
    END
WHERE status = 'blocked' AND blocked_on IS NULL
