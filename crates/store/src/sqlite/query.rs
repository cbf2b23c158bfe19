//! Every statement of the store by name; the text is in `sql/`, where `shared` holds what other databases understand too.

use std::path::Path;

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::file::fault;
use crate::error::StoreError;

/// A named statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    /// Its name, for errors.
    pub(super) name: &'static str,
    /// Its text.
    pub(super) text: &'static str,
}

macro_rules! queries {
    ($($name:ident = $file:literal;)+) => {
        $(pub(super) const $name: Query =
            Query { name: $file, text: include_str!(concat!("../../sql/", $file, ".sql")) };)+

        /// All statements.
        #[cfg(test)]
        const ALL: &[Query] = &[$($name),+];
    };
}

queries! {
    NOW = "sqlite/now";
    READY = "sqlite/ready";
    ADD_PROJECT = "shared/add_project";
    ADD_SCHEDULE = "shared/add_schedule";
    ADD_TO_BUCKET = "shared/add_to_bucket";
    ADD_TRAFFIC = "shared/add_traffic";
    ADVANCE_BOOKMARK = "shared/advance_bookmark";
    AGENT = "shared/agent";
    AGENTS = "shared/agents";
    ANSWERS_OF = "shared/answers_of";
    ATTEMPTS = "shared/attempts";
    ABOVE = "shared/above";
    ADD_FINGERPRINT = "shared/add_fingerprint";
    HAS_FURTHER = "shared/has_further";
    HIDDEN = "shared/hidden";
    HIDE = "shared/hide";
    HOLDER = "shared/holder";
    KEEP_OWN_SEEN = "shared/keep_own_seen";
    RENEW_TASK = "shared/renew_task";
    RESTORE_SEEN = "shared/restore_seen";
    RUNNING = "shared/running";
    ADD_TO_COUNT = "shared/add_to_count";
    FOREIGN_TRIGGERS = "sqlite/foreign_triggers";
    SIMILAR = "shared/similar";
    BEAT_WORKER = "shared/beat_worker";
    BOOKMARK = "shared/bookmark";
    CHANGE_INCIDENT = "shared/change_incident";
    CHECK_CHILDREN = "shared/check_children";
    CHECK_HAND_OFFS = "shared/check_hand_offs";
    CHECK_HELD = "shared/check_held";
    CHECK_KEYS = "sqlite/check_keys";
    CHECK_LINKS = "shared/check_links";
    CHECK_QUESTIONS = "sqlite/check_questions";
    CHECK_RETRIES = "shared/check_retries";
    CHECK_RINGS = "shared/check_rings";
    CHECK_ROLES = "shared/check_roles";
    CHECK_RUNS = "shared/check_runs";
    CHECK_TOKENS = "shared/check_tokens";
    CHECK_UNLEASED = "shared/check_unleased";
    CHECK_UNWAITED = "shared/check_unwaited";
    CHECK_WAITS = "shared/check_waits";
    CLAIM_TASK = "shared/claim_task";
    CLOSE_ATTEMPT = "shared/close_attempt";
    COUNT_STEPS = "shared/count_steps";
    RECORD_STEP = "shared/record_step";
    STEPS = "shared/steps";
    PRUNE_STEPS = "sqlite/prune_steps";
    PRUNE_READ_STEPS = "sqlite/prune_read_steps";
    COUNT_FOR_OTHERS = "shared/count_for_others";
    COUNTS = "shared/counts";
    CURSOR = "shared/cursor";
    CURSORS = "shared/cursors";
    DUE = "shared/due";
    END_TASK = "shared/end_task";
    EVENTS = "shared/events";
    EXPIRED = "shared/expired";
    FINISHED_PER_DAY = "shared/finished_per_day";
    FOREIGN_KEYS = "sqlite/foreign_keys";
    INBOX = "shared/inbox";
    INCIDENT = "shared/incident";
    INCIDENT_BUCKETS = "shared/incident_buckets";
    INCIDENT_COUNTS = "sqlite/incident_counts";
    INCIDENT_COUNTS_OF = "shared/incident_counts_of";
    INCIDENT_OF = "shared/incident_of";
    INCIDENTS = "shared/incidents";
    INCIDENTS_PER_STATUS = "shared/incidents_per_status";
    INSERT_EVENT = "shared/insert_event";
    INSERT_LOG = "shared/insert_log";
    INSERT_MESSAGE = "shared/insert_message";
    INSERT_SEAL = "shared/insert_seal";
    INSERT_TASK = "shared/insert_task";
    INTEGRITY = "sqlite/integrity";
    KEY_HOLDER = "shared/key_holder";
    KEY_TAKEN = "shared/key_taken";
    KEY_USED = "shared/key_used";
    KNOWN = "shared/known";
    LATEST_OF = "sqlite/latest_of";
    LIFT_PAUSE = "shared/lift_pause";
    LIMITS = "shared/limits";
    SIGNAL = "shared/signal";
    SIGNALS = "shared/signals";
    EMIT = "shared/emit";
    AWAIT = "shared/await";
    END_AWAIT = "shared/end_await";
    AWAITING = "shared/awaiting";
    AWAITS = "shared/awaits";
    HAS_ARRIVED = "shared/has_arrived";
    OPEN_SIGNALS = "shared/open_signals";
    CLOSE_SIGNAL = "shared/close_signal";
    CHECK_AWAITS = "shared/check_awaits";
    SET_LIMIT = "shared/set_limit";
    CLEAR_LIMIT = "shared/clear_limit";
    COUNT_START = "shared/count_start";
    RUNNING_GROUPS = "sqlite/running_groups";
    DEFAULT_PROJECT = "sqlite/default_project";
    ADD_GROUPS = "sqlite/add_groups";
    REMOVE_GROUPS = "sqlite/remove_groups";
    NEXT_TYPE = "sqlite/next_type";
    NEXT_PROJECT = "sqlite/next_project";
    GROUP_HEAD = "sqlite/group_head";
    LOG_BEFORE = "shared/log_before";
    LOG_PRUNED = "shared/log_pruned";
    LOG_RANGE = "shared/log_range";
    LOGS = "shared/logs";
    LOGS_NEWEST = "shared/logs_newest";
    LOGS_NEWEST_OF_TASK = "shared/logs_newest_of_task";
    LOGS_OF_TASK = "shared/logs_of_task";
    LOGS_OUTSIDE = "shared/logs_outside";
    MARK_READ = "shared/mark_read";
    MEND_LEASES = "shared/mend_leases";
    MEND_RETRIES = "shared/mend_retries";
    MESSAGE = "shared/message";
    MESSAGES_NEWEST = "shared/messages_newest";
    MESSAGES_OF_TASK = "shared/messages_of_task";
    MESSAGES_OF_WORKFLOW = "shared/messages_of_workflow";
    MESSAGES_TO = "shared/messages_to";
    MOVE_LEASES = "sqlite/move_leases";
    MOVE_RETRIES = "sqlite/move_retries";
    MOVE_SCHEDULES = "sqlite/move_schedules";
    NORMALISE = "sqlite/normalise";
    NORMALISE_WAITS = "shared/normalise_waits";
    OLD_BUCKETS = "shared/old_buckets";
    OLD_EVENTS = "shared/old_events";
    OLD_TRAFFIC = "shared/old_traffic";
    OPEN_ATTEMPT = "shared/open_attempt";
    CHILDREN = "shared/children";
    OPEN_CHILDREN = "shared/open_children";
    OPEN_OF_INCIDENT = "shared/open_of_incident";
    BLOCKED = "shared/blocked";
    CHECK_COUNTS = "shared/check_counts";
    OUR_TABLES = "sqlite/our_tables";
    PAUSES = "shared/pauses";
    PROJECTS = "shared/projects";
    PRUNABLE = "shared/prunable";
    PRUNE_ATTEMPTS = "sqlite/prune_attempts";
    PRUNE_BUCKETS = "sqlite/prune_buckets";
    PRUNE_EVENTS = "sqlite/prune_events";
    PRUNE_LOGS = "sqlite/prune_logs";
    PRUNE_MESSAGES = "sqlite/prune_messages";
    PRUNE_READ_ATTEMPTS = "sqlite/prune_read_attempts";
    PRUNE_READ_LOGS = "sqlite/prune_read_logs";
    PRUNE_READ_MESSAGES = "sqlite/prune_read_messages";
    PRUNE_READ_TASKS = "sqlite/prune_read_tasks";
    PRUNE_SEALED = "sqlite/prune_sealed";
    PRUNE_TASKS = "sqlite/prune_tasks";
    PRUNE_TRAFFIC = "sqlite/prune_traffic";
    READDRESS = "shared/readdress";
    READY_BY_AGE = "shared/ready_by_age";
    READY_COUNT = "shared/ready_count";
    READY_LONGEST = "shared/ready_longest";
    REGISTER_WORKER = "shared/register_worker";
    REMOVE_SCHEDULE = "shared/remove_schedule";
    REMOVE_WORKER = "shared/remove_worker";
    SCHEMA = "sqlite/schema";
    SCHEDULES = "shared/schedules";
    SCHEDULES_DUE = "shared/schedules_due";
    SEAL_AFTER = "shared/seal_after";
    SEAL_LAST = "shared/seal_last";
    SET_AGENT = "shared/set_agent";
    SET_CURSOR = "shared/set_cursor";
    SET_MERGED = "shared/set_merged";
    SET_PAUSE = "shared/set_pause";
    SET_SETTING = "shared/set_setting";
    SET_WAIT = "shared/set_wait";
    SETTING = "shared/setting";
    SIGHT = "shared/sight";
    STILL_NEEDED = "sqlite/still_needed";
    TASK = "shared/task";
    TASKS_NEWEST = "shared/tasks_newest";
    TASKS_OF_INCIDENT = "shared/tasks_of_incident";
    TASKS_OF_ROLE = "shared/tasks_of_role";
    TICK = "shared/tick";
    TRAFFIC = "shared/traffic";
    UNLEASED = "shared/unleased";
    UNREAD_WITH_TASK = "sqlite/unread_with_task";
    UPDATE_TASK = "shared/update_task";
    WAITING_PARENT = "shared/waiting_parent";
    WAITING_UP_TO = "shared/waiting_up_to";
    WORKERS = "shared/workers";
    WORKFLOW = "shared/workflow";
    ADD_RELEASE = "shared/add_release";
    ADD_TEMPLATE_BUCKET = "shared/add_template_bucket";
    COUNT_TEMPLATE = "shared/count_template";
    FORGET_RELEASES = "shared/forget_releases";
    FORGET_ALL_TEMPLATE_BUCKETS = "shared/forget_all_template_buckets";
    FORGET_TEMPLATES = "shared/forget_templates";
    FORGET_TEMPLATE_BUCKETS = "shared/forget_template_buckets";
    FORGOTTEN_TEMPLATES = "shared/forgotten_templates";
    INCIDENT_RELEASES = "shared/incident_releases";
    JOIN_TEMPLATE = "shared/join_template";
    JOIN_TEMPLATE_BUCKETS = "shared/join_template_buckets";
    LEARNED = "shared/learned";
    MINER = "shared/miner";
    NAME_RELEASES = "shared/name_releases";
    NOTICE_TEMPLATE = "shared/notice_template";
    OLD_TEMPLATE_BUCKETS = "shared/old_template_buckets";
    PRUNE_TEMPLATE_BUCKETS = "sqlite/prune_template_buckets";
    RELEASES = "shared/releases";
    REMOVE_TEMPLATE = "shared/remove_template";
    REMOVE_TEMPLATE_BUCKETS = "shared/remove_template_buckets";
    SEE_RELEASE = "shared/see_release";
    SET_MINER = "shared/set_miner";
    TEMPLATE_BUCKETS = "shared/template_buckets";
    TEMPLATES = "shared/templates";
    UNSEE_RELEASES = "shared/unsee_releases";
}

