-- Occurrences of an incident and of those that were merged into it, per release.
WITH RECURSIVE down(id) AS (
    SELECT id FROM crew_incidents WHERE id = ?1
    UNION
    SELECT i.id FROM crew_incidents i JOIN down ON i.merged_into = down.id
)
SELECT r.release, sum(r.occurrences) AS occurrences, min(r.first_seen) AS first_seen, max(r.last_seen) AS last_seen
FROM crew_incident_releases r JOIN down ON r.incident_id = down.id
GROUP BY r.release
ORDER BY min(r.first_seen), r.release
