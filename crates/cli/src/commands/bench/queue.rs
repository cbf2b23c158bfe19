//! `bench queue`: how fast the task engine of this machine is. The tasks do nothing; everything else is as in daily use:
//! leases with their tokens, an entry in the audit log for each run, hand-offs, commits that are on disk when they are
//! acknowledged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::log::{LogLevel, NewLog};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, Task};
use groundcrew_store::{Store, StoreError};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};

use super::idle;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::QueueBench;
use crate::signals::Signals;
use crate::table::Table;

/// A lease that outlasts every measurement.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// Longest wait of an idle worker before it looks whether it is done.
const LOOK: Duration = Duration::from_millis(50);
/// Single actions whose times are taken.
const SAMPLES: usize = 300;
/// Tasks that wait in the short queue that a long one is compared with.
const SHORT: usize = 1_000;
/// Time between two tasks for an idle worker.
const PAUSE: Duration = Duration::from_millis(2);
/// Callers where their number is tuned.
const TUNED: usize = 64;
/// Type of the tasks.
const NOTHING: &str = "bench_nothing";

/// The middle and the slow end of some times, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Times {
    /// Half of them are no longer.
    p50: f64,
    /// 99 of 100 are no longer.
    p99: f64,
}

/// What was measured.
#[derive(Serialize)]
struct Figures {
    /// Tasks of each measurement.
    tasks: usize,
    /// Callers and workers at the same time.
    workers: usize,
    /// Tasks that are created in one call where they are created in batches.
    batch: usize,
    /// What a commit waits for: `full` if it is on disk when it is acknowledged.
    synchronous: &'static str,
    /// One commit with nothing else under way.
    commit_ms: Times,
    /// Tasks created each second, one in each call.
    enqueue_per_s: f64,
    /// Tasks created each second, many in each call.
    enqueue_batch_per_s: f64,
    /// Tasks claimed, logged, handed off where there is a next one, and completed each second. Every other task is the
    /// hand-off of the one before.
    drain_per_s: f64,
    /// The same with as many callers as share a sync best. Their number is all that there is to tune.
    drain_tuned_per_s: f64,
    /// Callers of that measurement.
    tuned_workers: usize,
    /// What one gets without tuning: the first of these rates by the better one.
    out_of_the_box: f64,
    /// As the first, by programs that end a task in one call and claim the next in another; a crew does both in one.
    drain_two_calls_per_s: f64,
    /// What the plainer calls get: this rate by the first.
    two_calls: f64,
    /// Tasks claimed by one commit while the queue was drained.
    claims_per_commit: f64,
    /// From the acknowledgement of a new task until the idle worker has begun with it.
    pickup_ms: Times,
    /// From the call that creates a task until the idle worker has begun with it, both commits included.
    start_ms: Times,
    /// One claim, with its commit, of a short queue and of a long one.
    claim_ms: Vec<Depth>,
    /// Share of one core, in percent, that a crew of six takes while there is nothing to do; none where the system does not
    /// tell.
    idle_cpu_percent: Option<f64>,
}

/// Claims of a queue of one length.
#[derive(Serialize)]
struct Depth {
    /// Tasks that waited.
    waiting: usize,
    /// What one claim took.
    ms: Times,
}

/// Measures.
pub(super) fn run(options: &QueueBench, at: &Invocation, signals: &Signals) -> Result<Done, Failure> {
    let place = Place::choose(at)?;
    let store = groundcrew_store::open(&place.url(), groundcrew_store::Options::default())?;
    let load = Load { store: store.as_ref(), options, signals };
    let Some(figures) = load.measure(at, &place)? else {
        return Ok(signals.received().unwrap_or(Done::Clean));
    };
    if at.out.is_json() {
        at.out.document(&figures)?;
    } else {
        at.out.lines(figures.lines())?;
    }
    Ok(Done::Clean)
}

/// Where the database of a measurement lies. It is new, and gone afterwards.
pub(super) struct Place {
    file: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    /// The file that the user names, which must not be there yet, else one in a folder of its own.
    fn choose(at: &Invocation) -> Result<Place, Failure> {
        let Some(url) = at.named_database() else {
            // On the disk that the user's own database is on.
            let data = at.data_folder()?;
            let made = std::fs::create_dir_all(&data)
                .and_then(|()| tempfile::Builder::new().prefix("bench-").tempdir_in(&data));
            let folder = made.map_err(|error| {
                Failure::new(
                    Kind::Failed,
                    format!("cannot make a folder in {}: {error}", escape::line(&data.to_string_lossy())),
                )
                .hint("name a new file on a disk with space: --database sqlite:PATH")
            })?;
            return Ok(Place { file: folder.path().join("queue.db"), _folder: Some(folder) });
        };
        let file = groundcrew_store::file_of(url)?;
        if file.exists() {
            let said = format!(
                "{} is there already, and a measurement fills its database",
                escape::line(&file.to_string_lossy())
            );
            return Err(Failure::new(Kind::Refused, said)
                .hint("name a file that is not there yet; it is taken away afterwards"));
        }
        Ok(Place { file, _folder: None })
    }

