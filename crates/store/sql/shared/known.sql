-- The incident that stands for another one: itself, or the one that was merged into.
WITH RECURSIVE up(id, merged_into) AS (
    SELECT id, merged_into FROM crew_incidents WHERE id = ?1
    UNION
    SELECT i.id, i.merged_into FROM crew_incidents i JOIN up ON i.id = up.merged_into
)
SELECT i.* FROM crew_incidents i JOIN up ON i.id = up.id WHERE up.merged_into IS NULL
