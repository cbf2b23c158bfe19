-- Occurrences of an incident and of those that were merged into it, per piece of time.
WITH RECURSIVE down(id) AS (
    SELECT id FROM crew_incidents WHERE id = ?1
    UNION
    SELECT i.id FROM crew_incidents i JOIN down ON i.merged_into = down.id
)
SELECT b.bucket, sum(b.occurrences) AS occurrences
FROM crew_incident_buckets b JOIN down ON b.incident_id = down.id
WHERE b.bucket >= ?2
GROUP BY b.bucket
ORDER BY b.bucket
