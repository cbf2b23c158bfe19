INSERT INTO crew_templates (project_id, source, template, text, level, occurrences, first_seen, last_seen, example, rated)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (project_id, source, template) DO UPDATE
SET text = excluded.text,
    level = coalesce(excluded.level, crew_templates.level),
    occurrences = crew_templates.occurrences + excluded.occurrences,
    first_seen = CASE WHEN excluded.first_seen < crew_templates.first_seen
        THEN excluded.first_seen ELSE crew_templates.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_templates.last_seen
        THEN excluded.last_seen ELSE crew_templates.last_seen END,
    rated = CASE WHEN excluded.rated > crew_templates.rated THEN excluded.rated ELSE crew_templates.rated END
