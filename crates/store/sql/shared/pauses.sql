SELECT * FROM crew_pauses ORDER BY since, role
