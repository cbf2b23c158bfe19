SELECT count(*) FROM crew_audit_pruned WHERE log_id = ?1
