-- Counts that are kept instead of counted: tasks per role and status. Triggers keep them, so that rows of programs which know
-- only the given tables count too. A missing status means pending, as everywhere.

CREATE TABLE crew_counts (
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (role, status)
) WITHOUT ROWID;

-- A row for every role and status, so that keeping the counts is never more than an update.
INSERT INTO crew_counts (role, status, tasks)
SELECT role.value, status.value, (
    SELECT count(*) FROM agent_tasks
    WHERE assigned_to = role.value AND coalesce(agent_tasks.status, 'pending') = status.value)
FROM json_each('["developer", "qa", "security", "architect", "triage", "monitor"]') role,
    json_each('["pending", "running", "completed", "failed", "blocked"]') status;

CREATE TRIGGER crew_counts_insert AFTER INSERT ON agent_tasks BEGIN
    UPDATE crew_counts SET tasks = tasks + 1
    WHERE role = new.assigned_to AND status = coalesce(new.status, 'pending');
END;

CREATE TRIGGER crew_counts_delete AFTER DELETE ON agent_tasks BEGIN
    UPDATE crew_counts SET tasks = tasks - 1
    WHERE role = old.assigned_to AND status = coalesce(old.status, 'pending');
END;

CREATE TRIGGER crew_counts_update AFTER UPDATE OF status, assigned_to ON agent_tasks
WHEN old.status IS NOT new.status OR old.assigned_to <> new.assigned_to BEGIN
    UPDATE crew_counts SET tasks = tasks - 1
    WHERE role = old.assigned_to AND status = coalesce(old.status, 'pending');
    UPDATE crew_counts SET tasks = tasks + 1
    WHERE role = new.assigned_to AND status = coalesce(new.status, 'pending');
END;

-- Whether a parent has open children is looked up here, however many of them have ended.
CREATE INDEX agent_tasks_open_children ON agent_tasks(parent_task_id)
    WHERE parent_task_id IS NOT NULL AND status IN ('pending', 'running', 'blocked');
