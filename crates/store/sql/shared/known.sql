-- The incident that stands for a fingerprint: its own, or the one that was merged into.
WITH RECURSIVE up(id, merged_into) AS (
    SELECT id, merged_into FROM crew_incidents WHERE project_id = ?1 AND fingerprint = ?2
    UNION
    SELECT i.id, i.merged_into FROM crew_incidents i JOIN up ON i.id = up.merged_into
)
SELECT i.* FROM crew_incidents i JOIN up ON i.id = up.id WHERE up.merged_into IS NULL
