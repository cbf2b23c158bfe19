SELECT status, count(*) FROM crew_incidents GROUP BY status ORDER BY status
