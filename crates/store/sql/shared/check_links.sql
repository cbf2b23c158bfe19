-- These columns have no foreign key of their own.
SELECT t.id, CASE
    WHEN t.project_id IS NOT NULL AND p.id IS NULL THEN 'it names project ' || t.project_id || ', which is not there'
    ELSE 'it names incident ' || t.incident_id || ', which is not there'
END
FROM agent_tasks t
LEFT JOIN crew_projects p ON p.id = t.project_id
LEFT JOIN crew_incidents i ON i.id = t.incident_id
WHERE (t.project_id IS NOT NULL AND p.id IS NULL) OR (t.incident_id IS NOT NULL AND i.id IS NULL)
ORDER BY t.id LIMIT ?1
