//! What is done to the processes of a run, round by round, chosen by a seed.
//!
//! | file | what |
//! | --- | --- |
//! | `faults` | what is done in one stroke |
//! | `zombies` | workers that are stopped and go on |
//! | `incoming` | what comes in from outside |
//! | `still` | how everything is looked at |
//! | `again` | how long the tasks of a killed worker waited |

mod again;
mod faults;
mod incoming;
mod still;
mod zombies;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::task::Status;
use groundcrew_store::{Store, TaskFilter};

use self::again::{Span, Victim, outside};
use self::zombies::Zombie;
use super::check::{self, Phase, Violation};
use super::figures::{Figures, Share, Waits};
use super::picture::Picture;
use super::process::{Process, WORKER_ARG};
use super::random::Random;
use super::work;
use super::worker::{self, Entry, Orders};
use super::world::World;
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
    stills: Vec<Span>,
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
            for name in ["alive", "held", "journal", "said"] {
                std::fs::create_dir_all(folder.join(name))?;
            }
            Ok(())
        });
        made.map_err(|error| broken(&error))?;
        let url = format!("sqlite:{}", file.display());
        let store = worker::open(&url, folder)?;
        store.execute(work::limit())?;
        Ok(Self {
            store,
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
            stills: Vec::new(),
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

    /// Lets everything come to its end, and looks a last time.
    fn rest(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while began.elapsed() < RESTS_WITHIN && self.signals.received().is_none() {
            self.look_after_zombies()?;
            self.look_after_holders();
            self.staff()?;
            self.answer()?;
            self.emit()?;
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
        let (waits, hindered) = (self.waits()?, self.hindered()?);
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
            again_ms: Waits::of(waits.iter().map(|(from, until)| until - from).collect()),
            again_unhindered_ms: Waits::of(waits.iter().map(|wait| outside(*wait, &hindered)).collect()),
            violations: std::mem::take(&mut self.found),
            seconds: self.began.elapsed().as_secs_f64(),
        })
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
