SELECT template FROM crew_templates WHERE project_id = ?1 AND source = ?2
ORDER BY last_seen DESC, template DESC
LIMIT 1000 OFFSET ?3
