SELECT coalesce(min(id), 0) FROM crew_projects
