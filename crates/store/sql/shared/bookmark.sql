SELECT event_id FROM crew_bookmarks WHERE name = ?1
