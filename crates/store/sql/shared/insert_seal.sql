INSERT INTO crew_audit_seals (id, first_id, last_id, rows, digests, hash, sealed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
