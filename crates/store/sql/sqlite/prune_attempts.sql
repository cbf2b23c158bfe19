DELETE FROM crew_attempts WHERE task_id IN (SELECT value FROM json_each(?1))
