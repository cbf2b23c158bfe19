//! The product as a whole: a broken service goes in, reviewed fixes come out, and a kill in the middle changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Home, PATIENCE, Ran, git, until};

const SECRETS: [&str; 2] = ["Kaffee-4471-example", "rst_live_3f9a0c7e51example"];

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// A finished demo in a folder that is kept.
struct Shown {
    home: Home,
    folder: PathBuf,
    report: Value,
}

impl Shown {
    fn run() -> Self {
        let home = Home::new();
        let folder = home.path().join("demo");
        let ran = home.run(&["demo", "--json", "--keep", folder.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let report = serde_json::from_str(&ran.stdout).unwrap();
        Self { home, folder, report }
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("roastery")
    }

    fn sql(&self) -> Connection {
        let connection = Connection::open(self.folder.join("groundcrew.db")).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection
    }

    fn count(&self, query: &str) -> i64 {
        self.sql().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Whether the database has its schema yet.
    fn has_tasks(&self) -> bool {
        self.count("SELECT count(*) FROM sqlite_schema WHERE name = 'crew_settings'") > 0
    }

    /// A verb on the demo's own database and settings.
    fn command(&self, arguments: &[&str]) -> Command {
        let url = format!("sqlite:{}", self.folder.join("groundcrew.db").display());
        let mut command = self.home.command(["--database", &url]);
        command.args(arguments).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command
    }

    fn verb(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn expected() -> Vec<Value> {
    serde_json::from_str(include_str!("../../../../examples/roastery/incidents.json")).unwrap()
}

/// The incidents of the report that are of this kind: same exception, innermost frame of our own in this function.
fn incidents_like<'a>(report: &'a Value, wanted: &Value) -> Vec<&'a Value> {
    let all = report["incidents"].as_array().unwrap().iter();
    all.filter(|incident| {
        let trace = &incident["sample"]["trace"];
        let exception = trace["type"].as_str().unwrap_or("").rsplit('.').next().unwrap_or("");
        let frames = trace["frames"].as_array();
        let own = frames.and_then(|frames| frames.iter().find(|frame| frame["in_app"] == true));
        let function = own.and_then(|frame| frame["function"].as_str());
        exception == wanted["exception"] && function == wanted["function"].as_str()
    })
    .collect()
}

fn fix_of<'a>(report: &'a Value, incident: &Value) -> &'a Value {
    let fixes = report["fixes"].as_array().unwrap();
    let found = fixes.iter().find(|fix| fix["evidence"]["incident"] == incident["id"]);
    found.unwrap_or_else(|| panic!("no fix waits for {}", incident["title"]))
}

#[test]
fn defects_are_fixed_and_everything_else_is_ignored_with_a_reason() {
    let shown = Shown::run();
    let mut fixed = 0;
    for wanted in expected() {
        let found = incidents_like(&shown.report, &wanted);
        let logged: u64 = found.iter().map(|incident| incident["occurrences"].as_u64().unwrap()).sum();
        match wanted["outcome"].as_str().unwrap() {
            "ignore" if wanted["file"].is_null() => {
                // A warning of one line without a stack need not be an incident at all.
                assert!(found.iter().all(|incident| incident["status"] == "ignored"), "{found:?}");
            }
            "ignore" => {
                assert_eq!(logged, wanted["logged"].as_u64().unwrap(), "{wanted}");
                for incident in found {
                    assert_eq!(incident["status"], "ignored", "{}", incident["title"]);
                    assert!(!incident["reason"].as_str().unwrap().is_empty());
                    assert_eq!(incident["branch"], Value::Null);
                }
            }
            outcome => {
                assert_eq!((found.len(), logged), (1, wanted["logged"].as_u64().unwrap()), "{wanted}");
                assert_eq!(found[0]["status"], "fix_ready");
                let evidence = &fix_of(&shown.report, found[0])["evidence"];
                let kind = if outcome == "revert" { "revert" } else { "cause" };
                assert_eq!(evidence["kind"], kind, "{evidence}");
                assert!(["A", "B"].contains(&evidence["grade"].as_str().unwrap()), "{evidence}");
                check_commit(&shown, &wanted, evidence);
                fixed += 1;
            }
        }
    }
    assert_eq!(shown.report["fixes_waiting"], fixed);
    assert_eq!(shown.report["tokens"], 0);
    assert!(shown.report["seconds"].as_f64().unwrap() < 60.0, "{}", shown.report["seconds"]);
    the_checkout_is_untouched(&shown);
    no_secret_is_anywhere(&shown);
    everything_is_in_the_audit(&shown);
    approving_moves_a_branch_once(&shown);
}

/// The commit that was verified is what the branch holds, and reverts what it says.
fn check_commit(shown: &Shown, wanted: &Value, evidence: &Value) {
    let repository = shown.repository();
    let commit = evidence["commit"].as_str().unwrap();
    let changed = git(&repository, &["diff", "--name-only", &format!("main...{commit}")]);
    assert!(changed.lines().any(|file| wanted["file"] == file), "{changed}");
    if let Some(number) = wanted["commit"].as_u64() {
        let commits = git(&repository, &["rev-list", "--reverse", "main"]);
        let culprit = commits.lines().nth(usize::try_from(number).unwrap() - 1).unwrap();
        assert_eq!(evidence["reverts"], culprit);
    }
}

fn the_checkout_is_untouched(shown: &Shown) {
    let repository = shown.repository();
    // Before git is asked, since asking refreshes the index.
    let written = |path: &str| std::fs::metadata(repository.join(path)).unwrap().modified().unwrap();
    let set_up = written("groundcrew.toml");
    for path in [
        ".git/index",
        ".git/HEAD",
        ".git/config",
        ".git/refs/heads/main",
        "roastery/stock.py",
        "roastery/shipping.py",
    ] {
        assert!(written(path) <= set_up, "{path} was written after the crew was set up");
    }
    assert_eq!(git(&repository, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(git(&repository, &["rev-list", "--count", "HEAD"]), "8");
    assert_eq!(
        git(&repository, &["status", "--porcelain", "--ignored"]),
        "?? groundcrew.toml\n!! roastery.log"
    );
    let refs = git(&repository, &["for-each-ref", "--format=%(refname)"]);
    for name in refs.lines() {
        let ours = name.starts_with("refs/heads/groundcrew/") || name.starts_with("refs/groundcrew/");
        assert!(ours || name == "refs/heads/main", "{name}");
    }
    assert_eq!(
        git(&repository, &["worktree", "list", "--porcelain"]).matches("worktree ").count(),
        1,
        "no work tree is left"
    );
    assert!(!shown.home.database().exists(), "the user's own database is not touched");
    assert!(!shown.home.path().join("home/.config").exists(), "the user's own settings are not touched");
}

fn no_secret_is_anywhere(shown: &Shown) {
    assert_eq!(shown.report["secrets"]["found"], serde_json::json!([]));
    assert!(shown.report["secrets"]["taken_out"].as_u64().unwrap() >= 5);
    let log = shown.repository().join("roastery.log");
    let in_log = std::fs::read_to_string(&log).unwrap();
    assert!(SECRETS.iter().all(|secret| in_log.contains(secret)), "the log is what the service wrote");
    for file in files(&shown.folder) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in SECRETS {
            let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!held || file == log, "{} holds a secret", file.display());
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn everything_is_in_the_audit(shown: &Shown) {
    let sql = shown.sql();
    let mut rows = sql.prepare("SELECT agent_name, coalesce(data_json, '{}') FROM agent_logs").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    let mut agents = BTreeSet::new();
    let mut acts: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let (agent, data) = row.unwrap();
        let data: Value = serde_json::from_str(&data).unwrap();
        if let Some(act) = data["act"].as_str() {
            let sandbox = data["sandbox"].as_str().unwrap_or("");
            let kind =
                if act == "command_run" && sandbox != "git" && sandbox != "none" { "sandboxed" } else { act };
            *acts.entry(kind.to_owned()).or_default() += 1;
            if act == "command_run" {
                assert!(data["ended"].is_string() && data["wall_ms"].is_u64(), "{data}");
            }
        }
        agents.insert(agent);
    }
    for role in ["monitor", "triage", "developer", "qa", "security", "architect"] {
        assert!(agents.contains(role), "{role} is not in the audit: {agents:?}");
    }
    for kind in ["file_read", "command_run", "sandboxed"] {
        assert!(acts.get(kind).is_some_and(|count| *count > 0), "{kind}: {acts:?}");
    }
}

fn approving_moves_a_branch_once(shown: &Shown) {
    let repository = shown.repository();
    let fix = &shown.report["fixes"][0];
    let id = fix["approval"].to_string();
    git(&repository, &["branch", "release", "main"]);
    let checked_out = shown.verb(&["approve", &id, "--into", "main"]);
    assert_eq!(checked_out.code, Some(5), "{}", checked_out.stderr);
    let approved = shown.verb(&["approve", &id, "--into", "release"]);
    assert_eq!(approved.code, Some(0), "{}{}", approved.stdout, approved.stderr);
    assert_eq!(git(&repository, &["rev-parse", "release"]), fix["commit"]);
    assert_eq!(git(&repository, &["rev-list", "--count", "main"]), "8");
    let again = shown.verb(&["approve", &id, "--into", "release"]);
    assert_eq!(again.code, Some(5), "{}", again.stderr);
    let other = shown.report["fixes"][1]["approval"].to_string();
    let behind = shown.verb(&["approve", &other, "--into", "release"]);
    assert_eq!(
        behind.code,
        Some(5),
        "two fixes beside each other cannot both be fast-forwarded: {}",
        behind.stderr
    );
    let rejected = shown.verb(&["reject", &other, "--reason", "later"]);
    assert_eq!(rejected.code, Some(0), "{}", rejected.stderr);
}

#[test]
fn a_folder_with_something_in_it_is_not_taken() {
    let home = Home::new();
    std::fs::write(home.shop().join("mine.txt"), "mine").unwrap();
    let ran = home.run(&["demo", "--keep", home.shop().to_str().unwrap()]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(home.shop()).unwrap().count(), 1);
}

#[test]
fn a_machine_without_the_needed_programs_is_told_so() {
    let home = Home::new();
    let output = home.command(["demo"]).env("PATH", "/nonexistent").output().unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("install git"), "{}", ran.stderr);
    let output = home.command(["demo"]).env("TMPDIR", "/nonexistent").output().unwrap();
    assert_ne!(output.status.code(), Some(0));
}

/// A crew that is killed without warning while it reads, killed again while it makes a fix, and started once more.
#[test]
fn a_kill_in_the_middle_loses_nothing_and_repeats_nothing() {
    let home = Home::new();
    let folder = home.path().join("demo");
    let shown = Shown { home, folder, report: Value::Null };
    let mut demo = shown.home.command(["demo", "--keep", shown.folder.to_str().unwrap()]);
    let demo = demo.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    kill_when(demo, &shown, "the first error is classified", "task_type = 'classify_error'");
    expire(&shown);
    interrupt_while_fixing(&shown);
    let up = shown.command(&["up"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    kill_when(up, &shown, "a fix is being made", "task_type = 'fix_bug' AND status = 'running'");
    assert!(
        shown.count("SELECT count(*) FROM agent_tasks WHERE status = 'running'") > 0,
        "it was killed in the middle"
    );
    expire(&shown);

    let ran = shown.verb(&["up", "--until-idle"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let incidents = shown.json(&["incidents"]);
    assert_eq!(outcomes(&incidents), wanted_outcomes());
    let twice = "SELECT count(*) FROM (SELECT incident_id, task_type, parent_task_id FROM agent_tasks \
                 WHERE incident_id IS NOT NULL GROUP BY 1, 2, 3 HAVING count(*) > 1)";
    assert_eq!(shown.count(twice), 0, "no work was handed on twice");
    let branches = git(&shown.repository(), &["branch", "--list", "groundcrew/*"]).lines().count();
    let waiting = shown.json(&["inbox"])["inbox"].as_array().unwrap().len();
    assert_eq!(branches, waiting, "one branch for each approval");
    let trees = git(&shown.repository(), &["worktree", "list", "--porcelain"]);
    assert_eq!(trees.matches("worktree ").count(), 1, "no work tree is left: {trees}");
}

/// A signal in the middle of a fix: the task goes back into the queue, and nothing of the run counts.
fn interrupt_while_fixing(shown: &Shown) {
    let mut up = shown.command(&["up"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("a fix is being made", || {
        shown.count("SELECT count(*) FROM agent_tasks WHERE task_type = 'fix_bug' AND status = 'running'") > 0
    });
    let began = Instant::now();
    Command::new("kill").args(["-INT", &up.id().to_string()]).status().unwrap();
    assert_eq!(up.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(shown.count("SELECT count(*) FROM agent_tasks WHERE status = 'running'"), 0);
    assert_eq!(
        shown.count("SELECT count(*) FROM agent_tasks WHERE task_type = 'fix_bug' AND retry_count > 0"),
        0
    );
}

fn kill_when(mut child: Child, shown: &Shown, what: &str, condition: &str) {
    let query = format!("SELECT count(*) FROM agent_tasks WHERE {condition}");
    until(what, || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before {what}: {ended:?}");
        shown.folder.join("groundcrew.db").is_file() && shown.has_tasks() && shown.count(&query) > 0
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What a minute of waiting would do: the leases of the dead run out.
fn expire(shown: &Shown) {
    let sql = "UPDATE agent_tasks SET lease_until = '2026-01-01 00:00:00' WHERE status = 'running'";
    shown.sql().execute(sql, []).unwrap();
}

/// How often each outcome of each error was logged.
type Outcomes = BTreeMap<(String, String), (String, u64)>;

fn outcomes(report: &Value) -> Outcomes {
    let mut found = Outcomes::new();
    for wanted in expected().iter().filter(|wanted| !wanted["file"].is_null()) {
        for incident in incidents_like(report, wanted) {
            let status = incident["status"].as_str().unwrap().to_owned();
            let entry = found.entry(name(wanted)).or_insert((status.clone(), 0));
            assert_eq!(entry.0, status);
            entry.1 += incident["occurrences"].as_u64().unwrap();
        }
    }
    found
}

fn wanted_outcomes() -> Outcomes {
    let wanted = expected().into_iter().filter(|wanted| !wanted["file"].is_null());
    wanted
        .map(|wanted| {
            let status = if wanted["outcome"] == "ignore" { "ignored" } else { "fix_ready" };
            (name(&wanted), (status.to_owned(), wanted["logged"].as_u64().unwrap()))
        })
        .collect()
}

fn name(wanted: &Value) -> (String, String) {
    (wanted["exception"].as_str().unwrap().to_owned(), wanted["function"].as_str().unwrap().to_owned())
}

/// Most users are not root: no control group and no user ids to give away.
#[test]
fn a_user_without_rights_gets_the_same() {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    if !is_root {
        eprintln!("skipped: this test runs without rights already, as the others do");
        return;
    }
    let home = Home::new();
    let program = home.path().join("groundcrew");
    std::fs::copy(env!("CARGO_BIN_EXE_groundcrew"), &program).unwrap();
    for folder in [home.path(), home.path().join("home"), home.shop()] {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = Command::new(&program);
    command.args(["demo", "--json"]).current_dir(home.shop()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path().join("home"));
    let output = command.uid(NOBODY).gid(NOBODY).output().unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(outcomes(&report), wanted_outcomes());
    assert!(!Path::new(report["folder"].as_str().unwrap()).exists(), "nothing is kept");
}
