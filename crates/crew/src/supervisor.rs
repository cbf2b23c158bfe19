//! The crew as a whole: starts the workers, keeps leases alive, sweeps the queue, puts scans and health checks into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use groundcrew_core::contract::CheckHealthContext;
use groundcrew_core::contract::task_type::CHECK_HEALTH;
use groundcrew_core::incident::{Incident, IncidentStatus};
use groundcrew_core::lifecycle::{Command, MOST_WAITING, NEW, Refusal, classify_task};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, Task, TaskId};
use groundcrew_store::{Count, IncidentFilter, NewWorker, Store, StoreError, TaskFilter};
use groundcrew_workbench::CancelToken;
use jiff::SignedDuration;

use crate::brain::Brain;
use crate::hooks::Hooks;
use crate::keeper::{self, Keeper};
use crate::lookout::Lookout;
use crate::presence::{Presence, host, process_name, worker_name};
use crate::recurring;
use crate::scratch::sweep;
use crate::tools::Tools;
use crate::watches::Watches;
use crate::worker::{Floor, Running, Troubles};

/// How long a task stays with a worker that shows no sign of life, unless it is told otherwise.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Longest time between two looks at the queue; work of other programs is found within it.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// How often the crew checks its own health.
const HEALTH_EVERY: Duration = Duration::from_secs(300);

/// Longest time between two looks at what there is to tell.
const TELL_EVERY: Duration = Duration::from_millis(400);

/// In place of the last event that was told, while one waits to be told again.
const NOTHING_TOLD: i64 = -1;

/// How often running tasks are told to end while the crew stops.
const STOP_TICK: Duration = Duration::from_millis(10);

/// How long a worker rests after the database failed it.
const REST: Duration = Duration::from_millis(500);

/// On what terms a crew works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a task stays with a worker that shows no sign of life.
    pub lease: SignedDuration,
    /// What it takes up.
    pub intake: Intake,
}

impl Default for Terms {
    fn default() -> Self {
        Self { lease: LEASE, intake: Intake::Projects }
    }
}

/// What a crew takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// What the logs of its projects, its schedules and its own health ask for, and what is in the queue.
    Projects,
    /// Only what is in the queue.
    Queue,
}

/// A running crew. Dropping it stops it.
pub struct Crew {
    floor: Arc<Floor>,
    stop: Arc<AtomicBool>,
    drained: Arc<AtomicBool>,
    told: Arc<AtomicI64>,
    hooks: CancelToken,
    threads: Vec<JoinHandle<()>>,
    names: Vec<String>,
    _presence: Presence,
}

impl Crew {
    /// Throws away what killed runs left behind, and starts one worker per role and the supervisor.
    ///
    /// # Errors
    /// The database cannot be written, or a thread cannot be started.
    pub fn start(tools: Tools, brain: Box<dyn Brain>, terms: Terms) -> Result<Self, StoreError> {
        let process = process_name();
        let presence = show(&tools, &process)?;
        take_back(&tools)?;
        sweep(tools.store.as_ref(), &tools.work_folder)?;
        let floor = Arc::new(Floor {
            tools,
            brain,
            lease: terms.lease,
            running: Running::default(),
            trouble: Troubles::default(),
        });
        let mut crew = Self {
            floor,
            _presence: presence,
            stop: Arc::new(AtomicBool::new(false)),
            drained: Arc::new(AtomicBool::new(false)),
            told: Arc::new(AtomicI64::new(NOTHING_TOLD)),
            hooks: CancelToken::new(),
            threads: Vec::new(),
            names: Vec::new(),
        };
        for &role in Role::ALL {
            let name = worker_name(role, &process);
            crew.floor.tools.store.register_worker(&NewWorker {
                name: name.clone(),
                host: host(),
                pid: std::process::id(),
                roles: vec![role],
            })?;
            crew.names.push(name.clone());
            let (floor, stop) = (Arc::clone(&crew.floor), Arc::clone(&crew.stop));
            crew.threads.push(std::thread::spawn(move || work(&floor, role, &name, &stop)));
        }
        let (floor, stop, drained) =
            (Arc::clone(&crew.floor), Arc::clone(&crew.stop), Arc::clone(&crew.drained));
        let names = crew.names.clone();
        crew.threads.push(std::thread::spawn(move || {
            Supervisor::new(&floor, names, terms.intake).run(&stop, &drained);
        }));
        match terms.intake {
            Intake::Projects => crew.start_telling(),
            // What one task does is told to whoever waits for it.
            Intake::Queue => crew.told.store(i64::MAX, Ordering::Release),
        }
        Ok(crew)
    }

