SELECT * FROM crew_incidents
WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR fingerprint = ?3)
  AND (?5 <> 0 OR merged_into IS NULL)
ORDER BY last_seen DESC, id DESC
LIMIT ?4
