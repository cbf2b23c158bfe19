-- The next ready task of a role. The order is that of the index, so nothing is sorted and finished rows cost nothing.
SELECT *, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks INDEXED BY agent_tasks_ready
WHERE assigned_to = ?1 AND status = 'pending' AND run_at IS NULL
ORDER BY priority DESC, created_at, id
LIMIT 1
