-- What Groundcrew adds: leases, waits, projects, incidents and the record of every run.
-- Every added column may be left out of an INSERT, so that a program which knows only the given columns goes on working.
-- Keys are not AUTOINCREMENT here: an insert that turns into an update would use one up each time.
-- Added tables are named crew_..., so that they meet no table of the application whose database this is.

CREATE TABLE crew_projects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    root TEXT NOT NULL UNIQUE,
    config_json TEXT NOT NULL DEFAULT '{}',
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE crew_incidents (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    fingerprint TEXT NOT NULL,
    fingerprint_version INTEGER NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('baseline', 'new', 'fixing', 'fix_ready', 'approved', 'ignored', 'needs_human',
        'declined', 'resolved', 'regressed')),
    category TEXT CHECK(category IN ('code_bug', 'regression', 'config', 'dependency', 'infrastructure', 'resource', 'data',
        'user_error', 'security', 'flaky', 'unknown')),
    severity TEXT CHECK(severity IN ('critical', 'high', 'medium', 'low', 'info')),
    reason TEXT,
    occurrences INTEGER NOT NULL DEFAULT 0,
    first_seen DATETIME NOT NULL,
    last_seen DATETIME NOT NULL,
    sample_json TEXT NOT NULL DEFAULT '{}',
    branch TEXT,
    UNIQUE (project_id, fingerprint)
);
CREATE INDEX crew_incidents_status ON crew_incidents(status, last_seen);
CREATE INDEX crew_incidents_last_seen ON crew_incidents(last_seen);

-- None of these has a foreign key: SQLite would then check the given one to the parent at every update of such a column, and
-- a row whose parent another program deleted could never be worked.
ALTER TABLE agent_tasks ADD COLUMN project_id INTEGER;
ALTER TABLE agent_tasks ADD COLUMN incident_id INTEGER;
ALTER TABLE agent_tasks ADD COLUMN run_at DATETIME;
ALTER TABLE agent_tasks ADD COLUMN lease_token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent_tasks ADD COLUMN lease_owner TEXT;
ALTER TABLE agent_tasks ADD COLUMN lease_since DATETIME;
ALTER TABLE agent_tasks ADD COLUMN lease_until DATETIME;
ALTER TABLE agent_tasks ADD COLUMN blocked_on TEXT
    CHECK(blocked_on IN ('question', 'approval', 'children', 'budget', 'environment'));
ALTER TABLE agent_tasks ADD COLUMN blocked_message_id INTEGER;
ALTER TABLE agent_tasks ADD COLUMN refusal_code TEXT;
ALTER TABLE agent_tasks ADD COLUMN dedupe_key TEXT;

CREATE INDEX agent_tasks_ready ON agent_tasks(assigned_to, priority DESC, created_at, id)
    WHERE status = 'pending' AND run_at IS NULL;
CREATE INDEX agent_tasks_due ON agent_tasks(run_at) WHERE status = 'pending' AND run_at IS NOT NULL;
CREATE INDEX agent_tasks_lease ON agent_tasks(lease_until) WHERE status = 'running' AND lease_until IS NOT NULL;
CREATE INDEX agent_tasks_unleased ON agent_tasks(id) WHERE status = 'running' AND lease_until IS NULL;
CREATE INDEX agent_tasks_unwaited ON agent_tasks(id) WHERE status = 'blocked' AND blocked_on IS NULL;
CREATE INDEX agent_tasks_unset ON agent_tasks(id)
    WHERE status IS NULL OR priority IS NULL OR created_at IS NULL OR retry_count IS NULL;
CREATE INDEX agent_tasks_incident ON agent_tasks(incident_id) WHERE incident_id IS NOT NULL;
CREATE UNIQUE INDEX agent_tasks_dedupe ON agent_tasks(dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status IN ('pending', 'running', 'blocked');

CREATE TABLE crew_attempts (
    task_id INTEGER NOT NULL REFERENCES agent_tasks(id),
    token INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    ended_at DATETIME,
    outcome TEXT,
    error TEXT,
    PRIMARY KEY (task_id, token)
);

CREATE TABLE crew_workers (
    name TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    roles_json TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    last_seen DATETIME NOT NULL
);

CREATE TABLE crew_log_cursors (
    project_id INTEGER NOT NULL REFERENCES crew_projects(id),
    source TEXT NOT NULL,
    cursor_json TEXT NOT NULL,
    PRIMARY KEY (project_id, source)
);

CREATE TABLE crew_settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO crew_settings (name, value) VALUES ('redaction_key', lower(hex(randomblob(32))));
