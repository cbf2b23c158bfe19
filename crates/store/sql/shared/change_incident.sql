UPDATE crew_incidents
SET status = coalesce(?2, status),
    category = coalesce(?3, category),
    severity = coalesce(?4, severity),
    reason = coalesce(?5, reason),
    branch = coalesce(?6, branch)
WHERE id = ?1
