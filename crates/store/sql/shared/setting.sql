SELECT value FROM crew_settings WHERE name = ?1