    fn start_telling(&mut self) {
        let (floor, stop, told) = (Arc::clone(&self.floor), Arc::clone(&self.stop), Arc::clone(&self.told));
        let cancel = self.hooks.clone();
        self.threads.push(std::thread::spawn(move || tell(&floor, &stop, &told, &cancel)));
    }

    /// Whether every log has been read, everything was told, and nothing is left that the crew could do by itself.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn is_idle(&self) -> Result<bool, StoreError> {
        let store = self.floor.tools.store.as_ref();
        let pauses = store.pauses()?;
        let paused = |role| pauses.iter().any(|pause| pause.stops(role));
        // A paused monitor reads nothing, however much there is to read.
        let read = self.drained.load(Ordering::Acquire) || paused(Role::Monitor);
        if !read || !self.floor.running.is_empty() {
            return Ok(false);
        }
        let awaits = store.awaits()?;
        let open = |row: &Count| match row.status {
            // What waits for a signal waits for somebody else.
            Status::Pending => {
                let waiting = awaits.iter().filter(|wait| wait.role == row.role).count();
                row.tasks > u64::try_from(waiting).unwrap_or(u64::MAX) && !paused(row.role)
            }
            Status::Running => row.tasks > 0,
            Status::Completed | Status::Failed | Status::Blocked => false,
        };
        let nothing_open = !store.counts()?.iter().any(open);
        let told = self.told.load(Ordering::Acquire);
        let all_told = told == i64::MAX || (told != NOTHING_TOLD && store.events(told, 1)?.is_empty());
        Ok(nothing_open && all_told && held_back(store)?.is_empty())
    }

    /// What keeps the crew from its work now, such as a full disk under its database, by its cause, so that a thing that
    /// several statements come upon is one; empty when all is well.
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.floor.trouble.now()
    }

    /// Stops in good order: running tasks are ended and go back into the queue.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.hooks.cancel();
        self.floor.tools.store.wake();
        // Again and again, since a worker may have claimed its task just before it could see that it has to stop.
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            self.floor.running.cancel_all();
            std::thread::sleep(STOP_TICK);
        }
        for thread in self.threads.drain(..) {
            // A worker that panicked has nothing left to do; its lease runs out.
            drop(thread.join());
        }
        for name in self.names.drain(..) {
            // The row only says who was there; the next sweep of workers takes it away.
            drop(self.floor.tools.store.remove_worker(&name));
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Works one named task in this process, for a person who waits for it.
///
/// # Errors
/// The task cannot be claimed, for instance because a running crew has it already.
pub fn work_task(tools: Tools, brain: Box<dyn Brain>, task: TaskId, role: Role) -> Result<(), StoreError> {
    let process = process_name();
    let _presence = show(&tools, &process)?;
    let floor =
        Floor { tools, brain, lease: LEASE, running: Running::default(), trouble: Troubles::default() };
    floor.work_named(task, role, &worker_name(role, &process))
}

fn show(tools: &Tools, process: &str) -> Result<Presence, StoreError> {
    Presence::show(&tools.work_folder, process).map_err(|source| StoreError::Io {
        path: tools.work_folder.clone(),
        action: "show that this process lives in",
        source: Arc::new(source),
    })
}

/// Takes back what processes of this machine held that have ended without a word, and forgets their workers.
///
/// # Errors
/// The database cannot be written.
pub fn take_back(tools: &Tools) -> Result<(), StoreError> {
    keeper::take_back(tools.store.as_ref(), &tools.work_folder)
}

fn work(floor: &Floor, role: Role, name: &str, stop: &AtomicBool) {
    let mut seen = 0;
    let mut next: Option<Task> = None;
    // Whoever is told to stop wants no further task.
    let goes_on = || (!stop.load(Ordering::Acquire)).then(|| name.to_owned());
    while !stop.load(Ordering::Acquire) {
        let claimed = match next.take() {
            Some(task) => Ok((Some(task), seen)),
            None => floor.tools.store.claim_within(role, name, floor.lease, seen, LOOK_EVERY),
        };
        let worked = claimed.and_then(|(task, now)| {
            seen = now;
            task.map_or(Ok(None), |task| floor.work(&task, &goes_on))
        });
        floor.trouble.note(name, &worked);
        match worked {
            Ok(claimed) => next = claimed,
            Err(_) => std::thread::sleep(REST),
        }
    }
    if let Some(task) = next {
        floor.trouble.note(name, &floor.give_back(&task));
    }
}

/// Tells the user's own programs what happens, in a thread of its own so that a slow one holds nobody up.
fn tell(floor: &Floor, stop: &AtomicBool, told: &AtomicI64, cancel: &CancelToken) {
    let mut hooks = Hooks::default();
    let mut seen = 0;
    while !stop.load(Ordering::Acquire) {
        let delivered = hooks.deliver(&floor.tools, cancel);
        floor.trouble.note("hooks", &delivered);
        told.store(delivered.ok().flatten().unwrap_or(NOTHING_TOLD), Ordering::Release);
        seen = floor.tools.store.changes(seen, TELL_EVERY);
    }
}

/// Incidents that wait for triage without a task, once triage has nothing else to do.
fn held_back(store: &dyn Store) -> Result<Vec<Incident>, StoreError> {
    let busy = |row: &Count| row.role == Role::Triage && row.status == Status::Pending && row.tasks > 0;
    if store.counts()?.iter().any(busy) {
        return Ok(Vec::new());
    }
    let limit = u32::try_from(MOST_WAITING).ok();
    let filter = IncidentFilter { status: Some(IncidentStatus::New), limit, ..IncidentFilter::default() };
    let mut found = Vec::new();
    for incident in store.incidents(&filter)? {
        let about = TaskFilter { incident: Some(incident.id), ..TaskFilter::default() };
        if store.tasks(&about)?.iter().all(|task| task.status.is_final()) {
            found.push(incident);
        }
    }
    Ok(found)
}

/// The thread that looks after the queue.
struct Supervisor<'a> {
    floor: &'a Floor,
    keeper: Keeper<'a>,
    intake: Intake,
    checked: Option<Instant>,
    watches: Watches,
    logs: Lookout,
}

