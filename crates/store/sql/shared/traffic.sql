SELECT * FROM crew_traffic WHERE project_id = ?1 AND bucket >= ?2 ORDER BY bucket, source
