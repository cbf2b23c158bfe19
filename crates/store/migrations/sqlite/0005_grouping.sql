-- What makes errors one incident, beyond one fingerprint, and what a person or a rule of theirs decided about it.
-- As before, every added column may be left out of an INSERT.

ALTER TABLE crew_incidents ADD COLUMN family TEXT;   -- a coarser key: those that share it may be the same
ALTER TABLE crew_incidents ADD COLUMN rule TEXT;     -- the user's rule that decides what belongs to it
ALTER TABLE crew_incidents ADD COLUMN ignored_json TEXT;
CREATE INDEX crew_incidents_family ON crew_incidents(project_id, family) WHERE family IS NOT NULL;

-- Its own share, without what was merged into it, so that a split restores both; NULL where nothing was counted since.
ALTER TABLE crew_incidents ADD COLUMN own_first_seen DATETIME;
ALTER TABLE crew_incidents ADD COLUMN own_last_seen DATETIME;

-- Further fingerprints of an incident: those that a later rule gives to its errors.
CREATE TABLE crew_fingerprints (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    fingerprint TEXT NOT NULL,
    version INTEGER NOT NULL,
    incident_id INTEGER NOT NULL REFERENCES crew_incidents(id),
    PRIMARY KEY (project_id, fingerprint)
) WITHOUT ROWID;
CREATE INDEX crew_fingerprints_incident ON crew_fingerprints(incident_id);

-- Errors that the user's rules hide.
CREATE TABLE crew_hidden (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    rule TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL,
    PRIMARY KEY (project_id, rule)
) WITHOUT ROWID;
