-- Before an incident is merged into this one: what is its own.
UPDATE crew_incidents
SET own_first_seen = coalesce(own_first_seen, first_seen), own_last_seen = coalesce(own_last_seen, last_seen)
WHERE id = ?1
