//! What is done to the processes of a run, round by round, chosen by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::task::{LeaseToken, Status, Task, TaskId};
use groundcrew_store::{Store, StoreError, TaskFilter};
use jiff::Timestamp;
use serde_json::Value;

use super::check::{self, Phase, Violation};
use super::figures::{Figures, Share, Waits};
use super::picture::{Picture, Reading};
use super::process::{HOLDER_ARG, Process, WORKER_ARG};
use super::random::Random;
use super::work::{self, Part};
use super::worker::{self, Act, Entry, Orders};
use super::world::{Effects, World};
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::signals::Signals;

/// Workers at the same time.
const WORKERS: usize = 5;
/// How long a task stays with a worker that shows no sign of life.
const LEASE: Duration = Duration::from_millis(1_200);
/// Workers that are stopped at the same time at most.
const STOPPED: usize = 3;
/// How long a stopped worker is left, beyond the end of its lease, for others to take what it held.
const TAKEN_WITHIN: Duration = Duration::from_secs(4);
/// How long a worker that goes on may take to write what it has.
const WRITES_WITHIN: Duration = Duration::from_secs(4);
/// Tasks that are open at most before more are created.
const OPEN: u64 = 30;
/// Tasks created in one round.
const NEW: u64 = 4;
/// How long the crew may take to come to rest.
const RESTS_WITHIN: Duration = Duration::from_secs(120);
/// Rounds after which the whole file and the chain of its log are checked, too.
const FILE_EVERY: u64 = 10;
/// How long a worker works whose disk is full.
const STARVES: Duration = Duration::from_millis(400);
/// Room that a process with a full disk has, so that it comes as far as the database.
const ROOM: u64 = 64 << 10;
/// An hour and a day, in seconds.
const JUMPS: [i64; 4] = [3_600, -3_600, 86_400, -86_400];

/// Faults that a run must inject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goals {
    kills: u64,
    zombies: u64,
    jumps: u64,
    locks: u64,
    full: u64,
}

impl Goals {
    /// The goals of a run with so many kills.
    pub(super) fn of(kills: u64) -> Self {
        Self { kills, zombies: kills / 5, jumps: kills / 10, locks: kills / 20, full: kills / 20 }
    }

    /// In words.
    pub(super) fn told(&self) -> String {
        format!(
            "{} kills, {} workers stopped past their lease, {} jumps of the clock, {} times the write lock held, {} times \
             the disk full",
            self.kills, self.zombies, self.jumps, self.locks, self.full
        )
    }
}

/// What can be done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Zombie,
    Jump,
    Lock,
    Full,
}

/// The byte of the shared index of a write-ahead log that stands for the right to write, as SQLite documents it.
const WRITE_LOCK: &str = "120";

/// What a process locks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locks {
    /// Nothing.
    None,
    /// The right to write; readers are free.
    Write,
    /// Also the index of the write-ahead log, while it is made or checkpointed.
    Index,
}

/// A worker that is stopped, with what it holds.
struct Zombie {
    process: Process,
    held: Vec<(TaskId, LeaseToken)>,
    since: Instant,
}

/// A worker that was killed, with the tasks that it held for the first time.
struct Victim {
    held: Vec<(TaskId, LeaseToken)>,
    at_ms: i64,
}

/// A run under way.
pub(super) struct Conductor<'a> {
    store: Arc<dyn Store>,
    url: String,
    file: PathBuf,
    folder: PathBuf,
    world: World,
    random: Random,
    seed: u64,
    signals: &'a Signals,
    out: Output,
    began: Instant,
    started: u64,
    created: u64,
    offset: i64,
    workers: Vec<Process>,
    zombies: Vec<Zombie>,
    holders: Vec<Process>,
    victims: Vec<Victim>,
    picture: Picture,
    found: Vec<Violation>,
    kills: Share,
    zombied: Share,
    jumps: Share,
    locks: Share,
    full: Share,
    refused: u64,
    checks: u64,
}

