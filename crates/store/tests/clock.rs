//! The database's clock jumps: nothing takes effect twice, and work goes on at most a lease later.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use groundcrew_core::lifecycle::{Command, Outcome, Refusal, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::NewSchedule;
use groundcrew_core::task::{NewTask, Status, Task, TaskId};
use groundcrew_store::{Options, Receipt, Store, StoreError, TaskFilter, open_with_clock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const LEASE: SignedDuration = SignedDuration::from_secs(60);
const DAY: i64 = 86_400;
/// Longer than the longest wait before a retry.
const RETRY: i64 = 400;

/// A database whose clock is set by hand.
struct Bench {
    store: Arc<dyn Store>,
    seconds: Arc<AtomicI64>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn opened(path: &std::path::Path, seconds: &Arc<AtomicI64>) -> Arc<dyn Store> {
    let seconds = Arc::clone(seconds);
    let clock = move || Timestamp::from_second(1_772_600_767 + seconds.load(Ordering::SeqCst)).unwrap();
    open_with_clock(&format!("sqlite:{}", path.display()), Options::default(), Box::new(clock)).unwrap()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crew.db");
        let seconds = Arc::new(AtomicI64::new(0));
        Self { store: opened(&path, &seconds), seconds, path, _folder: folder }
    }

    /// Lets the clock of the database jump, or run on.
    fn jump(&self, by: i64) {
        self.seconds.fetch_add(by, Ordering::SeqCst);
    }

    fn restart(self) -> Self {
        let Self { store, seconds, path, _folder } = self;
        drop(store);
        Self { store: opened(&path, &seconds), seconds, path, _folder }
    }

    fn create(&self) -> TaskId {
        let task = NewTask::new("work", Role::Qa, Party::User, Value::Null);
        self.store.execute(Command::Create(Box::new(task))).unwrap().inserted[0]
    }

    fn claim(&self) -> Task {
        self.store.claim(Role::Qa, None, "worker", LEASE).unwrap().unwrap()
    }

    fn complete(&self, task: &Task) -> Result<Receipt, StoreError> {
        let outcome = Outcome::Complete { result: json!({ "by": task.lease_token }) };
        self.store.execute(Command::Settle(Box::new(Settlement::new(task.id, task.lease_token, outcome))))
    }

    fn heartbeat(&self, task: &Task) -> Result<Receipt, StoreError> {
        let (task, token) = (task.id, task.lease_token);
        self.store.execute(Command::Heartbeat { task, token, lease: LEASE })
    }

    fn sweep(&self) {
        self.store.maintain(LEASE).unwrap();
    }

    fn task(&self, id: TaskId) -> Task {
        self.store.task(id).unwrap().unwrap()
    }
}

fn is_stale<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Refused(Refusal::StaleLease { .. })))
}

#[test]
fn after_a_jump_ahead_the_old_worker_is_fenced_off_and_the_work_is_done_once() {
    let bench = Bench::new();
    let id = bench.create();
    let old = bench.claim();
    bench.jump(DAY);
    bench.sweep();
    assert_eq!((bench.task(id).status, bench.task(id).retry_count), (Status::Pending, 1));
    assert!(is_stale(&bench.heartbeat(&old)) && is_stale(&bench.complete(&old)));
    bench.jump(RETRY);
    bench.sweep();
    let new = bench.claim();
    assert!(is_stale(&bench.complete(&old)));
    bench.complete(&new).unwrap();
    assert!(is_stale(&bench.complete(&new)), "not twice either");
    let ends: Vec<String> =
        bench.store.attempts(id).unwrap().into_iter().filter_map(|run| run.outcome).collect();
    assert_eq!(ends, ["lost", "completed"]);
}

#[test]
fn a_worker_that_lives_keeps_its_task_when_the_clock_is_set_back() {
    let bench = Bench::new();
    let id = bench.create();
    let task = bench.claim();
    bench.jump(-DAY);
    bench.sweep();
    bench.jump(20);
    bench.heartbeat(&task).unwrap();
    bench.jump(50);
    bench.sweep();
    bench.heartbeat(&task).unwrap();
    bench.complete(&task).unwrap();
    assert_eq!((bench.task(id).status, bench.task(id).retry_count), (Status::Completed, 0));
}

#[test]
fn the_task_of_a_silent_worker_goes_on_a_lease_after_the_clock_was_set_back() {
    for restarted in [false, true] {
        let mut bench = Bench::new();
        let id = bench.create();
        let old = bench.claim();
        bench.jump(-DAY);
        if restarted {
            bench = bench.restart();
        }
        bench.sweep();
        assert_eq!(bench.task(id).status, Status::Running, "its lease is not over");
        bench.jump(LEASE.as_secs() + 1);
        bench.sweep();
        assert_eq!(bench.task(id).status, Status::Pending, "restarted: {restarted}");
        bench.jump(RETRY);
        bench.sweep();
        let new = bench.claim();
        assert!(is_stale(&bench.complete(&old)));
        bench.complete(&new).unwrap();
    }
}

