SELECT * FROM crew_attempts WHERE task_id = ?1 ORDER BY token
