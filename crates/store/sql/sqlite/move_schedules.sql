-- One that has not begun yet begins at a moment that a person chose.
UPDATE crew_schedules SET next_at = strftime('%Y-%m-%d %H:%M:%f', next_at, ?2)
WHERE next_at > ?1 AND last_task IS NOT NULL
