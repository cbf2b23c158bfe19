INSERT INTO crew_pauses (role, since, paused_by, reason) VALUES (?1, ?2, ?3, ?4)
