SELECT * FROM crew_incident_releases WHERE incident_id = ?1 ORDER BY first_seen, release
