UPDATE crew_incidents SET merged_into = ?2 WHERE id = ?1
