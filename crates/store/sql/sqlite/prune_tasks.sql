DELETE FROM agent_tasks WHERE id IN (SELECT value FROM json_each(?1))
