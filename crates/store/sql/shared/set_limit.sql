INSERT INTO crew_limits (scope, name, concurrency, starts, per_s, since, set_by, window_at, started)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (scope, name) DO UPDATE SET concurrency = excluded.concurrency, starts = excluded.starts,
    per_s = excluded.per_s, since = excluded.since, set_by = excluded.set_by, window_at = excluded.window_at,
    started = excluded.started
