-- The releases in which an incident, or one that was merged into it, was first and last seen.
WITH RECURSIVE down(id) AS (
    SELECT id FROM crew_incidents WHERE id = ?1
    UNION
    SELECT i.id FROM crew_incidents i JOIN down ON i.merged_into = down.id
)
UPDATE crew_incidents
SET first_release = (
        SELECT r.release FROM crew_incident_releases r JOIN down ON r.incident_id = down.id
        ORDER BY r.first_seen, r.release LIMIT 1
    ),
    last_release = (
        SELECT r.release FROM crew_incident_releases r JOIN down ON r.incident_id = down.id
        ORDER BY r.last_seen DESC, r.release DESC LIMIT 1
    )
WHERE id = ?1
