-- Whether an open task other than this one holds a key.
SELECT EXISTS (
    SELECT 1 FROM agent_tasks
    WHERE dedupe_key = ?1 AND status IN ('pending', 'running', 'blocked') AND id <> ?2
)
