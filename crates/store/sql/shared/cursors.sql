SELECT cursor_json, source FROM crew_log_cursors WHERE project_id = ?1 ORDER BY source
