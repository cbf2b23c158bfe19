DELETE FROM crew_template_buckets WHERE project_id = ?1 AND source = ?2
