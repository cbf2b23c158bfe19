SELECT * FROM crew_signals WHERE name = ?1
