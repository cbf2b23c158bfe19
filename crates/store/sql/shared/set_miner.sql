-- A state that is not given stays as it is. The past has been read once, and that moment stays.
INSERT INTO crew_miners (project_id, source, generation, state_json, caught_up_at)
VALUES (?1, ?2, 1, coalesce(?3, 'null'), ?4)
ON CONFLICT (project_id, source) DO UPDATE
SET generation = crew_miners.generation + CASE WHEN ?3 IS NULL THEN 0 ELSE 1 END,
    state_json = coalesce(?3, crew_miners.state_json),
    caught_up_at = coalesce(crew_miners.caught_up_at, excluded.caught_up_at)
