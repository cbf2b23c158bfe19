DELETE FROM crew_awaits WHERE task_id = ?1
