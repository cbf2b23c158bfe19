-- The given columns of audit entries as they are stored, in the order in which a seal takes them.
SELECT id, task_id, agent_name, log_level, message, data_json, created_at
FROM agent_logs
WHERE id >= ?1 AND id <= ?2
ORDER BY id LIMIT ?3
