-- The four tables that Groundcrew is built on. They are given and fixed: names, columns, checks, defaults and indexes.
-- Every statement may be repeated, so that a database which already has them is taken over in place.

-- Agent task queue
-- Central table for all agent work items with task routing and status tracking
CREATE TABLE IF NOT EXISTS agent_tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_type TEXT NOT NULL,  -- classify_error, fix_bug, verify_fix, scan_logs, etc.
    assigned_to TEXT NOT NULL CHECK(assigned_to IN ('developer', 'qa', 'security', 'architect', 'triage', 'monitor')),
    created_by TEXT,  -- Agent that created this task (or 'system' or 'user')
    status TEXT DEFAULT 'pending' CHECK(status IN ('pending', 'running', 'completed', 'failed', 'blocked')),
    priority INTEGER DEFAULT 5 CHECK(priority >= 1 AND priority <= 10),  -- 10 = highest
    context_json TEXT,  -- JSON with task-specific data (file paths, error messages, etc.)
    result_json TEXT,  -- JSON with task results (for handoffs to next agent)
    parent_task_id INTEGER REFERENCES agent_tasks(id),  -- For workflow chains
    error_message TEXT,  -- Error details if status='failed'
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    started_at DATETIME,
    completed_at DATETIME,
    retry_count INTEGER DEFAULT 0  -- Track retry attempts (max 3)
);

-- Inter-agent messaging
-- Allows agents to ask questions, send notifications, and coordinate
CREATE TABLE IF NOT EXISTS agent_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER REFERENCES agent_tasks(id),
    from_agent TEXT NOT NULL,
    to_agent TEXT NOT NULL,
    message_type TEXT CHECK(message_type IN ('question', 'answer', 'handoff', 'notification')),
    content TEXT NOT NULL,
    metadata_json TEXT,  -- Additional context (severity, urgency, etc.)
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    read_at DATETIME
);

-- Agent execution logs
-- Audit trail of all agent actions for debugging and metrics
CREATE TABLE IF NOT EXISTS agent_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER REFERENCES agent_tasks(id),
    agent_name TEXT NOT NULL,
    log_level TEXT CHECK(log_level IN ('debug', 'info', 'warn', 'error')),
    message TEXT NOT NULL,
    data_json TEXT,  -- Structured log data (files read, commands run, etc.)
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);

-- Agent status tracking
-- Real-time agent health and performance metrics
CREATE TABLE IF NOT EXISTS agent_state (
    agent_name TEXT PRIMARY KEY CHECK(agent_name IN ('developer', 'qa', 'security', 'architect', 'triage', 'monitor')),
    last_active DATETIME DEFAULT CURRENT_TIMESTAMP,
    current_task_id INTEGER REFERENCES agent_tasks(id),
    status TEXT DEFAULT 'idle' CHECK(status IN ('idle', 'working', 'blocked')),
    metrics_json TEXT  -- Success rate, avg task time, token usage, etc.
);

-- Performance indexes
-- Optimized for agent polling and task routing
CREATE INDEX IF NOT EXISTS idx_agent_tasks_assigned_to ON agent_tasks(assigned_to, status);
CREATE INDEX IF NOT EXISTS idx_agent_tasks_parent ON agent_tasks(parent_task_id);
CREATE INDEX IF NOT EXISTS idx_agent_tasks_priority ON agent_tasks(priority DESC, created_at ASC);
CREATE INDEX IF NOT EXISTS idx_agent_messages_task ON agent_messages(task_id);
CREATE INDEX IF NOT EXISTS idx_agent_messages_to ON agent_messages(to_agent, read_at);
CREATE INDEX IF NOT EXISTS idx_agent_logs_task ON agent_logs(task_id);
CREATE INDEX IF NOT EXISTS idx_agent_logs_agent ON agent_logs(agent_name, created_at);

-- Initialize agent state for all agents
INSERT OR IGNORE INTO agent_state (agent_name, status, metrics_json) VALUES
('triage', 'idle', '{}'),
('developer', 'idle', '{}'),
('qa', 'idle', '{}'),
('security', 'idle', '{}'),
('architect', 'idle', '{}'),
('monitor', 'idle', '{}');
