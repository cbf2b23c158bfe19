UPDATE crew_attempts SET ended_at = ?3, outcome = ?4, error = ?5 WHERE task_id = ?1 AND token = ?2
