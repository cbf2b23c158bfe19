SELECT *, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE id < ?1
  AND (?2 IS NULL OR coalesce(project_id, (SELECT min(id) FROM crew_projects)) = ?2)
  AND (?4 IS NULL OR task_type = ?4)
ORDER BY id DESC
LIMIT ?3
