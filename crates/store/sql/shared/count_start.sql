UPDATE crew_limits SET window_at = ?3, started = ?4 WHERE scope = ?1 AND name = ?2
