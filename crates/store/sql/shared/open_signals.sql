SELECT name FROM crew_signals WHERE open = 1 LIMIT ?1
