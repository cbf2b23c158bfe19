DELETE FROM crew_template_buckets WHERE project_id = ?1 AND source = ?2 AND template = ?3 AND bucket < ?4
