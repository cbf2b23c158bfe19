SELECT * FROM crew_signals ORDER BY emitted_at, name
