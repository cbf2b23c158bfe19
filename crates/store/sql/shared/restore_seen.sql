-- When an incident was first and last seen, from its own share and what is still merged into it.
UPDATE crew_incidents
SET first_seen = coalesce((SELECT min(seen.first_seen) FROM (
        SELECT coalesce(own_first_seen, first_seen) AS first_seen FROM crew_incidents WHERE id = ?1
        UNION ALL SELECT first_seen FROM crew_incidents WHERE merged_into = ?1
    ) seen), first_seen),
    last_seen = coalesce((SELECT max(seen.last_seen) FROM (
        SELECT coalesce(own_last_seen, last_seen) AS last_seen FROM crew_incidents WHERE id = ?1
        UNION ALL SELECT last_seen FROM crew_incidents WHERE merged_into = ?1
    ) seen), last_seen)
WHERE id = ?1
