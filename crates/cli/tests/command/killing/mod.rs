//! The crew and its children are killed at random moments, and stopped until others have taken their work; nothing may be
//! lost or done twice.
//!
//! `GROUNDCREW_SEED` repeats the choices of a run. `GROUNDCREW_UNFENCED` names a program that was built with the feature
//! `unfenced`; then the same checks must find its doubled effects, which proves that they look.

mod check;
mod service;
mod talk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use check::violations;
use service::{PARTS, Service};

use crate::support::Ran;

/// Kills within [`WITHIN`]; a run with fewer has shown nothing. Nothing is killed while a crew is stopped, so that time
/// does not count.
const KILLS: u32 = 100;
const WITHIN: Duration = Duration::from_secs(90);

/// When the last kill is aimed at: a busy machine falls behind and catches up in what is left.
const AIM: Duration = Duration::from_secs(55);

/// Parts of the service that fail while the crew is killed; the others fail one by one, for each crew that is stopped.
const KILLED_PARTS: usize = PARTS - ZOMBIES as usize;

/// Crews that are stopped until their lease has passed to another.
const ZOMBIES: u32 = 3;

#[test]
fn a_hundred_kills_lose_nothing_and_double_nothing() {
    let mut trial = Trial::new(PathBuf::from(env!("CARGO_BIN_EXE_groundcrew")));
    let began = Instant::now();
    let mut stopped = Duration::ZERO;
    while trial.kills < KILLS && began.elapsed() - stopped < WITHIN {
        trial.work_comes_in();
        if trial.zombies < ZOMBIES && trial.kills >= (trial.zombies + 1) * KILLS / (ZOMBIES + 1) {
            let before = began.elapsed();
            trial.stop_and_continue();
            stopped += began.elapsed() - before;
        }
        std::thread::sleep(trial.moment(began.elapsed() - stopped));
        trial.kill_one();
    }
    let took = began.elapsed() - stopped;
    assert!(
        trial.kills >= KILLS && trial.zombies == ZOMBIES,
        "{} kills and {} stopped crews in {took:?}: too few to show anything; {}",
        trial.kills,
        trial.zombies,
        trial.seed
    );
    trial.come_to_rest();
    let found = violations(&trial.service);
    assert!(found.is_empty(), "{}:\n{}", trial.seed, found.join("\n"));
    let checked = Ran::of(&trial.service.command(&["db", "check"]).output().unwrap());
    assert_eq!(checked.code, Some(0), "{}: {}{}", trial.seed, checked.stdout, checked.stderr);
    let unfixed = trial.unfixed();
    assert!(unfixed.is_empty(), "{}: no fix came of:\n{}", trial.seed, unfixed.join("\n"));
    eprintln!(
        "{} kills in {took:?}, {} of them of the crew; {} crews stopped for {stopped:?}; {} approvals; {} tasks; \
         {} events, told {} times; {:?} in all; {}",
        trial.kills,
        trial.crew_kills,
        trial.zombies,
        trial.approved,
        trial.count("SELECT count(*) FROM agent_tasks"),
        trial.count("SELECT count(*) FROM crew_events"),
        service::read(&trial.service.told()).lines().count(),
        began.elapsed(),
        trial.seed
    );
}

#[test]
fn a_build_without_fencing_is_found_out() {
    let Some(program) = std::env::var_os("GROUNDCREW_UNFENCED") else {
        eprintln!("skipped: GROUNDCREW_UNFENCED names no program that was built without fencing");
        return;
    };
    let mut trial = Trial::new(PathBuf::from(program));
    let mut found = Vec::new();
    while found.is_empty() && trial.zombies < ZOMBIES {
        trial.stop_and_continue();
        trial.come_to_rest();
        found = violations(&trial.service);
        trial.crew = trial.service.crew();
    }
    let doubled = found.iter().any(|what| what.starts_with("handed on twice"));
    assert!(doubled, "a build without fencing passed as one with it; {}:\n{}", trial.seed, found.join("\n"));
}

/// How long anything that is waited for may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service, its crew, and what was done to them.
struct Trial {
    service: Service,
    crew: Child,
    random: Random,
    seed: String,
    kills: u32,
    crew_kills: u32,
    zombies: u32,
    approved: u32,
    decided: BTreeSet<i64>,
    turns: usize,
}