    /// The folder that it lies in.
    pub(super) fn folder(&self) -> &Path {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or_else(|| Path::new("."))
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.file.display())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut name = self.file.as_os_str().to_owned();
            name.push(end);
            // What cannot be taken away stays where the user named it.
            drop(std::fs::remove_file(Path::new(&name)));
        }
    }
}

/// How a worker comes by its next task.
#[derive(Clone, Copy)]
enum Claims {
    /// By the call that ends the one before.
    WithTheEndBefore,
    /// By a call of its own.
    Apart,
}

struct Load<'a> {
    store: &'a dyn Store,
    options: &'a QueueBench,
    signals: &'a Signals,
}

impl Load<'_> {
    /// All figures; none if it was interrupted.
    fn measure(&self, at: &Invocation, place: &Place) -> Result<Option<Figures>, Failure> {
        let (tasks, workers) = (self.options.tasks, usize::from(self.options.workers));
        let step = |what: &str| -> bool {
            at.out.note(what);
            self.signals.received().is_none()
        };
        step("one commit after another");
        let commit_ms = self.commits()?;
        if !step("creating tasks one by one") {
            return Ok(None);
        }
        let enqueue_per_s = self.each(tasks, 1)?;
        if !step("claiming and completing them") {
            return Ok(None);
        }
        let before = self.store.pace().commits;
        let drain_per_s = self.drain(2 * tasks, workers, Claims::WithTheEndBefore)?;
        let commits = self.store.pace().commits - before;
        if !step("creating tasks in batches") {
            return Ok(None);
        }
        let enqueue_batch_per_s = self.each(tasks, self.options.batch)?;
        let drain_two_calls_per_s = self.drain(2 * tasks, workers, Claims::Apart)?;
        if !step("claiming and completing with many callers") {
            return Ok(None);
        }
        self.each(tasks, self.options.batch)?;
        let drain_tuned_per_s = self.drain(2 * tasks, TUNED, Claims::WithTheEndBefore)?;
        if !step("waking an idle worker") {
            return Ok(None);
        }
        let (pickup_ms, start_ms) = self.pickup()?;
        if !step("claiming from a short queue and from a long one") {
            return Ok(None);
        }
        let claim_ms = vec![self.claims(SHORT)?, self.claims(self.options.backlog.max(SHORT))?];
        self.all_done_once(6 * tasks + SAMPLES)?;
        if !step("watching an idle crew") {
            return Ok(None);
        }
        let idle_cpu_percent = idle::cpu_percent(at, place)?;
        Ok(Some(Figures {
            tasks,
            workers,
            batch: self.options.batch,
            synchronous: self.store.pace().synchronous,
            commit_ms,
            enqueue_per_s,
            enqueue_batch_per_s,
            drain_per_s,
            drain_tuned_per_s,
            tuned_workers: TUNED,
            out_of_the_box: drain_per_s / drain_tuned_per_s.max(drain_per_s).max(1e-9),
            drain_two_calls_per_s,
            two_calls: drain_two_calls_per_s / drain_per_s.max(1e-9),
            claims_per_commit: ratio(2 * tasks, usize::try_from(commits).unwrap_or(usize::MAX)),
            pickup_ms,
            start_ms,
            claim_ms,
            idle_cpu_percent,
        }))
    }

    fn commits(&self) -> Result<Times, Failure> {
        let mut times = Vec::new();
        for _ in 0..SAMPLES {
            let began = Instant::now();
            self.store.log(
                None,
                Party::User,
                NewLog { level: LogLevel::Debug, ..NewLog::warn("bench", Value::Null) },
            )?;
            times.push(began.elapsed());
        }
        Ok(Times::of(times))
    }

    /// Creates tasks from all callers at once; gives how many each second.
    fn each(&self, tasks: usize, batch: usize) -> Result<f64, Failure> {
        let next = AtomicUsize::new(0);
        let caller = |_| -> Result<(), StoreError> {
            loop {
                let from = next.fetch_add(batch, Ordering::Relaxed);
                let mut new: Vec<NewTask> = (from..tasks.min(from + batch)).map(first).collect();
                match (new.pop(), new.is_empty()) {
                    (None, _) => return Ok(()),
                    (Some(only), true) => drop(self.store.execute(Command::Create(Box::new(only)))?),
                    (Some(last), false) => {
                        new.push(last);
                        self.store.enqueue(new)?;
                    }
                }
            }
        };
        Ok(ratio_per_second(tasks, self.together(usize::from(self.options.workers), caller)?))
    }

    /// Works everything off; gives how many tasks each second.
    fn drain(&self, tasks: usize, callers: usize, claims: Claims) -> Result<f64, Failure> {
        let done = AtomicUsize::new(0);
        let worker = |number: usize| -> Result<(), StoreError> {
            let role = if number.is_multiple_of(2) { Role::Qa } else { Role::Security };
            let name = format!("bench-{number}");
            let (mut next, mut seen) = (None, 0);
            while done.load(Ordering::Relaxed) < tasks && self.signals.received().is_none() {
                let Some(task) = next.take() else {
                    (next, seen) = self.store.claim_within(role, &name, LEASE, seen, LOOK)?;
                    continue;
                };
                match claims {
                    Claims::WithTheEndBefore => {
                        let (settled, claimed) =
                            self.store.settle_and_claim(end(&task), &name, LEASE, role)?;
                        settled?;
                        next = claimed;
                    }
                    Claims::Apart => drop(self.store.execute(Command::Settle(Box::new(end(&task))))?),
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            // What was claimed in the last moment goes back; no measurement counts it.
            match next {
                Some(task) => self.store.execute(release(&task)).map(drop),
                None => Ok(()),
            }
        };
        Ok(ratio_per_second(tasks, self.together(callers, worker)?))
    }

    /// Has all callers do something at the same time; gives how long it took.
    fn together(
        &self,
        callers: usize,
        work: impl Fn(usize) -> Result<(), StoreError> + Sync,
    ) -> Result<Duration, Failure> {
        let began = Instant::now();
        // With one worker that worker does both roles' tasks in turn, so there are two at least.
        let count = callers.max(2);
        let results: Vec<Result<(), StoreError>> = std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let took = began.elapsed();
        results.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(took)
    }

    /// Times until an idle worker has begun with a new task: from its acknowledgement, and from the call.
    fn pickup(&self) -> Result<(Times, Times), Failure> {
        let (started, starts): (SyncSender<Instant>, Receiver<Instant>) = sync_channel(1);
        let mut acknowledged = Vec::new();
        let mut called = Vec::new();
        std::thread::scope(|scope| -> Result<(), Failure> {
            let idler = scope.spawn(move || self.idle(&started));
            for number in 0..SAMPLES {
                std::thread::sleep(PAUSE);
                let call = Instant::now();
                self.store.execute(Command::Create(Box::new(second(&json!({ "n": number })))))?;
                let known = Instant::now();
                let Ok(start) = starts.recv() else { break };
                acknowledged.push(start.saturating_duration_since(known));
                called.push(start.duration_since(call));
            }
            drop(starts);
            let ended = idler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok(ended?)
        })?;
        Ok((Times::of(acknowledged), Times::of(called)))
    }

    /// A worker that has nothing to do but what comes now.
    fn idle(&self, started: &SyncSender<Instant>) -> Result<(), StoreError> {
        let mut seen = 0;
        for _ in 0..SAMPLES {
            let task = loop {
                let (task, now) =
                    self.store.claim_within(Role::Architect, "bench-idle", LEASE, seen, LOOK)?;
                seen = now;
                match task {
                    Some(task) => break task,
                    None if self.signals.received().is_some() => return Ok(()),
                    None => {}
                }
            };
            let at = Instant::now();
            self.store.execute(Command::Settle(Box::new(end(&task))))?;
            if started.send(at).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What one claim takes while so many tasks wait.
    fn claims(&self, waiting: usize) -> Result<Depth, Failure> {
        let counts = self.store.counts()?;
        let there: u64 = counts
            .iter()
            .filter(|row| row.role == Role::Developer && row.status == Status::Pending)
            .map(|row| row.tasks)
            .sum();
        let missing = waiting.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
        for from in (0..missing).step_by(1_000) {
            if self.signals.received().is_some() {
                break;
            }
            let batch = (from..missing.min(from + 1_000))
                .map(|number| NewTask { assigned_to: Role::Developer, ..first(number) });
            self.store.enqueue(batch.collect())?;
        }
        let mut times = Vec::new();
        for _ in 0..SAMPLES {
            let began = Instant::now();
            let task = self.store.claim(Role::Developer, None, "bench-claim", LEASE)?;
            times.push(began.elapsed());
            if let Some(task) = task {
                self.store.execute(release(&task))?;
            }
        }
        Ok(Depth { waiting, ms: Times::of(times) })
    }

    /// Nothing may be claimed that was not shown: every task of the measurement was completed, and its run recorded once.
    fn all_done_once(&self, wanted: usize) -> Result<(), Failure> {
        let counts = self.store.counts()?;
        let of = |status| -> u64 {
            let rows = counts.iter().filter(|row| row.role != Role::Developer && row.status == status);
            rows.map(|row| row.tasks).sum()
        };
        let completed = usize::try_from(of(Status::Completed)).unwrap_or(usize::MAX);
        let others = of(Status::Pending) + of(Status::Running) + of(Status::Failed) + of(Status::Blocked);
        if completed == wanted && others == 0 {
            return Ok(());
        }
        let said =
            format!("of {wanted} tasks {completed} were completed, and {others} are in another status");
        Err(Failure::new(Kind::Failed, said)
            .hint("this is a defect of the engine: keep the command and report it"))
    }
}

/// A task that hands off a second one.
fn first(number: usize) -> NewTask {
    let priority = u8::try_from(number % 10 + 1).unwrap_or(1);
    NewTask { priority, ..NewTask::new(NOTHING, Role::Qa, Party::User, json!({ "n": number })) }
}

fn second(context: &Value) -> NewTask {
    NewTask::new(NOTHING, Role::Architect, Party::User, context.clone())
}

/// The end of a run that did nothing.
fn end(task: &Task) -> Settlement {
    let mut end = Settlement::new(
        task.id,
        task.lease_token,
        Outcome::Complete { result: json!({ "outcome": "done" }) },
    );
    end.logs.push(NewLog {
        level: LogLevel::Info,
        message: "did nothing".to_owned(),
        data: json!({ "wall_ms": 0 }),
    });
    if task.assigned_to == Role::Qa {
        end.hand_offs.push(NewTask { assigned_to: Role::Security, ..second(&json!({ "after": task.id.0 })) });
    }
    end
}

fn release(task: &Task) -> Command {
    Command::Settle(Box::new(Settlement::new(task.id, task.lease_token, Outcome::Release)))
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        Times { p50: at(50), p99: at(99) }
    }

    fn told(self) -> String {
        format!("{:.2} ms / {:.2} ms", self.p50, self.p99)
    }
}

impl Figures {
    /// The figures for people.
    fn lines(&self) -> Vec<String> {
        let mut table = Table::bare();
        let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
        fact("tasks / callers / batch", format!("{} / {} / {}", self.tasks, self.workers, self.batch));
        fact("synchronous", self.synchronous.to_owned());
        fact("one commit, median / 99 %", self.commit_ms.told());
        fact("created one by one", format!("{:.0} a second", self.enqueue_per_s));
        fact("created in batches", format!("{:.0} a second", self.enqueue_batch_per_s));
        fact("claimed and completed", format!("{:.0} a second", self.drain_per_s));
        fact(
            &format!("the same with {} callers", self.tuned_workers),
            format!("{:.0} a second; untuned gets {:.2}", self.drain_tuned_per_s, self.out_of_the_box),
        );
        fact(
            "the same in two calls",
            format!("{:.0} a second, {:.2} of that in one", self.drain_two_calls_per_s, self.two_calls),
        );
        fact("claims per commit", format!("{:.1}", self.claims_per_commit));
        fact("idle worker begins after the acknowledgement", self.pickup_ms.told());
        fact("idle worker begins after the call", self.start_ms.told());
        for depth in &self.claim_ms {
            fact(&format!("one claim of {} that wait", depth.waiting), depth.ms.told());
        }
        let idle =
            self.idle_cpu_percent.map_or("not known".to_owned(), |share| format!("{share:.2} % of a core"));
        fact("a crew that has nothing to do", idle);
        table.lines()
    }
}

fn ratio_per_second(count: usize, took: Duration) -> f64 {
    float(count) / took.as_secs_f64().max(1e-9)
}

fn ratio(count: usize, of: usize) -> f64 {
    float(count) / float(of.max(1))
}

/// A count of tasks, which is far below where a double becomes inexact.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
