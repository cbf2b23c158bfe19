SELECT EXISTS (SELECT 1 FROM crew_fingerprints WHERE incident_id = ?1 AND version = ?2)
