SELECT id, 'its retry_count is ' || coalesce(retry_count, 'NULL') || ', which is not within 0 to 3'
FROM agent_tasks WHERE retry_count NOT BETWEEN 0 AND 3
ORDER BY id LIMIT ?1
