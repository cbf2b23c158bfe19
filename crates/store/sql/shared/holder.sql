-- The incident that counts errors with a fingerprint: its own, or a further one.
SELECT i.* FROM crew_incidents i WHERE i.project_id = ?1 AND i.fingerprint = ?2
UNION ALL
SELECT i.* FROM crew_fingerprints f JOIN crew_incidents i ON i.id = f.incident_id
WHERE f.project_id = ?1 AND f.fingerprint = ?2
LIMIT 1
