SELECT name FROM sqlite_schema
WHERE type = 'table' AND (name LIKE 'agent\_%' ESCAPE '\' OR name LIKE 'crew\_%' ESCAPE '\')
ORDER BY name
