SELECT EXISTS (SELECT 1 FROM crew_awaits a JOIN crew_signals s ON s.name = a.signal WHERE a.task_id = ?1)
