SELECT state_json FROM crew_miners WHERE project_id = ?1 AND source = ?2
