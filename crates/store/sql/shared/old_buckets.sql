SELECT count(*) FROM crew_incident_buckets WHERE bucket < ?1
