-- How many steps a task has recorded, and how many of them have this name.
SELECT count(*) AS recorded, count(CASE WHEN name = ?2 THEN 1 END) AS named FROM crew_steps WHERE task_id = ?1
