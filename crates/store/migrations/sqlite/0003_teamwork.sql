-- What daily use adds: pauses, schedules, events for the world outside, counts over time, merged incidents.
-- As before, every added column may be left out of an INSERT.

CREATE TABLE crew_pauses (
    role TEXT PRIMARY KEY,  -- a role, or 'all'
    since DATETIME NOT NULL,
    paused_by TEXT NOT NULL,
    reason TEXT NOT NULL
);

CREATE TABLE crew_schedules (
    name TEXT PRIMARY KEY,
    task_type TEXT NOT NULL,
    role TEXT NOT NULL CHECK(role IN ('developer', 'qa', 'security', 'architect', 'triage', 'monitor')),
    project_id INTEGER,
    priority INTEGER NOT NULL DEFAULT 5 CHECK(priority >= 1 AND priority <= 10),
    context_json TEXT NOT NULL DEFAULT 'null',
    every_s INTEGER NOT NULL CHECK(every_s >= 1),
    next_at DATETIME NOT NULL,
    created_by TEXT NOT NULL,
    last_task INTEGER
);
CREATE INDEX crew_schedules_due ON crew_schedules(next_at);

-- Only one task may ever hold such a key, open or ended.
ALTER TABLE agent_tasks ADD COLUMN once_key TEXT;
CREATE UNIQUE INDEX agent_tasks_once ON agent_tasks(once_key) WHERE once_key IS NOT NULL;

ALTER TABLE crew_incidents ADD COLUMN fix_commit TEXT;
ALTER TABLE crew_incidents ADD COLUMN released_at DATETIME;
ALTER TABLE crew_incidents ADD COLUMN merged_into INTEGER;
CREATE INDEX crew_incidents_merged ON crew_incidents(merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE crew_incident_buckets (
    incident_id INTEGER NOT NULL REFERENCES crew_incidents(id),
    bucket DATETIME NOT NULL,
    occurrences INTEGER NOT NULL,
    PRIMARY KEY (incident_id, bucket)
) WITHOUT ROWID;

CREATE TABLE crew_traffic (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    source TEXT NOT NULL,
    bucket DATETIME NOT NULL,
    lines INTEGER NOT NULL,
    records INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY (project_id, bucket, source)
) WITHOUT ROWID;

-- AUTOINCREMENT, since a bookmark into this table must never find a number used twice.
CREATE TABLE crew_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at DATETIME NOT NULL,
    kind TEXT NOT NULL,
    project_id INTEGER,
    incident_id INTEGER,
    task_id INTEGER,
    message_id INTEGER,
    title TEXT NOT NULL,
    data_json TEXT NOT NULL DEFAULT 'null'
);

CREATE TABLE crew_bookmarks (
    name TEXT PRIMARY KEY,
    event_id INTEGER NOT NULL
);
