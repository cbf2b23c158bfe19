UPDATE crew_schedules SET next_at = ?2, last_task = coalesce(?3, last_task) WHERE name = ?1