impl<'a> Conductor<'a> {
    /// Makes the database and the folders of a run.
    pub(super) fn new(
        file: &Path,
        folder: &Path,
        seed: u64,
        goals: Goals,
        signals: &'a Signals,
        out: Output,
    ) -> Result<Self, Failure> {
        let world = World::new(folder);
        let made = world.make().and_then(|()| {
            for name in ["alive", "journal", "said"] {
                std::fs::create_dir_all(folder.join(name))?;
            }
            Ok(())
        });
        made.map_err(|error| broken(&error))?;
        let url = format!("sqlite:{}", file.display());
        Ok(Self {
            store: worker::open(&url, folder)?,
            url,
            file: file.to_owned(),
            folder: folder.to_owned(),
            world,
            random: Random::new(seed),
            seed,
            signals,
            out,
            began: Instant::now(),
            started: 0,
            created: 0,
            offset: 0,
            workers: Vec::new(),
            zombies: Vec::new(),
            holders: Vec::new(),
            victims: Vec::new(),
            picture: Picture::default(),
            found: Vec::new(),
            kills: Share::of(goals.kills),
            zombied: Share::of(goals.zombies),
            jumps: Share::of(goals.jumps),
            locks: Share::of(goals.locks),
            full: Share::of(goals.full),
            refused: 0,
            checks: 0,
        })
    }

    /// Does rounds until the goals are met or something does not hold, and lets the crew come to rest.
    pub(super) fn conduct(mut self) -> Result<Figures, Failure> {
        let most = 20 * (self.kills.goal + 10);
        for round in 0..most {
            if self.next_faults().is_empty() || !self.found.is_empty() || self.signals.received().is_some() {
                break;
            }
            if round > 0 && round % 50 == 0 {
                self.out.note(format!(
                    "{} kills, {} checks, {:?}",
                    self.kills.injected,
                    self.checks,
                    self.began.elapsed()
                ));
            }
            self.round()?;
        }
        if self.found.is_empty() && self.signals.received().is_none() {
            self.rest()?;
        }
        self.figures()
    }

    /// Faults of which there were not enough yet.
    fn next_faults(&self) -> Vec<Fault> {
        let all = [
            (Fault::Kill, self.kills, 8),
            (Fault::Zombie, self.zombied, 6),
            (Fault::Jump, self.jumps, 1),
            (Fault::Lock, self.locks, 1),
            (Fault::Full, self.full, 1),
        ];
        let open = all.into_iter().filter(|(_, share, _)| !share.is_met());
        open.flat_map(|(fault, _, weight)| std::iter::repeat_n(fault, weight)).collect()
    }

    fn round(&mut self) -> Result<(), Failure> {
        self.staff()?;
        self.work_comes_in()?;
        let faults = self.next_faults();
        let fault = self.random.place(faults.len()).and_then(|at| faults.get(at).copied());
        let moment = Duration::from_millis(2 + self.random.below(30));
        std::thread::sleep(moment);
        match fault {
            Some(Fault::Kill) => self.kill()?,
            Some(Fault::Zombie) => self.stop_one()?,
            Some(Fault::Jump) => self.jump()?,
            Some(Fault::Lock) => self.lock()?,
            Some(Fault::Full) => self.starve()?,
            None => {}
        }
        self.look_after_zombies()?;
        self.look_after_holders();
        self.check(Phase::UnderWay)
    }

    /// Starts workers in place of those that were killed. None may have ended by itself.
    fn staff(&mut self) -> Result<(), Failure> {
        for worker in &mut self.workers {
            if worker.has_ended() {
                let said = std::fs::read_to_string(self.folder.join("said").join(worker.number.to_string()));
                let found =
                    format!("worker {} ended by itself: {}", worker.number, said.unwrap_or_default().trim());
                self.found.push(Violation { rule: "ended", found });
            }
        }
        while self.workers.len() + self.zombies.len() < WORKERS {
            let worker = self.start(None)?;
            self.workers.push(worker);
        }
        Ok(())
    }

