-- Whether any task other than this one holds a key that may be used only once.
SELECT EXISTS (SELECT 1 FROM agent_tasks WHERE once_key = ?1 AND id <> ?2)
