UPDATE crew_templates SET notice = ?4, noticed_at = ?5 WHERE project_id = ?1 AND source = ?2 AND template = ?3
