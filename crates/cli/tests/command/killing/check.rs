//! What must hold when the crew has come to rest, whatever was killed before.

use std::collections::BTreeSet;
use std::process::Command;

use rusqlite::Connection;
use rusqlite::types::FromSql;
use serde_json::Value;

use super::service::{Service, read};
use super::talk;

/// Everything that does not hold, in words; empty when all is well.
pub(super) fn violations(service: &Service) -> Vec<String> {
    let sql = service.sql();
    let mut found = tasks(&sql);
    found.extend(service.created.iter().filter_map(|id| {
        let status: Option<String> =
            sql.query_row("SELECT status FROM agent_tasks WHERE id = ?1", [id], |row| row.get(0)).ok();
        (status.as_deref() != Some("completed"))
            .then(|| format!("task {id} of another program is {status:?}"))
    }));
    found.extend(occurrences(service, &sql));
    found.extend(branches(service, &sql));
    found.extend(repository(service));
    found.extend(talk::violations(service, &sql));
    found
}

pub(super) fn rows<T: FromSql>(sql: &Connection, query: &str) -> Vec<T> {
    let mut query = sql.prepare(query).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Every task settled once, and every effect of a settlement there once.
fn tasks(sql: &Connection) -> Vec<String> {
    let rules = [
        (
            "still open",
            "SELECT id || ' ' || task_type || ' ' || status FROM agent_tasks WHERE status IN ('pending', 'running')",
        ),
        ("retried too often", "SELECT id FROM agent_tasks WHERE retry_count > 3"),
        (
            "failed without a reason",
            "SELECT id FROM agent_tasks WHERE status = 'failed' AND error_message IS NULL",
        ),
        (
            "run without an end",
            "SELECT task_id || ' claim ' || token FROM crew_attempts WHERE ended_at IS NULL",
        ),
        (
            "completed twice, or not as its runs say",
            "SELECT t.id || ' ' || t.task_type FROM agent_tasks t LEFT JOIN crew_attempts a ON a.task_id = t.id \
             AND a.outcome = 'completed' GROUP BY t.id HAVING count(a.token) <> (t.status = 'completed')",
        ),
        (
            "went on after its end",
            "SELECT a.task_id || ' claim ' || a.token FROM crew_attempts a JOIN crew_attempts b ON b.task_id = a.task_id \
             AND b.token > a.token WHERE a.outcome = 'completed'",
        ),
        (
            "claims not numbered one by one",
            "SELECT task_id FROM crew_attempts GROUP BY task_id HAVING min(token) <> 1 OR max(token) <> count(*)",
        ),
        (
            "handed on twice",
            "SELECT parent_task_id || ' to ' || task_type || ' x ' || count(*) FROM agent_tasks WHERE parent_task_id IS NOT \
             NULL GROUP BY parent_task_id, task_type, ifnull(incident_id, 0) HAVING count(*) > 1",
        ),
        (
            "asked twice",
            "SELECT task_id || ': ' || content FROM agent_messages WHERE message_type = 'question' \
             GROUP BY task_id, content HAVING count(*) > 1",
        ),
        (
            "answered twice",
            "SELECT json_extract(metadata_json, '$.answers') FROM agent_messages WHERE message_type = 'answer' \
             GROUP BY 1 HAVING count(*) > 1",
        ),
        (
            "waits for nothing",
            "SELECT id FROM agent_tasks WHERE status = 'blocked' AND (blocked_on IS NULL OR \
             (blocked_on <> 'children' AND blocked_message_id IS NULL))",
        ),
    ];
    broken(sql, &rules)
}

/// What the queries find, each with its rule in front.
pub(super) fn broken(sql: &Connection, rules: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (what, query) in rules {
        let bad = rows::<rusqlite::types::Value>(sql, query);
        found.extend(bad.into_iter().map(|row| format!("{what}: {row:?}")));
    }
    found
}

/// Every line of the log counted once.
fn occurrences(service: &Service, sql: &Connection) -> Vec<String> {
    let mut found = Vec::new();
    for (part, logged) in &service.logged {
        let title = format!("KeyError in count_{part}: %");
        let counted: Option<i64> = sql
            .query_row("SELECT sum(occurrences) FROM crew_incidents WHERE title LIKE ?1", [&title], |row| {
                row.get(0)
            })
            .unwrap();
        if counted != i64::try_from(*logged).ok() {
            found.push(format!("error of part {part}: logged {logged} times, counted {counted:?}"));
        }
    }
    found
}

/// Every branch is exactly what its task says, whole, and every commit the crew made is kept by a ref.
fn branches(service: &Service, sql: &Connection) -> Vec<String> {
    let home = &service.home;
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for context in rows::<String>(
        sql,
        "SELECT context_json FROM agent_tasks WHERE task_type = 'publish_fix' AND status IN ('blocked', 'completed')",
    ) {
        let context: Value = serde_json::from_str(&context).unwrap();
        let (branch, head) = (context["branch"].as_str().unwrap(), context["head_sha"].as_str().unwrap());
        known.insert(branch.to_owned());
        let at = home.git(&["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        if at != head {
            found.push(format!("branch {branch} is at {at:?} and not at {head}"));
        }
    }
    for branch in home.git(&["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/groundcrew"]).lines()
    {
        if !known.contains(branch) {
            found.push(format!("branch {branch} belongs to no task"));
        }
    }
    let kept = home.git(&["for-each-ref", "--format=%(refname)", "refs/groundcrew", "refs/heads/groundcrew"]);
    let reachable: BTreeSet<String> = home
        .git(&[vec!["rev-list"], kept.lines().collect(), vec!["HEAD"]].concat())
        .lines()
        .map(str::to_owned)
        .collect();
    for commit in rows::<Option<String>>(
        sql,
        "SELECT json_extract(result_json, '$.fix.commit_sha') FROM agent_tasks \
         WHERE task_type = 'fix_bug' AND status = 'completed'",
    )
    .into_iter()
    .flatten()
    {
        if !reachable.contains(&commit) {
            found.push(format!("the fix {commit} is kept by no ref"));
        }
    }
    found.extend(decisions(service, sql));
    found
}

/// A decision was carried out wholly or not at all.
fn decisions(service: &Service, sql: &Connection) -> Vec<String> {
    let mut found = Vec::new();
    let base = service.home.git(&["rev-parse", "main"]);
    let mut moved = BTreeSet::new();
    for result in rows::<String>(
        sql,
        "SELECT result_json FROM agent_tasks WHERE task_type = 'publish_fix' AND status = 'completed'",
    ) {
        let result: Value = serde_json::from_str(&result).unwrap();
        let (Some(into), Some(head)) = (result["into"].as_str(), result["head_sha"].as_str()) else {
            continue;
        };
        moved.insert(into.to_owned());
        let at = service.home.git(&["rev-parse", into]);
        if at != head {
            found.push(format!("{into} was approved as {head} and is at {at}"));
        }
    }
    for branch in
        service.home.git(&["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/into"]).lines()
    {
        let at = service.home.git(&["rev-parse", branch]);
        if at != base && !moved.contains(branch) {
            found.push(format!("{branch} moved without a decision"));
        }
    }
    found
}

/// The owner's checkout as it was, and nothing left behind.
fn repository(service: &Service) -> Vec<String> {
    let home = &service.home;
    let mut found = Vec::new();
    for (what, arguments, expected) in [
        ("the checkout", vec!["status", "--porcelain"], "?? groundcrew.toml"),
        ("the branch", vec!["symbolic-ref", "HEAD"], "refs/heads/main"),
        ("the history", vec!["log", "--format=%s", "main"], "First"),
    ] {
        let now = home.git(&arguments);
        if now != expected {
            found.push(format!("{what} is {now:?} and not {expected:?}"));
        }
    }
    let trees = home.git(&["worktree", "list", "--porcelain"]);
    let left: Vec<&str> = trees.lines().filter(|line| line.starts_with("worktree ")).skip(1).collect();
    if !left.is_empty() {
        found.push(format!("work trees are left: {left:?}"));
    }
    for (file, before) in &service.own_files {
        if read(file) != *before {
            found.push(format!("{} was changed", file.display()));
        }
    }
    let work = home.database().with_file_name("groundcrew.db.work");
    let signs = std::fs::read_dir(work).unwrap().map(|entry| entry.unwrap().file_name());
    let signs: Vec<_> = signs.filter(|name| name.to_string_lossy().starts_with("alive-")).collect();
    if !signs.is_empty() {
        found.push(format!("signs of processes that have ended are left: {signs:?}"));
    }
    let checked = Command::new("git")
        .args(["fsck", "--no-dangling", "--no-progress"])
        .current_dir(home.shop())
        .output()
        .unwrap();
    if !(checked.status.success() && checked.stdout.is_empty()) {
        let told = [checked.stdout, checked.stderr].concat();
        found.push(format!("the repository is damaged: {}", String::from_utf8_lossy(&told)));
    }
    found
}
