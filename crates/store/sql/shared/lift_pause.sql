DELETE FROM crew_pauses WHERE role = ?1
