-- Answered from the index on the status; those that are merged into others are taken off by the index that holds only them.
SELECT i.status, count(*) - coalesce(max(m.merged), 0) AS incidents
FROM crew_incidents i
LEFT JOIN (
    SELECT status, count(*) AS merged
    FROM crew_incidents INDEXED BY crew_incidents_merged
    WHERE merged_into IS NOT NULL
    GROUP BY status
) m ON m.status = i.status
GROUP BY i.status
ORDER BY i.status
