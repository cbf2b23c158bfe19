SELECT * FROM crew_projects
WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR root = ?3)
ORDER BY id
