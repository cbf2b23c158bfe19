SELECT count(*) FROM crew_template_buckets WHERE bucket < ?1
