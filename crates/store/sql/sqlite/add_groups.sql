-- The order in which a claim passes over what a limit holds back. It costs something with every task, so it is there only
-- while a type or a project is limited.
CREATE INDEX IF NOT EXISTS agent_tasks_groups
ON agent_tasks(assigned_to, task_type, coalesce(project_id, 0), priority DESC, created_at, id)
WHERE status = 'pending' AND run_at IS NULL
