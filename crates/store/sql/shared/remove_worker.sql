DELETE FROM crew_workers WHERE name = ?1
