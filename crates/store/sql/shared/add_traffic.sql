INSERT INTO crew_traffic (project_id, source, bucket, lines, records, errors) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (project_id, bucket, source) DO UPDATE
SET lines = crew_traffic.lines + excluded.lines,
    records = crew_traffic.records + excluded.records,
    errors = crew_traffic.errors + excluded.errors
