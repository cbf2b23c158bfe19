SELECT id, 'it hands work to ' || quote(to_agent) || ', which is no role'
FROM agent_messages
WHERE message_type = 'handoff'
  AND to_agent NOT IN ('monitor', 'triage', 'developer', 'qa', 'security', 'architect', 'system', 'user')
ORDER BY id LIMIT ?1
