DELETE FROM crew_traffic WHERE (project_id, bucket, source) IN (
    SELECT project_id, bucket, source FROM crew_traffic WHERE bucket < ?1 LIMIT ?2
)
