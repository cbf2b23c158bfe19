INSERT INTO crew_template_buckets (project_id, source, template, bucket, occurrences) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (project_id, source, template, bucket) DO UPDATE
SET occurrences = crew_template_buckets.occurrences + excluded.occurrences
