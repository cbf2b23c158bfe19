-- Facts that come once, and the tasks that wait for them. Such a task is pending and not ready before its run_at.

CREATE TABLE crew_signals (
    name TEXT PRIMARY KEY,
    payload_json TEXT NOT NULL,
    emitted_at DATETIME NOT NULL,
    emitted_by TEXT NOT NULL,
    open INTEGER NOT NULL DEFAULT 1  -- whether a sweep has still to see that nothing waits for it
);
CREATE INDEX crew_signals_open ON crew_signals(name) WHERE open = 1;

CREATE TABLE crew_awaits (
    task_id INTEGER PRIMARY KEY,
    signal TEXT NOT NULL,
    since DATETIME NOT NULL
);
CREATE INDEX crew_awaits_signal ON crew_awaits(signal);
