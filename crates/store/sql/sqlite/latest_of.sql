-- One walk along the index on the incident for each of the given ones.
SELECT t.*, coalesce(t.project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM json_each(?1) wanted
JOIN agent_tasks t ON t.id = (
    SELECT max(id) FROM agent_tasks
    WHERE incident_id = wanted.value AND task_type = ?2 AND status = 'completed'
)
