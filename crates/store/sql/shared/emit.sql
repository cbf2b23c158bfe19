INSERT INTO crew_signals (name, payload_json, emitted_at, emitted_by) VALUES (?1, ?2, ?3, ?4)
