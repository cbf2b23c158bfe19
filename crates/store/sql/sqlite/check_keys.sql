-- The rows themselves, not the index that is there to forbid it.
SELECT min(id), 'tasks ' || group_concat(id, ', ') || ' are open at once under the key ' || quote(dedupe_key)
FROM agent_tasks NOT INDEXED
WHERE dedupe_key IS NOT NULL AND status IN ('pending', 'running', 'blocked')
GROUP BY dedupe_key HAVING count(*) > 1
ORDER BY 1 LIMIT ?1
