SELECT tasks FROM crew_counts WHERE role = ?1 AND status = 'blocked'
