SELECT * FROM crew_incidents WHERE id = ?1
