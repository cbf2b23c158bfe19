DELETE FROM crew_incident_buckets WHERE (incident_id, bucket) IN (
    SELECT incident_id, bucket FROM crew_incident_buckets WHERE bucket < ?1 LIMIT ?2
)
