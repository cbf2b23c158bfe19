DELETE FROM crew_schedules WHERE name = ?1
