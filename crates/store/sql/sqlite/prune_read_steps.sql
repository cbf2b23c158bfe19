SELECT * FROM crew_steps WHERE task_id IN (SELECT value FROM json_each(?1)) ORDER BY id
