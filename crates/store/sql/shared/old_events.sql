SELECT count(*) FROM crew_events
WHERE at < ?1 AND id <= (SELECT coalesce(min(event_id), 9223372036854775807) FROM crew_bookmarks)
