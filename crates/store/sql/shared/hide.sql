INSERT INTO crew_hidden (project_id, rule, occurrences, first_seen, last_seen) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (project_id, rule) DO UPDATE
SET occurrences = crew_hidden.occurrences + excluded.occurrences,
    first_seen = CASE WHEN excluded.first_seen < crew_hidden.first_seen
        THEN excluded.first_seen ELSE crew_hidden.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_hidden.last_seen
        THEN excluded.last_seen ELSE crew_hidden.last_seen END
