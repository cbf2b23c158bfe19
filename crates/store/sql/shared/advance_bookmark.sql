-- Only from where the caller believes it to be; one that was never set is at 0.
INSERT INTO crew_bookmarks (name, event_id)
SELECT ?1, ?3 WHERE ?2 = 0 OR EXISTS (SELECT 1 FROM crew_bookmarks WHERE name = ?1)
ON CONFLICT (name) DO UPDATE SET event_id = excluded.event_id WHERE crew_bookmarks.event_id = ?2
