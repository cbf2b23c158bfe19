SELECT * FROM crew_limits ORDER BY scope, name
