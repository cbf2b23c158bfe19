UPDATE crew_counts SET tasks = tasks + ?3 WHERE role = ?1 AND status = ?2
