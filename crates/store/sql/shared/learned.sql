SELECT source, generation, caught_up_at FROM crew_miners
WHERE project_id = ?1 AND (?2 IS NULL OR source = ?2)
ORDER BY source