impl Trial {
    fn new(program: PathBuf) -> Self {
        let seed =
            std::env::var("GROUNDCREW_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                u64::from(now.subsec_nanos()) | 1
            });
        let service = Service::new(program);
        let crew = service.crew();
        Self {
            service,
            crew,
            random: Random(seed),
            seed: format!("GROUNDCREW_SEED={seed}"),
            kills: 0,
            crew_kills: 0,
            zombies: 0,
            approved: 0,
            decided: BTreeSet::new(),
            turns: 0,
        }
    }

    /// Errors, tasks of other programs, a rotated log, a decision: what a day brings.
    fn work_comes_in(&mut self) {
        self.turns += 1;
        let known = (1 + self.turns / 8).min(KILLED_PARTS);
        for _ in 0..self.random.below(3) {
            let part = self.random.below(known);
            self.service.fail(part);
        }
        match self.turns % 10 {
            3 => self.service.create(),
            7 => self.approve(),
            9 if self.turns % 30 == 9 => self.rotate(),
            _ => {}
        }
    }

    /// The log is rotated, but not before it was read once: what was rotated away by then is history and nobody's work.
    fn rotate(&mut self) {
        self.until("the log was read once", || self.text("SELECT source FROM crew_log_cursors").is_some());
        self.service.rotate();
    }

    /// How long until the next kill: mostly soon, now and then long enough for a repair to come through. What is behind
    /// gets as much as leads back to the aim.
    fn moment(&mut self, elapsed: Duration) -> Duration {
        let left = KILLS.saturating_sub(self.kills).max(1);
        let fair = AIM.saturating_sub(elapsed) / left;
        let behind = elapsed > AIM / KILLS * self.kills;
        let most = match behind {
            true => fair.as_millis().clamp(10, 400),
            false if self.random.below(8) == 0 => 6_000,
            false => 400,
        };
        Duration::from_millis(self.random.below(usize::try_from(most).unwrap()) as u64)
    }

    /// Kills the crew, or one of the processes it has started.
    fn kill_one(&mut self) {
        if let Some(status) = self.crew.try_wait().unwrap() {
            panic!("the crew ended by itself: {status}; {}", self.seed);
        }
        let children = descendants(self.crew.id());
        if children.is_empty() || self.random.below(4) == 0 {
            self.kill_crew();
            self.crew = self.service.crew();
        } else {
            let victim = children[self.random.below(children.len())];
            self.kills += u32::from(signal("KILL", victim));
        }
    }

    fn kill_crew(&mut self) {
        self.crew.kill().unwrap();
        self.crew.wait().unwrap();
        self.kills += 1;
        self.crew_kills += 1;
    }

    /// Stops the crew in the middle of a repair until another crew has taken the task, and lets it go on: whatever it
    /// does about the task then comes too late.
    fn stop_and_continue(&mut self) {
        self.service.fail(KILLED_PARTS + self.zombies as usize);
        let id = self.crew.id();
        // One that was never lost before: each loss makes the next wait longer, and the fourth ends the task.
        let held = format!(
            "SELECT id || '-' || lease_token FROM agent_tasks WHERE status = 'running' AND retry_count = 0 AND task_type IN \
             ('fix_bug', 'verify_fix') AND lease_owner LIKE '%-{id}-%'"
        );
        let mut found = None;
        self.until("a repair is under way", || {
            found = self.text(&held).filter(|claim| self.run_folder(claim).exists() && self.stop(claim));
            found.is_some()
        });
        let claim = found.expect("it was waited for");
        let (task, token) = claim.split_once('-').unwrap();
        let mut other = self.service.crew();
        let later =
            format!("SELECT lease_token FROM agent_tasks WHERE id = {task} AND lease_token > {token}");
        let mut taken = None;
        self.until("another crew is at work on the task", || {
            taken = self.text(&later).map(|token| format!("{task}-{token}"));
            taken.as_ref().is_some_and(|claim| self.run_folder(claim).exists())
        });
        assert!(signal("CONT", id));
        for claim in [&claim, taken.as_ref().expect("it was waited for")] {
            self.until("both crews have come to the end of their runs", || !self.run_folder(claim).exists());
        }
        let settled =
            format!("SELECT id FROM agent_tasks WHERE id = {task} AND status NOT IN ('running', 'pending')");
        self.until("the task is settled", || self.text(&settled).is_some());
        std::mem::swap(&mut self.crew, &mut other);
        other.kill().unwrap();
        other.wait().unwrap();
        self.kills += 1;
        self.crew_kills += 1;
        self.zombies += 1;
    }

    /// Waits for a condition; tells what is open and what was done last if that takes too long.
    fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let began = Instant::now();
        while !condition() {
            let late = began.elapsed() > PATIENCE;
            assert!(!late, "waited {PATIENCE:?} in vain until {what}; {}\n{}", self.seed, self.state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The open tasks and the last entries of the audit log.
    fn state(&self) -> String {
        let sql = self.service.sql();
        let open = "SELECT format('#%d %s %s, claim %d of %s, %d losses, due %s', id, task_type, status, lease_token, \
                    lease_owner, retry_count, run_at) FROM agent_tasks WHERE status NOT IN ('completed', 'failed')";
        let last = "SELECT created_at || ' ' || agent_name || ' #' || ifnull(task_id, '-') || ' ' || message \
                    FROM agent_logs ORDER BY id DESC LIMIT 30";
        [check::rows::<String>(&sql, open), check::rows(&sql, last)].concat().join("\n")
    }

    /// The folder in which a claim, as `TASK-TOKEN`, is worked as long as its run lasts.
    fn run_folder(&self, claim: &str) -> PathBuf {
        self.service.home.database().with_file_name(format!("groundcrew.db.work/task-{claim}"))
    }

    /// Stops the crew, but neither within a transaction, since nobody could write until it goes on, nor when the claim, as
    /// `TASK-TOKEN`, is settled already and only tidied up after.
    fn stop(&self, claim: &str) -> bool {
        let id = self.crew.id();
        assert!(signal("STOP", id));
        let sql = self.service.sql();
        sql.busy_timeout(Duration::ZERO).unwrap();
        let free = sql.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
        let held =
            "SELECT count(*) FROM agent_tasks WHERE status = 'running' AND id || '-' || lease_token = ?1";
        let stopped = free && sql.query_row(held, [claim], |row| row.get::<_, i64>(0)) == Ok(1);
        stopped || {
            assert!(signal("CONT", id));
            false
        }
    }

    /// The owner approves what waits longest, into a branch of its own; now and then the command is killed, too.
    fn approve(&mut self) {
        let waiting = self.text(
            "SELECT m.id FROM agent_messages m JOIN agent_tasks t ON t.id = m.task_id WHERE m.message_type = 'question' \
             AND m.read_at IS NULL AND t.task_type = 'publish_fix' AND t.status = 'blocked' ORDER BY m.id",
        );
        let Some(question) = waiting.and_then(|id| id.parse::<i64>().ok()) else { return };
        let into = format!("into/{question}");
        if self.decided.insert(question) {
            self.service.home.git(&["branch", &into, "main"]);
        }
        let mut approve = self
            .service
            .command(&["approve", &question.to_string(), "--into", &into])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if self.random.below(2) == 0 {
            std::thread::sleep(Duration::from_millis(self.random.below(300) as u64));
            approve.kill().unwrap();
            self.kills += 1;
        }
        if approve.wait().unwrap().success() {
            self.approved += 1;
        }
    }

    /// Nothing is killed any more; what was given up after too many kills is put back, as its owner would.
    fn come_to_rest(&mut self) {
        self.kill_crew();
        self.idle();
        for task in self.failed() {
            let ran = self.service.command(&["tasks", "retry", &task.to_string()]).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        }
        // A suite that was killed twice in a row looks like one that cannot run.
        for question in self.asked_about_the_environment() {
            let ran = self.service.command(&["answer", &question.to_string(), "retry"]).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        }
        self.idle();
    }

    fn idle(&self) {
        let ran = Ran::of(&self.service.command(&["up", "--until-idle", "--quiet"]).output().unwrap());
        assert!(matches!(ran.code, Some(0 | 3)), "{}: {}{}", self.seed, ran.stdout, ran.stderr);
        let running = processes_in(&self.service.home.path());
        assert!(running.is_empty(), "{}: processes are left: {running:?}", self.seed);
    }

    fn failed(&self) -> Vec<i64> {
        self.ids("SELECT id FROM agent_tasks WHERE status = 'failed' ORDER BY id")
    }

    fn asked_about_the_environment(&self) -> Vec<i64> {
        self.ids(
            "SELECT blocked_message_id FROM agent_tasks WHERE status = 'blocked' AND blocked_on = 'environment' ORDER BY id",
        )
    }

    fn ids(&self, query: &str) -> Vec<i64> {
        let sql = self.service.sql();
        let mut query = sql.prepare(query).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Incidents that no fix came of.
    fn unfixed(&self) -> Vec<String> {
        let sql = self.service.sql();
        let mut query = sql
            .prepare("SELECT title || ': ' || status || ': ' || ifnull(reason, '') FROM crew_incidents WHERE status NOT IN ('fix_ready', 'approved')")
            .unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn text(&self, query: &str) -> Option<String> {
        let sql = self.service.sql();
        let mut query = sql.prepare(query).unwrap();
        let mut rows = query.query([]).unwrap();
        let row = rows.next().unwrap()?;
        let value: rusqlite::types::Value = row.get(0).unwrap();
        match value {
            rusqlite::types::Value::Integer(number) => Some(number.to_string()),
            rusqlite::types::Value::Text(text) => Some(text),
            rusqlite::types::Value::Null
            | rusqlite::types::Value::Real(_)
            | rusqlite::types::Value::Blob(_) => panic!("{value:?}"),
        }
    }

    fn count(&self, query: &str) -> i64 {
        self.service.sql().query_row(query, [], |row| row.get(0)).unwrap()
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.crew.kill().ok();
        self.crew.wait().ok();
    }
}

/// Sends a signal; false if the process has ended.
fn signal(name: &str, process: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process.to_string()).stderr(Stdio::null()).status().unwrap().success()
}

/// All processes that a process has started and that they have started, as the kernel tells it.
fn descendants(ancestor: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = processes().filter_map(|id| Some((id, parent_of(id)?))).collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

fn processes() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Processes that work beneath a folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let here = processes()
        .filter(|id| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|at| at.starts_with(folder)));
    here.filter_map(|id| std::fs::read_to_string(format!("/proc/{id}/cmdline")).ok()).collect()
}

/// A small generator of pseudo-random numbers (xorshift, Marsaglia 2003), so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}
