-- Occurrences of an incident count for those that it is merged into, too. A negative number takes them back.
UPDATE crew_incidents
SET occurrences = occurrences + ?2,
    first_seen = CASE WHEN ?3 < first_seen THEN ?3 ELSE first_seen END,
    last_seen = CASE WHEN ?4 > last_seen THEN ?4 ELSE last_seen END
WHERE id IN (
    WITH RECURSIVE up(id) AS (
        SELECT merged_into FROM crew_incidents WHERE id = ?1 AND merged_into IS NOT NULL
        UNION
        SELECT i.merged_into FROM crew_incidents i JOIN up ON i.id = up.id WHERE i.merged_into IS NOT NULL
    )
    SELECT id FROM up
)
