SELECT * FROM crew_events WHERE id > ?1 ORDER BY id LIMIT ?2
