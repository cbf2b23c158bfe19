-- Whether an open task other than this one holds a key.
SELECT EXISTS (
    SELECT 1 FROM agent_tasks
    WHERE dedupe_key = ?1 AND status NOT IN ('completed', 'failed') AND id <> ?2
)
