DROP INDEX IF EXISTS agent_tasks_groups
