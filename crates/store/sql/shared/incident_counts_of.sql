SELECT status, count(*) AS incidents
FROM crew_incidents
WHERE project_id = ?1 AND merged_into IS NULL
GROUP BY status
ORDER BY status
