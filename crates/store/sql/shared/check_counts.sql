-- The counts that are kept are what a count gives.
SELECT kept.role || ' ' || kept.status, 'kept as ' || kept.tasks || ' tasks, but there are ' || coalesce(found.tasks, 0)
FROM crew_counts kept
LEFT JOIN (SELECT assigned_to AS role, coalesce(status, 'pending') AS status, count(*) AS tasks FROM agent_tasks GROUP BY 1, 2) found
    ON kept.role = found.role AND kept.status = found.status
WHERE kept.tasks <> coalesce(found.tasks, 0)
ORDER BY 1 LIMIT ?1
