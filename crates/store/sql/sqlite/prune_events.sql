-- What every listener was told. Without listeners all are history: a new one begins with what is young.
DELETE FROM crew_events WHERE id IN (
    SELECT id FROM crew_events
    WHERE at < ?1 AND id <= (SELECT coalesce(min(event_id), 9223372036854775807) FROM crew_bookmarks)
    ORDER BY id LIMIT ?2
)
