-- One task. A row without a project belongs to the first one.
SELECT *, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE id = ?1