#[test]
fn a_retry_is_due_in_time_although_the_clock_was_set_back() {
    for restarted in [false, true] {
        let mut bench = Bench::new();
        let id = bench.create();
        let task = bench.claim();
        let outcome = Outcome::Retry { error: "the disk hiccuped".into() };
        let settlement = Settlement::new(id, task.lease_token, outcome);
        bench.store.execute(Command::Settle(Box::new(settlement))).unwrap();
        bench.jump(-DAY);
        if restarted {
            bench = bench.restart();
        }
        bench.sweep();
        bench.jump(RETRY);
        bench.sweep();
        assert_eq!(bench.task(id).run_at, None, "restarted: {restarted}");
        bench.claim();
    }
}

#[test]
fn a_schedule_goes_on_although_the_clock_was_set_back() {
    let bench = Bench::new();
    let schedule =
        NewSchedule::new("hourly", "work", Role::Qa, SignedDuration::from_hours(1).into(), Value::Null);
    bench.store.execute(Command::AddSchedule(Box::new(schedule))).unwrap();
    bench.jump(1);
    bench.sweep();
    let made = || bench.store.tasks(&TaskFilter::default()).unwrap().len();
    assert_eq!(made(), 1);
    bench.complete(&bench.claim()).unwrap();
    bench.jump(-DAY);
    bench.sweep();
    assert_eq!(made(), 1, "not before its time");
    bench.jump(3_700);
    bench.sweep();
    assert_eq!(made(), 2);
}

#[test]
fn a_delay_that_somebody_asked_for_is_kept() {
    let bench = Bench::new();
    let mut task = NewTask::new("work", Role::Qa, Party::User, Value::Null);
    task.run_at = Some("2026-03-10T09:00:00Z".parse().unwrap());
    let id = bench.store.execute(Command::Create(Box::new(task.clone()))).unwrap().inserted[0];
    bench.jump(-DAY);
    bench.sweep();
    assert_eq!(bench.task(id).run_at, task.run_at);
}

#[test]
fn two_processes_that_see_the_same_jump_move_a_lease_once() {
    let bench = Bench::new();
    let other = opened(&bench.path, &bench.seconds);
    let id = bench.create();
    bench.claim();
    other.maintain(LEASE).unwrap();
    bench.jump(-DAY);
    bench.sweep();
    let moved = bench.task(id).lease;
    other.maintain(LEASE).unwrap();
    assert_eq!(bench.task(id).lease, moved);
    // Real time passes too, a little of it.
    let wanted = Timestamp::from_second(1_772_600_767 - DAY + 60).unwrap();
    assert!(wanted.duration_since(moved.unwrap().until).abs() < SignedDuration::from_secs(20));
}

/// A generator of numbers that gives the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn whatever_the_clock_does_every_task_ends_once() {
    for seed in 1..=8 {
        let mut numbers = Numbers(seed);
        let bench = Bench::new();
        let tasks: Vec<TaskId> = (0..12).map(|_| bench.create()).collect();
        let mut held: Vec<Task> = Vec::new();
        let mut ends: BTreeMap<TaskId, u32> = BTreeMap::new();
        for _ in 0..300 {
            match numbers.below(8) {
                0 => bench.jump([-DAY, DAY, -3_600, 3_600, -7, 7][numbers.below(6)]),
                1 | 2 => bench.jump(20),
                3 => bench.sweep(),
                4 | 5 => held.extend(bench.store.claim(Role::Qa, None, "worker", LEASE).unwrap()),
                6 if !held.is_empty() => {
                    let task = &held[numbers.below(held.len())];
                    let renewed = bench.heartbeat(task);
                    assert!(renewed.is_ok() || is_stale(&renewed), "{renewed:?}");
                }
                // A holder is not forgotten when it has settled, so that it tries again with its old token.
                _ if !held.is_empty() => {
                    let task = &held[numbers.below(held.len())];
                    let settled = bench.complete(task);
                    assert!(settled.is_ok() || is_stale(&settled), "{settled:?}");
                    *ends.entry(task.id).or_default() += u32::from(settled.is_ok());
                }
                _ => {}
            }
        }
        // From here on the clock only runs: everything that is open comes to its end.
        for _ in 0..40 {
            bench.jump(RETRY);
            bench.sweep();
            while let Some(task) = bench.store.claim(Role::Qa, None, "worker", LEASE).unwrap() {
                bench.complete(&task).unwrap();
                *ends.entry(task.id).or_default() += 1;
            }
        }
        for id in tasks {
            let ended = bench.task(id);
            assert!(ended.status.is_final(), "seed {seed}, task {id}: {ended:?}");
            let completed = u32::from(ended.status == Status::Completed);
            assert_eq!(ends.get(&id).copied().unwrap_or(0), completed, "seed {seed}, task {id}");
        }
        assert_eq!(bench.store.check().unwrap(), [], "seed {seed}");
    }
}
