SELECT role AS assigned_to, status, tasks FROM crew_counts WHERE tasks > 0 ORDER BY role, status
