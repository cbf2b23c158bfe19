SELECT * FROM crew_workers ORDER BY name
