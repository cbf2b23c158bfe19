SELECT * FROM crew_templates
WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR source = ?2)
  AND (?3 = 0 OR rated <> 0) AND (?4 = 0 OR notice IS NOT NULL)
  AND (?5 IS NULL OR (first_seen >= ?5 AND notice IS NULL))
ORDER BY CASE WHEN ?4 = 0 THEN occurrences ELSE 0 END DESC, noticed_at DESC, last_seen DESC, source, template
LIMIT ?6
