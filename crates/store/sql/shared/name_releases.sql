UPDATE crew_incidents
SET first_release = (SELECT release FROM crew_incident_releases WHERE incident_id = ?1 ORDER BY first_seen, release LIMIT 1),
    last_release = (
        SELECT release FROM crew_incident_releases WHERE incident_id = ?1 ORDER BY last_seen DESC, release DESC LIMIT 1
    )
WHERE id = ?1
