INSERT INTO crew_releases (project_id, release, records, first_seen, last_seen) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (project_id, release) DO UPDATE
SET records = crew_releases.records + excluded.records,
    first_seen = CASE WHEN excluded.first_seen < crew_releases.first_seen
        THEN excluded.first_seen ELSE crew_releases.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_releases.last_seen
        THEN excluded.last_seen ELSE crew_releases.last_seen END
