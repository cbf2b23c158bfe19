-- What runs, by all that a limit can be for. The few that run are found role by role.
SELECT assigned_to, task_type, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project, count(*) AS tasks
FROM agent_tasks
WHERE assigned_to IN ('monitor', 'triage', 'developer', 'qa', 'security', 'architect') AND status = 'running'
GROUP BY 1, 2, 3