impl<'a> Supervisor<'a> {
    fn new(floor: &'a Floor, names: Vec<String>, intake: Intake) -> Self {
        let (store, folder) = (floor.tools.store.as_ref(), floor.tools.work_folder.as_path());
        let keeper = Keeper::new(store, folder, &floor.running, names, floor.lease);
        Self { floor, keeper, intake, checked: None, watches: Watches::new(), logs: Lookout::default() }
    }

    /// A failed round is no reason to stop: the database may be busy, and the next round tries again.
    fn run(&mut self, stop: &AtomicBool, drained: &AtomicBool) {
        let mut seen = 0;
        while !stop.load(Ordering::Acquire) {
            let round = self.round();
            self.floor.trouble.note("supervisor", &round);
            if let Ok(all_read) = round {
                drained.store(all_read, Ordering::Release);
            }
            seen = self.floor.tools.store.changes(seen, LOOK_EVERY);
        }
    }

    /// One round; says whether every log has been read to its end.
    fn round(&mut self) -> Result<bool, StoreError> {
        self.keeper.round()?;
        self.classify_held_back()?;
        match self.intake {
            Intake::Queue => Ok(true),
            Intake::Projects => {
                recurring::keep_up(&self.floor.tools)?;
                self.schedule_health()?;
                for task in self.watches.due(&self.floor.tools)? {
                    self.create(task)?;
                }
                self.schedule_scans()
            }
        }
    }

    /// Hands incidents to triage that had to wait while it had too much to do, the last seen first.
    fn classify_held_back(&self) -> Result<(), StoreError> {
        for incident in held_back(self.floor.tools.store.as_ref())? {
            self.create(classify_task(incident.project, &incident.fingerprint, &incident.title, NEW))?;
        }
        Ok(())
    }

    fn schedule_health(&mut self) -> Result<(), StoreError> {
        if self.checked.is_some_and(|at| at.elapsed() < HEALTH_EVERY) {
            return Ok(());
        }
        self.checked = Some(Instant::now());
        let mut task = new_task(CHECK_HEALTH, &CheckHealthContext::default());
        task.priority = 3;
        task.dedupe_key = Some("check_health".into());
        self.create(task)
    }

    fn schedule_scans(&mut self) -> Result<bool, StoreError> {
        let (tasks, all_read) = self.logs.due(&self.floor.tools)?;
        for task in tasks {
            self.create(task)?;
        }
        Ok(all_read)
    }

    /// A task of the same key that is still open does the work already.
    fn create(&self, task: NewTask) -> Result<(), StoreError> {
        match self.floor.tools.store.execute(Command::Create(Box::new(task))) {
            Ok(_) | Err(StoreError::Refused(Refusal::KeyTaken(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn new_task<T: serde::Serialize>(task_type: &str, context: &T) -> NewTask {
    let context = serde_json::to_value(context).unwrap_or(serde_json::Value::Null);
    NewTask::new(task_type, Role::Monitor, Party::System, context)
}
