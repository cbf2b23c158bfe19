//! A crew's database at one moment, with fixed rows: a repaired incident that waits for approval, a question, an ignored
//! incident with hostile text, a failed task.

use serde_json::{Value, json};

use crate::support::Home;

/// Text that tries to take over a terminal.
pub(crate) const HOSTILE: &str =
    "cart \u{1b}[2J\u{1b}]0;owned\u{7} \u{9b}31m \u{202e}gnp.exe\u{2066} \u{200b}\r\nnext line";

/// The approval that waits.
pub(crate) const APPROVAL: &str = "1";
/// The question that waits.
pub(crate) const QUESTION: &str = "2";
/// The task that waits for the approval.
pub(crate) const PUBLISH: &str = "5";
/// Branch of the fix.
pub(crate) const BRANCH: &str = "groundcrew/1-keyerror";

/// A home whose crew has worked.
pub(crate) struct Crew {
    pub(crate) home: Home,
    pub(crate) base: String,
    pub(crate) head: String,
}

impl Crew {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        home.repository();
        let base = home.git(&["rev-parse", "HEAD"]);
        home.git(&["checkout", "--quiet", "-b", BRANCH]);
        std::fs::write(home.shop().join("app.py"), "def price(bag):\n    return bag.get('price', 0)\n")
            .unwrap();
        home.git(&["commit", "--quiet", "-am", "Fix KeyError at app.py:2"]);
        let head = home.git(&["rev-parse", "HEAD"]);
        home.git(&["checkout", "--quiet", "main"]);
        home.ok(&["db", "migrate"]);
        let crew = Self { home, base, head };
        crew.fill();
        crew.bind();
        crew
    }

    fn fill(&self) {
        let sql = self.home.sql();
        sql.execute(
            "INSERT INTO crew_projects (name, root, created_at) VALUES ('shop', ?1, '2026-03-01 09:00:00')",
            [self.home.shop().to_str().unwrap()],
        )
        .unwrap();
        let mut incident = sql
            .prepare(
                "INSERT INTO crew_incidents (project_id, fingerprint, fingerprint_version, title, status, category, \
                 severity, reason, occurrences, first_seen, last_seen, sample_json, branch) \
                 VALUES (1, ?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, '2026-03-01 09:10:00', '2026-03-01 09:20:00', ?8, ?9)",
            )
            .unwrap();
        let sample =
            json!({ "text": format!("KeyError: 'price'\n{HOSTILE}"), "source": "/var/log/shop.log" })
                .to_string();
        incident
            .execute((
                "aaaa",
                "KeyError in price: 'price'",
                "fix_ready",
                "code_bug",
                "high",
                "a fix of grade B waits for approval",
                3,
                &sample,
                BRANCH,
            ))
            .unwrap();
        let ignored = format!("ValidationError in {HOSTILE}");
        incident
            .execute((
                "bbbb",
                &ignored,
                "ignored",
                "user_error",
                "low",
                "the caller was told so",
                7,
                "{}",
                None::<&str>,
            ))
            .unwrap();
        self.fill_tasks();
        self.fill_logs();
    }

    fn fill_tasks(&self) {
        let sql = self.home.sql();
        let mut task = sql
            .prepare(
                "INSERT INTO agent_tasks (task_type, assigned_to, created_by, status, priority, context_json, \
                 result_json, parent_task_id, error_message, created_at, completed_at, retry_count, project_id, \
                 incident_id) VALUES (?1, ?2, ?3, ?4, 7, ?5, ?6, ?7, ?8, '2026-03-01 09:11:00', ?9, ?10, 1, ?11)",
            )
            .unwrap();
        let done = Some("2026-03-01 09:12:00");
        let none = None::<&str>;
        let dossier = self.dossier();
        let text = |value: Value| value.to_string();
        task.execute((
            "classify_error",
            "triage",
            "monitor",
            "completed",
            text(json!({ "reason": "new" })),
            Some(text(json!({ "outcome": "developer" }))),
            None::<i64>,
            none,
            done,
            0,
            Some(1),
        ))
        .unwrap();
        task.execute((
            "fix_bug",
            "developer",
            "triage",
            "completed",
            text(json!({ "round": 1 })),
            Some(text(json!({ "outcome": "patch" }))),
            Some(1),
            none,
            done,
            0,
            Some(1),
        ))
        .unwrap();
        task.execute((
            "verify_fix",
            "qa",
            "developer",
            "completed",
            text(json!({ "dossier": {} })),
            Some(text(json!({ "outcome": "accepted" }))),
            Some(2),
            none,
            done,
            1,
            Some(1),
        ))
        .unwrap();
        task.execute((
            "check_health",
            "monitor",
            "system",
            "failed",
            text(json!({ "checks": [HOSTILE] })),
            None::<String>,
            None::<i64>,
            Some(HOSTILE),
            done,
            3,
            None::<i64>,
        ))
        .unwrap();
        let context =
            json!({ "branch": BRANCH, "base_sha": self.base, "head_sha": self.head, "dossier": dossier });
        task.execute((
            "publish_fix",
            "developer",
            "architect",
            "blocked",
            text(context),
            None::<String>,
            Some(3),
            none,
            none,
            0,
            Some(1),
        ))
        .unwrap();
        task.execute((
            "verify_fix",
            "qa",
            "user",
            "blocked",
            text(json!({})),
            None::<String>,
            None::<i64>,
            none,
            none,
            0,
            None::<i64>,
        ))
        .unwrap();
        task.execute((
            "classify_error",
            "triage",
            "user",
            "pending",
            text(json!({ "error": HOSTILE })),
            None::<String>,
            None::<i64>,
            none,
            none,
            0,
            None::<i64>,
        ))
        .unwrap();
    }

    /// One reading of a log, task 8, started the work on both incidents; task 9 is triage of the second.
    pub(crate) fn read_together(&self) {
        let sql = "INSERT INTO agent_tasks (id, task_type, assigned_to, status, parent_task_id, incident_id) VALUES \
                   (8, 'scan_logs', 'monitor', 'completed', NULL, NULL), \
                   (9, 'classify_error', 'triage', 'pending', 8, 2); \
                   UPDATE agent_tasks SET parent_task_id = 8 WHERE id = 1;";
        self.home.sql().execute_batch(sql).unwrap();
    }

    fn fill_logs(&self) {
        let sql = self.home.sql();
        let mut log = sql
            .prepare(
                "INSERT INTO agent_logs (task_id, agent_name, log_level, message, data_json, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, '2026-03-01 09:11:30')",
            )
            .unwrap();
        let act =
            json!({ "act": "file_read", "path": "app.py", "commit": self.base, "bytes": 41 }).to_string();
        log.execute((2, "developer", "debug", "read app.py", &act)).unwrap();
        log.execute((2, "developer", "info", "trying get with a default", r#"{"step":true}"#)).unwrap();
        log.execute((4, "monitor", "error", HOSTILE, r#"{"step":true}"#)).unwrap();
        sql.execute(
            "INSERT INTO crew_attempts (task_id, token, worker, started_at, ended_at, outcome, error) VALUES \
             (3, 1, 'qa@host-1', '2026-03-01 09:11:00', '2026-03-01 09:11:10', 'lost', 'worker qa@host-1 lost its lease'), \
             (3, 2, 'qa@host-2', '2026-03-01 09:11:20', '2026-03-01 09:12:00', 'completed', NULL)",
            [],
        )
        .unwrap();
        sql.execute(
            "UPDATE agent_state SET status = 'blocked', metrics_json = \
             '{\"completed\":2,\"failed\":1,\"runs\":4,\"avg_task_ms\":1530}' WHERE agent_name = 'developer'",
            [],
        )
        .unwrap();
    }

    /// The two messages that wait. The hash of the diff is asked from the program, as an agent would have taken it.
    fn bind(&self) {
        let hash = self.home.json(&["show", PUBLISH, "--diff"])["diff"]["hash"].as_str().unwrap().to_owned();
        let approval = json!({
            "choices": [{ "key": "approve", "text": "Keep the branch as approved" }, { "key": "reject", "text": "Not this way; say why" }],
            "default": "approve",
            "binding": { "branch": BRANCH, "commit": self.head, "diff_hash": hash },
        });
        let question = json!({
            "choices": [{ "key": "retry", "text": "Tests are there now" }, { "key": "hand_over", "text": "Leave it to me" }],
            "default": "retry",
        });
        let sql = self.home.sql();
        let mut message = sql
            .prepare(
                "INSERT INTO agent_messages (task_id, from_agent, to_agent, message_type, content, metadata_json, created_at) \
                 VALUES (?1, ?2, 'user', 'question', ?3, ?4, '2026-03-01 09:13:00')",
            )
            .unwrap();
        message
            .execute((5, "developer", "Approve the fix for \"KeyError in price\"?", approval.to_string()))
            .unwrap();
        message.execute((6, "qa", format!("No tests were found. {HOSTILE}"), question.to_string())).unwrap();
        sql.execute_batch(
            "UPDATE agent_tasks SET blocked_on = 'approval', blocked_message_id = 1 WHERE id = 5; \
             UPDATE agent_tasks SET blocked_on = 'question', blocked_message_id = 2 WHERE id = 6;",
        )
        .unwrap();
    }

    fn dossier(&self) -> Value {
        json!({
            "title": "KeyError in price: 'price'",
            "fix": {
                "base_sha": self.base, "commit_sha": self.head, "round": 1, "strategy": "get_default", "kind": "cause",
                "one_line_typo": false, "explanation": "takes 0 where there is no price", "patch_hash": "p",
                "files_changed": ["app.py"], "reproduction": null, "reverts": null,
                "root_cause": { "file": "app.py", "line": 2, "statement": "return bag['price']", "why": "the key is missing" },
                "candidates": [],
            },
            "verification": {
                "base_sha": self.base, "head_sha": self.head, "tree_sha": self.head, "grade": "B",
                "gates": {
                    "kind": "cause", "one_line_typo": false, "reproduction_before": "passed", "reproduction_after": "passed",
                    "suite": "passed", "regression_test": "passed", "mutants": "killed", "differential": "differs", "smell": "clean",
                },
                "checks": [
                    { "name": "reproduction_before", "status": "passed", "detail": "KeyError, 3 of 3 times" },
                    { "name": "differential", "status": "differs", "detail": HOSTILE },
                ],
                "suite_base": { "collected": 1, "passed": 1, "failed": 0, "skipped": 0 },
                "suite_head": { "collected": 2, "passed": 2, "failed": 0, "skipped": 0 },
                "new_failures": [], "behaviour_diff": ["price({}) gave KeyError, gives 0"], "survivors": [],
                "mutants": [2, 2], "sandbox": "strict",
            },
            "reviews": [
                { "role": "security", "head_sha": self.head, "verdict": "pass", "findings": [], "summary": "nothing found" },
                { "role": "architect", "head_sha": self.head, "verdict": "concerns", "summary": "one concern",
                  "findings": [{ "rule": "complexity", "level": "warning", "file": "app.py", "line": 2, "message": HOSTILE }] },
            ],
        })
    }
}

/// What a terminal would act on or hide.
pub(crate) fn hidden(text: &str) -> Vec<char> {
    let hides = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(hides).collect()
}
