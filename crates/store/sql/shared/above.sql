-- The incidents that one is merged into, the nearest first.
WITH RECURSIVE up(id, step) AS (
    SELECT merged_into, 1 FROM crew_incidents WHERE id = ?1 AND merged_into IS NOT NULL
    UNION
    SELECT i.merged_into, up.step + 1 FROM crew_incidents i JOIN up ON i.id = up.id WHERE i.merged_into IS NOT NULL
)
SELECT id FROM up ORDER BY step
