SELECT count(*) FROM crew_traffic WHERE bucket < ?1
