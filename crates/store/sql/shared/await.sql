INSERT INTO crew_awaits (task_id, signal, since) VALUES (?1, ?2, ?3)
ON CONFLICT (task_id) DO UPDATE SET signal = excluded.signal, since = excluded.since
