-- Whether somebody still needs one of these tasks (?1 is a JSON array of keys): an incident that is not over, a question
-- that is open, a role that is said to be at work on it.
SELECT EXISTS (
    SELECT 1 FROM agent_tasks t JOIN crew_incidents i ON i.id = t.incident_id
    WHERE t.id IN (SELECT value FROM json_each(?1)) AND i.status NOT IN ('baseline', 'ignored', 'declined', 'resolved')
) OR EXISTS (
    SELECT 1 FROM agent_messages m
    WHERE m.task_id IN (SELECT value FROM json_each(?1)) AND m.message_type = 'question' AND m.read_at IS NULL
) OR EXISTS (
    SELECT 1 FROM agent_state s WHERE s.current_task_id IN (SELECT value FROM json_each(?1))
)
