SELECT *, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE incident_id = ?1
ORDER BY id
