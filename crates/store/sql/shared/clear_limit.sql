DELETE FROM crew_limits WHERE scope = ?1 AND name = ?2
