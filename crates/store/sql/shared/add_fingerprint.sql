INSERT INTO crew_fingerprints (project_id, fingerprint, version, incident_id)
SELECT project_id, ?2, ?3, id FROM crew_incidents WHERE id = ?1
ON CONFLICT (project_id, fingerprint) DO UPDATE SET version = excluded.version, incident_id = excluded.incident_id
