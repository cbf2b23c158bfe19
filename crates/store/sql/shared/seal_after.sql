SELECT id, first_id, last_id, rows, digests, hash, sealed_at FROM crew_audit_seals WHERE id > ?1 ORDER BY id LIMIT 1
