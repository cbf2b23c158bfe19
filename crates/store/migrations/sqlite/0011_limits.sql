-- How many tasks of a role, a type or a project run at once, and how many of them start within a time.

CREATE TABLE crew_limits (
    scope TEXT NOT NULL CHECK(scope IN ('role', 'type', 'project')),
    name TEXT NOT NULL,  -- the role, the type, or the key of the project
    concurrency INTEGER CHECK(concurrency >= 1),
    starts INTEGER CHECK(starts >= 1),
    per_s INTEGER CHECK(per_s >= 1),
    since DATETIME NOT NULL,
    set_by TEXT NOT NULL,
    window_at DATETIME,  -- when the window of the rate opened in which was counted last
    started INTEGER NOT NULL DEFAULT 0,  -- tasks that started in it
    PRIMARY KEY (scope, name)
);
