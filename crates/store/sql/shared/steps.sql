SELECT * FROM crew_steps WHERE task_id = ?1 ORDER BY id