/// A connection and the file it is to, so that every error can name both.
#[derive(Clone, Copy)]
pub(super) struct Db<'c> {
    pub(super) connection: &'c Connection,
    pub(super) path: &'c Path,
}

impl<'c> Db<'c> {
    fn prepared(&self, query: Query) -> Result<CachedStatement<'c>, StoreError> {
        self.connection.prepare_cached(query.text).map_err(|error| self.fault(query.name, error))
    }

    /// Runs a statement; gives the number of rows it changed.
    pub(super) fn run(&self, query: Query, params: impl Params) -> Result<usize, StoreError> {
        self.prepared(query)?.execute(params).map_err(|error| self.fault(query.name, error))
    }

    /// Adds a row; gives its key. `RETURNING` would have SQLite keep the row in a table of its own first.
    pub(super) fn insert(&self, query: Query, params: impl Params) -> Result<i64, StoreError> {
        self.run(query, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        query: Query,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepared(query)?;
        let mut rows = statement.query(params).map_err(|error| self.fault(query.name, error))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.fault(query.name, error))? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// The first row.
    pub(super) fn first<T>(
        &self,
        query: Query,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.prepared(query)?;
        let mut rows = statement.query(params).map_err(|error| self.fault(query.name, error))?;
        match rows.next().map_err(|error| self.fault(query.name, error))? {
            Some(row) => read(row).map(Some),
            None => Ok(None),
        }
    }

    /// The integer in the first column of every row.
    pub(super) fn numbers(&self, query: Query, params: impl Params) -> Result<Vec<i64>, StoreError> {
        self.all(query, params, |row| row.get(0).map_err(|error| self.fault(query.name, error)))
    }

    /// The integer in the first column of the first row; 0 if there is none.
    pub(super) fn number(&self, query: Query, params: impl Params) -> Result<i64, StoreError> {
        Ok(self.numbers(query, params)?.first().copied().unwrap_or(0))
    }

    pub(super) fn fault(&self, action: &'static str, error: rusqlite::Error) -> StoreError {
        fault(self.path, action, error)
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_core::agent::AgentStatus;
    use groundcrew_core::incident::{Category, IncidentStatus, Severity};
    use groundcrew_core::log::LogLevel;
    use groundcrew_core::message::MessageType;
    use groundcrew_core::role::Role;
    use groundcrew_core::schedule::Missed;
    use groundcrew_core::task::{BlockedOn, Status};
    use rusqlite::config::DbConfig;

    use super::*;
    use crate::location::Access;
    use crate::sqlite::{file, migrations, row};

    fn fresh() -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crew.db");
        let connection = file::open_to_write(&path, Access::Create).unwrap();
        migrations::bring_up_to_date(&connection, &path).unwrap();
        (folder, connection)
    }

    fn plan(connection: &Connection, query: Query) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.text)).unwrap();
        let names = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(names), |row| row.get(3)).unwrap();
        steps.map(Result::unwrap).collect()
    }

    #[test]
    fn every_statement_fits_the_schema() {
        let (_folder, connection) = fresh();
        for query in ALL {
            if let Err(error) = connection.prepare(query.text) {
                panic!("{}: {error}", query.name);
            }
        }
    }

    #[test]
    fn a_claim_walks_its_index_and_sorts_nothing() {
        let (_folder, connection) = fresh();
        let steps = plan(&connection, READY);
        assert_eq!(steps[0], "SEARCH agent_tasks USING INDEX agent_tasks_ready (assigned_to=?)");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }

    #[test]
    fn the_task_that_waits_longest_is_found_by_the_first_of_each_priority() {
        let (_folder, connection) = fresh();
        let steps = plan(&connection, READY_LONGEST);
        let of_tasks: Vec<&str> = steps
            .iter()
            .map(String::as_str)
            .filter(|step| step.contains("agent_tasks") || step.contains("first"))
            .collect();
        assert_eq!(
            of_tasks,
            [
                "SEARCH agent_tasks USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH first USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH agent_tasks USING INDEX agent_tasks_ready (assigned_to=? AND priority=?)",
            ]
        );
    }

    #[test]
    fn a_sweep_and_a_group_look_only_at_partial_indexes() {
        let (_folder, connection) = fresh();
        for (query, index) in [
            (NORMALISE, "agent_tasks_unset"),
            (NORMALISE_WAITS, "agent_tasks_unwaited"),
            (UNLEASED, "agent_tasks_unleased"),
            (DUE, "agent_tasks_due"),
            (EXPIRED, "agent_tasks_lease"),
            (KEY_TAKEN, "agent_tasks_dedupe"),
            (KEY_HOLDER, "agent_tasks_dedupe"),
            (KEY_USED, "agent_tasks_once"),
            (AWAITING, "crew_awaits_signal"),
            (OPEN_SIGNALS, "crew_signals_open"),
            (SCHEDULES_DUE, "crew_schedules_due"),
            (OPEN_OF_INCIDENT, "agent_tasks_incident"),
            (MEND_LEASES, "agent_tasks_lease"),
            (MEND_RETRIES, "agent_tasks_due"),
            (MOVE_LEASES, "agent_tasks_lease"),
            (MOVE_RETRIES, "agent_tasks_due"),
        ] {
            let steps = plan(&connection, query);
            assert!(steps.iter().any(|step| step.contains(index)), "{}: {steps:?}", query.name);
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{}: {steps:?}", query.name);
        }
    }

    #[test]
    fn what_is_written_most_makes_no_table_in_memory_and_calls_no_trigger() {
        let (_folder, connection) = fresh();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
        for query in [
            INSERT_TASK,
            CLAIM_TASK,
            END_TASK,
            RENEW_TASK,
            UPDATE_TASK,
            INSERT_LOG,
            INSERT_MESSAGE,
            OPEN_ATTEMPT,
            CLOSE_ATTEMPT,
            SET_AGENT,
            ADD_TO_COUNT,
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN {}", query.text)).unwrap();
            let names = vec![rusqlite::types::Null; statement.parameter_count()];
            let steps: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(names), |row| row.get("opcode"))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let costly = ["OpenEphemeral", "OpenAutoindex", "SorterOpen", "Program"];
            let met: Vec<&String> = steps.iter().filter(|step| costly.contains(&step.as_str())).collect();
            assert!(met.is_empty(), "{}: {met:?}", query.name);
        }
    }

    #[test]
    fn tasks_are_read_in_the_order_in_which_they_are_selected() {
        let (_folder, connection) = fresh();
        for query in [
            GROUP_HEAD,
            LATEST_OF,
            READY,
            TASK,
            TASKS_NEWEST,
            TASKS_OF_INCIDENT,
            TASKS_OF_ROLE,
            WAITING_PARENT,
            WORKFLOW,
        ] {
            let statement = connection.prepare(query.text).unwrap();
            let names: Vec<&str> = statement.column_names().collect();
            assert_eq!(names, row::TASK, "{}", query.name);
        }
    }

    /// The connection that writes does not ask the schema, so what it may write is compared with it here.
    #[test]
    fn every_word_that_is_written_passes_the_checks_of_the_schema() {
        let (_folder, connection) = fresh();
        connection.pragma_update(None, "ignore_check_constraints", false).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let add = |text: &str, values: &[&dyn rusqlite::ToSql]| {
            connection.execute(text, values).unwrap_or_else(|error| panic!("{text}: {error}"));
        };
        for role in Role::ALL.iter().map(|word| word.as_str()) {
            for status in Status::ALL.iter().map(|word| word.as_str()) {
                for priority in 1..=10 {
                    let task = "INSERT INTO agent_tasks (task_type, assigned_to, status, priority) VALUES ('a', ?, ?, ?)";
                    add(task, &[&role, &status, &priority]);
                }
            }
            for status in AgentStatus::ALL.iter().map(|word| word.as_str()) {
                add("REPLACE INTO agent_state (agent_name, status) VALUES (?, ?)", &[&role, &status]);
            }
            for missed in Missed::ALL.iter().map(|word| word.as_str()) {
                let schedule = "REPLACE INTO crew_schedules (name, task_type, role, every_s, next_at, created_by, missed)
                    VALUES ('a', 'a', ?, 1, 1, 'a', ?)";
                add(schedule, &[&role, &missed]);
            }
        }
        for on in BlockedOn::ALL.iter().map(|word| word.as_str()) {
            let task = "INSERT INTO agent_tasks (task_type, assigned_to, blocked_on) VALUES ('a', 'qa', ?)";
            add(task, &[&on]);
        }
        for of in MessageType::ALL.iter().map(|word| word.as_str()) {
            let message = "INSERT INTO agent_messages (from_agent, to_agent, message_type, content) VALUES (1, 1, ?, 1)";
            add(message, &[&of]);
        }
        for level in LogLevel::ALL.iter().map(|word| word.as_str()) {
            add("INSERT INTO agent_logs (agent_name, log_level, message) VALUES ('qa', ?, 'a')", &[&level]);
        }
        let incident = |column: &str, word: &str| {
            let text = format!(
                "REPLACE INTO crew_incidents (project_id, fingerprint, fingerprint_version, title, first_seen, last_seen,
                    status, {column}) VALUES (1, 1, 1, 'a', 1, 1, ?, ?)"
            );
            let status = if column == "branch" { word } else { "new" };
            add(&text, &[&status, &word]);
        };
        IncidentStatus::ALL.iter().for_each(|word| incident("branch", word.as_str()));
        Category::ALL.iter().for_each(|word| incident("category", word.as_str()));
        Severity::ALL.iter().for_each(|word| incident("severity", word.as_str()));
    }

    #[test]
    fn counting_looks_at_no_task() {
        let (_folder, connection) = fresh();
        for (query, step) in [
            (COUNTS, "SCAN crew_counts"),
            (BLOCKED, "SEARCH crew_counts USING PRIMARY KEY (role=? AND status=?)"),
            (OPEN_CHILDREN, "SEARCH agent_tasks USING INDEX agent_tasks_open_children (parent_task_id=?)"),
        ] {
            assert_eq!(plan(&connection, query), [step]);
        }
    }

    #[test]
    fn what_limits_hold_back_is_passed_over_by_an_index() {
        let (_folder, connection) = fresh();
        connection.execute_batch(ADD_GROUPS.text).unwrap();
        let by = |columns: &str| format!("SEARCH agent_tasks USING INDEX agent_tasks_groups ({columns})");
        for (query, step) in [
            (NEXT_TYPE, by("assigned_to=? AND task_type>?")),
            (NEXT_PROJECT, by("assigned_to=? AND task_type=? AND <expr>>?")),
            (GROUP_HEAD, by("assigned_to=? AND task_type=? AND <expr>=?")),
        ] {
            let steps = plan(&connection, query);
            assert_eq!(steps[0], step, "{}", query.name);
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{}: {steps:?}", query.name);
        }
        let running = &plan(&connection, RUNNING_GROUPS)[0];
        assert!(running.ends_with("(assigned_to=? AND status=?)"), "{running}");
    }

    /// Steps of the virtual machine that finding the next ready task takes.
    fn steps_of_a_claim(connection: &Connection) -> i32 {
        let mut statement = connection.prepare(READY.text).unwrap();
        let found: String = statement.query_row(["qa"], |row| row.get("task_type")).unwrap();
        assert_eq!(found, "next");
        statement.get_status(rusqlite::StatementStatus::VmStep)
    }

    #[test]
    fn a_claim_costs_the_same_however_many_tasks_are_done_or_wait() {
        let (_folder, connection) = fresh();
        let add = "INSERT INTO agent_tasks (task_type, assigned_to, status, priority)";
        connection.execute_batch(&format!("{add} VALUES ('next', 'qa', 'pending', 9)")).unwrap();
        let alone = steps_of_a_claim(&connection);
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)";
        for (status, priority) in [("completed", 10), ("pending", 5)] {
            let many = format!("{numbers} {add} SELECT 'more', 'qa', '{status}', {priority} FROM n");
            connection.execute_batch(&many).unwrap();
        }
        assert_eq!(steps_of_a_claim(&connection), alone);
    }
}
