INSERT INTO crew_incident_buckets (incident_id, bucket, occurrences) VALUES (?1, ?2, ?3)
ON CONFLICT (incident_id, bucket) DO UPDATE
SET occurrences = crew_incident_buckets.occurrences + excluded.occurrences
