-- Sealed entries are remembered, so that their absence is not taken for tampering.
INSERT OR IGNORE INTO crew_audit_pruned (log_id)
SELECT id FROM agent_logs
WHERE task_id IN (SELECT value FROM json_each(?1)) AND id <= (SELECT max(last_id) FROM crew_audit_seals)
