-- Occurrences of one error: its incident is made, or counts them. The sample is that of the latest occurrence.
INSERT INTO crew_incidents (project_id, fingerprint, fingerprint_version, title, status, occurrences, first_seen, last_seen,
    sample_json, family, rule, own_first_seen, own_last_seen)
VALUES (?1, ?2, ?3, ?4, coalesce(?5, 'new'), ?6, ?7, ?8, ?9, ?10, ?11, ?7, ?8)
ON CONFLICT (project_id, fingerprint) DO UPDATE
SET status = coalesce(?5, crew_incidents.status),
    fingerprint_version = excluded.fingerprint_version,
    occurrences = crew_incidents.occurrences + excluded.occurrences,
    first_seen = CASE WHEN excluded.first_seen < crew_incidents.first_seen
        THEN excluded.first_seen ELSE crew_incidents.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_incidents.last_seen
        THEN excluded.last_seen ELSE crew_incidents.last_seen END,
    own_first_seen = CASE WHEN excluded.first_seen < coalesce(crew_incidents.own_first_seen, crew_incidents.first_seen)
        THEN excluded.first_seen ELSE coalesce(crew_incidents.own_first_seen, crew_incidents.first_seen) END,
    own_last_seen = CASE WHEN excluded.last_seen > coalesce(crew_incidents.own_last_seen, crew_incidents.last_seen)
        THEN excluded.last_seen ELSE coalesce(crew_incidents.own_last_seen, crew_incidents.last_seen) END,
    sample_json = CASE WHEN excluded.last_seen >= crew_incidents.last_seen
        THEN excluded.sample_json ELSE crew_incidents.sample_json END,
    family = coalesce(excluded.family, crew_incidents.family),
    rule = excluded.rule,
    ignored_json = CASE WHEN ?5 IS NULL THEN crew_incidents.ignored_json END
RETURNING id