    fn start(&mut self, full_at: Option<u64>) -> Result<Process, Failure> {
        self.started += 1;
        let orders = Orders {
            database: self.url.clone(),
            folder: self.folder.clone(),
            number: self.started,
            lease_ms: i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX),
            full_at,
        };
        Process::start(WORKER_ARG, &orders, &self.folder, self.started)
    }

    /// New tasks, answers, and what failed since its workers were killed too often.
    fn work_comes_in(&mut self) -> Result<(), Failure> {
        let open: u64 = self
            .store
            .counts()?
            .iter()
            .filter(|count| !count.status.is_final())
            .map(|count| count.tasks)
            .sum();
        if open < OPEN {
            let new: Vec<_> = (0..NEW).map(|n| work::root(Part::nth(self.created + n))).collect();
            self.created += NEW;
            self.picture.acknowledged.extend(self.store.enqueue(new)?);
        }
        self.answer()?;
        self.redrive()
    }

    fn answer(&self) -> Result<(), Failure> {
        for item in self.store.inbox()? {
            let answer = Command::Answer {
                question: item.message.id,
                by: Party::User,
                choice: "yes".to_owned(),
                comment: None,
                extra: Value::Null,
            };
            match self.store.execute(answer) {
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn redrive(&self) -> Result<(), Failure> {
        let filter =
            TaskFilter { status: Some(Status::Failed), limit: Some(u32::MAX), ..TaskFilter::default() };
        let failed = self.store.tasks(&filter)?;
        // What was to answer is over: the person is asked instead.
        let wanted = |task: &&Task| Part::of(task) != Part::Refused && task.task_type != ANSWER_QUESTION;
        for task in failed.iter().filter(wanted) {
            match self.store.execute(Command::Redrive { task: task.id, by: Party::User }) {
                Ok(_) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Kills a worker, wherever it is.
    fn kill(&mut self) -> Result<(), Failure> {
        let Some(at) = self.random.place(self.workers.len()) else { return Ok(()) };
        let mut victim = self.workers.swap_remove(at);
        victim.kill();
        let at_ms = Timestamp::now().as_millisecond();
        let held = self.held_by(victim.id())?;
        let first = held.iter().filter(|task| task.retry_count == 0);
        self.victims.push(Victim { held: first.map(|task| (task.id, task.lease_token)).collect(), at_ms });
        self.kills.injected += 1;
        Ok(())
    }

    /// Stops a worker in the middle of a run, for as long as it takes that others have what it held.
    fn stop_one(&mut self) -> Result<(), Failure> {
        if self.zombies.len() >= STOPPED {
            return Ok(());
        }
        // One that has something under way, if there is one.
        let mut busy = Vec::new();
        for (at, worker) in self.workers.iter().enumerate() {
            if !self.held_by(worker.id())?.is_empty() {
                busy.push(at);
            }
        }
        let Some(at) = self.random.place(busy.len()).and_then(|at| busy.get(at)) else { return Ok(()) };
        let process = self.workers.swap_remove(*at);
        process.stop();
        let held = self.held_by(process.id())?;
        if held.is_empty() || self.locks_of(process.id()) != Locks::None {
            // It would not be late with anything, or nobody could take what it holds.
            process.go_on();
            self.workers.push(process);
            return Ok(());
        }
        let held = held.iter().map(|task| (task.id, task.lease_token)).collect();
        self.zombies.push(Zombie { process, held, since: Instant::now() });
        Ok(())
    }

    /// Lets stopped workers go on whose tasks have passed to others, and waits until they have tried to write.
    fn look_after_zombies(&mut self) -> Result<(), Failure> {
        let mut rest = Vec::new();
        for zombie in std::mem::take(&mut self.zombies) {
            let mut passed = true;
            for (id, token) in &zombie.held {
                let task = self.store.task(*id)?;
                passed &=
                    task.is_none_or(|task| task.lease_token != *token || task.status != Status::Running);
            }
            if passed {
                zombie.process.go_on();
                self.late_writes(&zombie);
                self.workers.push(zombie.process);
            } else if zombie.since.elapsed() > LEASE + TAKEN_WITHIN {
                let found = format!("nobody took {:?} from a worker that was stopped", zombie.held);
                self.found.push(Violation { rule: "stuck", found });
                self.workers.push(zombie.process);
            } else {
                rest.push(zombie);
            }
        }
        self.zombies = rest;
        Ok(())
    }

    fn late_writes(&mut self, zombie: &Zombie) {
        let file = worker::journal(&self.folder, zombie.process.number);
        let late = |entries: &[Entry]| -> BTreeSet<(i64, i64)> {
            let late = entries.iter().filter(|entry| entry.act == Act::Stale);
            late.map(|entry| (entry.task, entry.token)).collect()
        };
        let wanted: BTreeSet<(i64, i64)> =
            zombie.held.iter().map(|(task, token)| (task.0, token.0)).collect();
        let began = Instant::now();
        loop {
            let refused = late(&journal(&file)).intersection(&wanted).count();
            if refused == wanted.len() || began.elapsed() > WRITES_WITHIN {
                self.refused += u64::try_from(refused).unwrap_or(0);
                self.zombied.injected += u64::from(refused == wanted.len());
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets the clock of all processes jump.
    fn jump(&mut self) -> Result<(), Failure> {
        let by = self.random.place(JUMPS.len()).and_then(|at| JUMPS.get(at)).copied().unwrap_or(0);
        self.shift(by)?;
        self.jumps.injected += 1;
        Ok(())
    }

    fn shift(&mut self, by: i64) -> Result<(), Failure> {
        self.offset += by;
        let (file, new) = (worker::clock(&self.folder), self.folder.join("clock.new"));
        std::fs::write(&new, self.offset.to_string())
            .and_then(|()| std::fs::rename(new, file))
            .map_err(|error| broken(&error))
    }

    /// Has another process hold the write lock.
    fn lock(&mut self) -> Result<(), Failure> {
        self.started += 1;
        let ms = 100 + self.random.below(300);
        self.holders.push(Process::start(HOLDER_ARG, &(&self.url, ms), &self.folder, self.started)?);
        Ok(())
    }

    fn look_after_holders(&mut self) {
        let before = self.holders.len();
        self.holders.retain_mut(|holder| !holder.has_ended());
        self.locks.injected += u64::try_from(before - self.holders.len()).unwrap_or(0);
    }

    /// Lets a worker meet a full disk, and kills it then.
    fn starve(&mut self) -> Result<(), Failure> {
        let size = std::fs::metadata(self.folder.join("world/ledger")).map_or(0, |ledger| ledger.len());
        let limit = size + ROOM + self.random.below(2 * ROOM);
        let mut worker = self.start(Some(limit))?;
        let began = Instant::now();
        let file = worker::journal(&self.folder, worker.number);
        let failed = || journal(&file).iter().any(|entry| entry.act == Act::Failed);
        while began.elapsed() < STARVES && !failed() && !worker.has_ended() {
            std::thread::sleep(Duration::from_millis(10));
        }
        worker.kill();
        self.full.injected += u64::from(failed());
        Ok(())
    }

    /// Tasks that run in a process.
    fn held_by(&self, process: u32) -> Result<Vec<Task>, Failure> {
        let filter =
            TaskFilter { status: Some(Status::Running), limit: Some(u32::MAX), ..TaskFilter::default() };
        let id = process.to_string();
        let is_its = |task: &Task| {
            // As `presence::process_name` puts it: machine, process, moment.
            let owner = task.lease.as_ref().map_or("", |lease| lease.owner.as_str());
            owner.rsplit('-').nth(1) == Some(id.as_str())
        };
        let mut running = self.store.tasks(&filter)?;
        running.retain(is_its);
        Ok(running)
    }

    /// What a process locks of the database for itself, as the kernel knows it.
    fn locks_of(&self, process: u32) -> Locks {
        use std::os::unix::fs::MetadataExt as _;
        let mut name = self.file.as_os_str().to_owned();
        name.push("-shm");
        let Ok(index) = std::fs::metadata(name) else { return Locks::None };
        let (process, inode) = (process.to_string(), format!(":{}", index.ino()));
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let mut held = Locks::None;
        for line in locks.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let its = words.contains(&process.as_str()) && words.iter().any(|word| word.ends_with(&inode));
            if its && words.contains(&"WRITE") {
                if !words.ends_with(&[WRITE_LOCK, WRITE_LOCK]) {
                    return Locks::Index;
                }
                held = Locks::Write;
            }
        }
        held
    }

    /// Looks at everything while nobody writes.
    fn check(&mut self, phase: Phase) -> Result<(), Failure> {
        let whole = phase == Phase::AtRest || self.checks.is_multiple_of(FILE_EVERY);
        if phase == Phase::AtRest {
            self.picture.effects = Effects::default();
        }
        let began = Instant::now();
        loop {
            self.hold_still();
            let read = self.read(phase, whole);
            for worker in &self.workers {
                worker.go_on();
            }
            match read {
                Ok(()) => break,
                // One of them was stopped while it put the index of the write-ahead log in order.
                Err(StoreError::Busy { .. }) if began.elapsed() < RESTS_WITHIN => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.checks += 1;
        self.found.extend(check::violations(&self.picture, phase));
        Ok(())
    }

    /// Stops all workers, none of them where it keeps readers out.
    fn hold_still(&self) {
        for worker in &self.workers {
            worker.stop();
            for _ in 0..100 {
                if self.locks_of(worker.id()) != Locks::Index {
                    break;
                }
                worker.go_on();
                std::thread::sleep(Duration::from_millis(1));
                worker.stop();
            }
        }
    }

    fn read(&mut self, phase: Phase, whole: bool) -> Result<(), StoreError> {
        let reading = if phase == Phase::AtRest { Reading::All } else { Reading::Changed };
        self.picture.read(self.store.as_ref(), reading)?;
        self.picture.findings = if whole { self.store.check()? } else { Vec::new() };
        self.world.read(&mut self.picture.effects).map_err(|source| StoreError::Io {
            action: "read the effects in",
            path: self.folder.clone(),
            source: Arc::new(source),
        })
    }

    /// Lets everything come to its end, and looks a last time.
    fn rest(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while began.elapsed() < RESTS_WITHIN && self.signals.received().is_none() {
            self.look_after_zombies()?;
            self.look_after_holders();
            self.staff()?;
            self.answer()?;
            self.redrive()?;
            let mut counts: BTreeMap<Status, u64> = BTreeMap::new();
            for count in self.store.counts()? {
                *counts.entry(count.status).or_default() += count.tasks;
            }
            let of = |status| counts.get(&status).copied().unwrap_or(0);
            let (pending, running, blocked) = (of(Status::Pending), of(Status::Running), of(Status::Blocked));
            if pending + running + blocked == 0 && self.zombies.is_empty() {
                break;
            }
            let filter =
                TaskFilter { status: Some(Status::Pending), limit: Some(u32::MAX), ..TaskFilter::default() };
            if running == 0 && self.store.tasks(&filter)?.iter().all(|task| task.run_at.is_some()) {
                // Nothing is left but what waits before it is tried again.
                self.shift(3_600)?;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.check(Phase::AtRest)
    }

    fn figures(&mut self) -> Result<Figures, Failure> {
        let runs = self.picture.runs.values().flatten();
        let lost = runs.clone().filter(|run| run.outcome.as_deref() == Some("lost")).count();
        Ok(Figures {
            seed: self.seed,
            kills: self.kills,
            zombies: self.zombied,
            late_writes_refused: self.refused,
            clock_jumps: self.jumps,
            locks_held: self.locks,
            disks_full: self.full,
            full_by: "RLIMIT_FSIZE",
            checks: self.checks,
            tasks: self.picture.tasks.len(),
            runs: runs.count(),
            runs_lost: lost,
            unguarded_doubled: check::doubled(&self.picture),
            again_ms: Waits::of(self.waits()?),
            violations: std::mem::take(&mut self.found),
            seconds: self.began.elapsed().as_secs_f64(),
        })
    }

    /// How long each task of a killed worker took to run again.
    fn waits(&self) -> Result<Vec<i64>, Failure> {
        let mut began: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for file in std::fs::read_dir(self.folder.join("journal")).map_err(|error| broken(&error))? {
            for entry in journal(&file.map_err(|error| broken(&error))?.path()) {
                if entry.act == Act::Began {
                    began.insert((entry.task, entry.token), entry.at_ms);
                }
            }
        }
        let all = self.victims.iter().flat_map(|victim| {
            let began = &began;
            let again = |(task, token): &(TaskId, LeaseToken)| began.get(&(task.0, token.0 + 1)).copied();
            victim.held.iter().filter_map(again).map(|at| at - victim.at_ms)
        });
        Ok(all.collect())
    }
}

/// The entries of a journal; of the last line a killed worker may have written a part.
fn journal(file: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("cannot use the folder of the run: {error}"))
}
