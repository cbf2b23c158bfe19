-- What is known of a log beyond its errors: in which releases an error happens, and which kinds of lines a source writes.
-- As before, every added column may be left out of an INSERT.

ALTER TABLE crew_incidents ADD COLUMN first_release TEXT;
ALTER TABLE crew_incidents ADD COLUMN last_release TEXT;

CREATE TABLE crew_incident_releases (
    incident_id INTEGER NOT NULL REFERENCES crew_incidents(id),
    release TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL,
    PRIMARY KEY (incident_id, release)
) WITHOUT ROWID;

-- Which releases of a project ran, by the records of its logs.
CREATE TABLE crew_releases (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    release TEXT NOT NULL,
    records INTEGER NOT NULL,
    first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL,
    PRIMARY KEY (project_id, release)
) WITHOUT ROWID;

-- What the next scan of a source goes on from; its generation tells it from every other one.
CREATE TABLE crew_miners (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    source TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    state_json TEXT NOT NULL DEFAULT 'null',
    caught_up_at DATETIME,  -- when its whole past had been read
    PRIMARY KEY (project_id, source)
);

CREATE TABLE crew_templates (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    source TEXT NOT NULL,
    template INTEGER NOT NULL,
    text TEXT NOT NULL,
    level TEXT,
    occurrences INTEGER NOT NULL,
    first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL,
    example TEXT NOT NULL,
    rated INTEGER NOT NULL DEFAULT 0,  -- 1 where its lines are counted over time
    notice TEXT,
    noticed_at DATETIME,
    PRIMARY KEY (project_id, source, template)
);

CREATE TABLE crew_template_buckets (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    source TEXT NOT NULL,
    template INTEGER NOT NULL,
    bucket DATETIME NOT NULL,
    occurrences INTEGER NOT NULL,
    PRIMARY KEY (project_id, source, template, bucket)
) WITHOUT ROWID;
