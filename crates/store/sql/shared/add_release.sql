INSERT INTO crew_incident_releases (incident_id, release, occurrences, first_seen, last_seen) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (incident_id, release) DO UPDATE
SET occurrences = crew_incident_releases.occurrences + excluded.occurrences,
    first_seen = CASE WHEN excluded.first_seen < crew_incident_releases.first_seen
        THEN excluded.first_seen ELSE crew_incident_releases.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_incident_releases.last_seen
        THEN excluded.last_seen ELSE crew_incident_releases.last_seen END
