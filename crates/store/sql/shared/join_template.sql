-- Lines of a kind that turned out to be another one count for that.
INSERT INTO crew_templates (project_id, source, template, text, level, occurrences, first_seen, last_seen, example, rated,
    notice, noticed_at)
SELECT project_id, source, ?4, text, level, occurrences, first_seen, last_seen, example, rated, notice, noticed_at
FROM crew_templates WHERE project_id = ?1 AND source = ?2 AND template = ?3
ON CONFLICT (project_id, source, template) DO UPDATE
SET occurrences = crew_templates.occurrences + excluded.occurrences,
    first_seen = CASE WHEN excluded.first_seen < crew_templates.first_seen
        THEN excluded.first_seen ELSE crew_templates.first_seen END,
    last_seen = CASE WHEN excluded.last_seen > crew_templates.last_seen
        THEN excluded.last_seen ELSE crew_templates.last_seen END,
    rated = CASE WHEN excluded.rated > crew_templates.rated THEN excluded.rated ELSE crew_templates.rated END,
    notice = coalesce(crew_templates.notice, excluded.notice),
    noticed_at = coalesce(crew_templates.noticed_at, excluded.noticed_at)
