DELETE FROM crew_releases
WHERE project_id = ?1 AND release IN (
    SELECT release FROM crew_releases WHERE project_id = ?1 ORDER BY last_seen DESC, release DESC LIMIT 1000 OFFSET ?2
)
