SELECT id, last_id, rows, hash, sealed_at FROM crew_audit_seals ORDER BY id DESC LIMIT 1
