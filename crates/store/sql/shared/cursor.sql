SELECT cursor_json FROM crew_log_cursors WHERE project_id = ?1 AND source = ?2
