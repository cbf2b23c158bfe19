INSERT INTO crew_log_cursors (project_id, source, cursor_json) VALUES (?1, ?2, ?3)
ON CONFLICT (project_id, source) DO UPDATE SET cursor_json = excluded.cursor_json
