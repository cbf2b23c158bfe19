SELECT * FROM crew_hidden WHERE project_id = ?1 ORDER BY last_seen DESC, rule
