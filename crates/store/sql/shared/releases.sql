SELECT release, records AS occurrences, first_seen, last_seen FROM crew_releases
WHERE project_id = ?1
ORDER BY first_seen, release
