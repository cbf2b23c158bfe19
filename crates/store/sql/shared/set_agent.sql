INSERT INTO agent_state (agent_name, last_active, current_task_id, status, metrics_json)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (agent_name) DO UPDATE
SET last_active = excluded.last_active,
    current_task_id = excluded.current_task_id,
    status = excluded.status,
    metrics_json = excluded.metrics_json
