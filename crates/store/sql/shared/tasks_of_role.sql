SELECT *, coalesce(project_id, (SELECT min(id) FROM crew_projects)) AS project
FROM agent_tasks
WHERE assigned_to = ?4 AND status = ?5 AND id < ?1
  AND (?2 IS NULL OR coalesce(project_id, (SELECT min(id) FROM crew_projects)) = ?2)
  AND (?6 IS NULL OR task_type = ?6)
ORDER BY id DESC
LIMIT ?3
