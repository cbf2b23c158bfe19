-- Other incidents of the same family, those seen last first.
SELECT * FROM crew_incidents
WHERE project_id = ?1 AND family = ?2 AND id <> ?3 AND merged_into IS NULL
ORDER BY last_seen DESC, id DESC
LIMIT ?4
