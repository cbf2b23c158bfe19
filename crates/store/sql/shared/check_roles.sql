SELECT DISTINCT r.name, 'the state row of this role is not there'
FROM (SELECT 'monitor' AS name UNION SELECT 'triage' UNION SELECT 'developer' UNION SELECT 'qa'
      UNION SELECT 'security' UNION SELECT 'architect') r
LEFT JOIN agent_state s ON s.agent_name = r.name
WHERE s.agent_name IS NULL ORDER BY 1 LIMIT ?1
