-- Seals over the audit log, made after the fact so that writers never wait for each other, and what pruning took out of it.

-- Each seal covers a range of agent_logs and the seal before it. The digests of its rows (key and SHA-256, 40 bytes each, in
-- the order of their keys) are what its hash is made from, so that the first row that differs can be named.
CREATE TABLE crew_audit_seals (
    id INTEGER PRIMARY KEY,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    digests BLOB NOT NULL,
    hash TEXT NOT NULL,
    sealed_at DATETIME NOT NULL
);

-- Sealed entries that were archived and deleted with their workflow.
CREATE TABLE crew_audit_pruned (
    log_id INTEGER PRIMARY KEY
);
