DELETE FROM crew_templates WHERE project_id = ?1 AND source = ?2
