INSERT INTO crew_projects (name, root, config_json, created_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (root) DO UPDATE SET name = excluded.name, config_json = excluded.config_json
RETURNING id
