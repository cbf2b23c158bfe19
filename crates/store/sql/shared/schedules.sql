SELECT * FROM crew_schedules WHERE ?1 IS NULL OR name = ?1 ORDER BY name
