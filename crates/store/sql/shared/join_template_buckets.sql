INSERT INTO crew_template_buckets (project_id, source, template, bucket, occurrences)
SELECT project_id, source, ?4, bucket, occurrences
FROM crew_template_buckets WHERE project_id = ?1 AND source = ?2 AND template = ?3
ON CONFLICT (project_id, source, template, bucket) DO UPDATE
SET occurrences = crew_template_buckets.occurrences + excluded.occurrences
