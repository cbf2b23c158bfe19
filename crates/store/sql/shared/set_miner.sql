-- A state that is not given stays as it is. The past has been read once, and that moment stays.
INSERT INTO crew_miners (project_id, source, generation, state_json, caught_up_at)
VALUES (?1, ?2, ?5, coalesce(?3, 'null'), ?4)
ON CONFLICT (project_id, source) DO UPDATE
SET generation = CASE WHEN ?3 IS NULL THEN crew_miners.generation ELSE ?5 END,
    state_json = coalesce(?3, crew_miners.state_json),
    caught_up_at = coalesce(crew_miners.caught_up_at, excluded.caught_up_at)
