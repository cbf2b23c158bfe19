INSERT INTO crew_workers (name, host, pid, roles_json, started_at, last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
ON CONFLICT (name) DO UPDATE
SET host = excluded.host, pid = excluded.pid, roles_json = excluded.roles_json, started_at = excluded.started_at,
    last_seen = excluded.last_seen
