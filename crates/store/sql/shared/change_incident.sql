-- A fix that was approved anew is not released yet; a change of status ends what was said about ignoring.
UPDATE crew_incidents
SET status = coalesce(?2, status),
    category = coalesce(?3, category),
    severity = coalesce(?4, severity),
    reason = coalesce(?5, reason),
    branch = coalesce(?6, branch),
    fix_commit = coalesce(?7, fix_commit),
    released_at = CASE WHEN ?8 IS NULL AND ?2 = 'approved' THEN NULL ELSE coalesce(?8, released_at) END,
    ignored_json = CASE WHEN ?9 IS NULL AND ?2 IS NULL THEN ignored_json ELSE ?9 END
WHERE id = ?1
