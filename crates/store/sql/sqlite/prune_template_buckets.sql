DELETE FROM crew_template_buckets WHERE (project_id, source, template, bucket) IN (
    SELECT project_id, source, template, bucket FROM crew_template_buckets WHERE bucket < ?1 LIMIT ?2
)
