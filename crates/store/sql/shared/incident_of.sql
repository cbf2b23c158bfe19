SELECT id FROM crew_incidents WHERE project_id = ?1 AND fingerprint = ?2
