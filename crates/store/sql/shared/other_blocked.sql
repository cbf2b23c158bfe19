SELECT count(*) FROM agent_tasks WHERE assigned_to = ?1 AND status = 'blocked' AND id <> ?2
