SELECT name FROM crew_schedules WHERE next_at <= ?2 ORDER BY next_at LIMIT ?1
