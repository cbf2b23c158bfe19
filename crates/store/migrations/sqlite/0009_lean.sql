-- The same indexes with their conditions in another form. SQLite makes a table in memory of a list of three words, each time
-- that a row is written; of two it makes comparisons.

DROP INDEX agent_tasks_dedupe;
CREATE UNIQUE INDEX agent_tasks_dedupe ON agent_tasks(dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status NOT IN ('completed', 'failed');

DROP INDEX agent_tasks_open_children;
CREATE INDEX agent_tasks_open_children ON agent_tasks(parent_task_id)
    WHERE parent_task_id IS NOT NULL AND status NOT IN ('completed', 'failed');
