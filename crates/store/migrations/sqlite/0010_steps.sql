-- What a task has done already and does not repeat when it runs again.

CREATE TABLE crew_steps (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES agent_tasks(id),
    name TEXT NOT NULL,
    value_json TEXT NOT NULL,
    token INTEGER NOT NULL,  -- the claim whose run took it
    recorded_at DATETIME NOT NULL,
    UNIQUE (task_id, name)
);
