-- Of the releases of an incident the first stays, and the newest of the others.
DELETE FROM crew_incident_releases
WHERE incident_id = ?1 AND release IN (
    SELECT release FROM crew_incident_releases
    WHERE incident_id = ?1 AND release <> (
        SELECT release FROM crew_incident_releases WHERE incident_id = ?1 ORDER BY first_seen, release LIMIT 1
    )
    ORDER BY last_seen DESC, release DESC
    LIMIT 1000 OFFSET ?2
)
