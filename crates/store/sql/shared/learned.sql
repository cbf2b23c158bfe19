SELECT source, generation, caught_up_at, (
    SELECT min(t.first_seen) FROM crew_templates t WHERE t.project_id = m.project_id AND t.source = m.source
) AS since
FROM crew_miners m
WHERE project_id = ?1 AND (?2 IS NULL OR source = ?2)
ORDER BY source
