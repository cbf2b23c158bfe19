//! A process that works the tasks of a run until it is killed.
//!
//! It goes by what a crew's process does: it shows that it lives, one thread keeps the leases and the queue, the others claim,
//! work and settle, and every write carries the token. Unlike an agent it goes on with a run whose lease is lost and tries to
//! write what it has, so that the refusals are seen. What became of each write is told in a journal.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::lifecycle::{Command, Outcome, Refusal, Settlement};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::{Ask, Given, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, Task};
use groundcrew_crew::keeper::Keeper;
use groundcrew_crew::presence::{Presence, host, process_name, worker_name};
use groundcrew_crew::worker::Running;
use groundcrew_store::{Access, NewWorker, Options, Store, StoreError, open_with_clock};
use groundcrew_workbench::CancelToken;
use jiff::{SignedDuration, Timestamp};
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signal_hook::consts::SIGXFSZ;

use super::work::{self, CHILD, CHILDREN, NEXT, Part, ROOT, STEPS};
use super::world::World;

/// Longest wait of an idle worker before it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two rounds of what is done regularly; a crew has 400 ms.
const ROUND: Duration = Duration::from_millis(100);
/// How long a worker rests after the database failed it.
const REST: Duration = Duration::from_millis(50);
/// How long one step of a task takes.
const STEP: Duration = Duration::from_millis(4);
/// Roles that work.
const ROLES: [Role; 4] = [Role::Triage, Role::Developer, Role::Qa, Role::Security];

/// In the journal, what is about no run.
const NOTHING: (i64, i64) = (0, 0);

/// What a process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Address of the database.
    pub(super) database: String,
    /// The folder of the run.
    pub(super) folder: PathBuf,
    /// Its number, unlike that of any other.
    pub(super) number: u64,
    /// How long a task stays with a worker that shows no sign of life.
    pub(super) lease_ms: i64,
    /// Bytes after which no file grows: to a process with such a limit the disk is full.
    pub(super) full_at: Option<u64>,
}

/// What became of something, as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The task.
    pub(super) task: i64,
    /// The claim.
    pub(super) token: i64,
    /// What was done.
    pub(super) act: Act,
    /// Milliseconds of the machine's clock, which never jumps in a run.
    pub(super) at_ms: i64,
}

/// What a worker did, and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    /// A run began.
    Began,
    /// A write of a run was accepted.
    Accepted,
    /// A write of a run was refused, since its claim is over.
    Stale,
    /// The database could not be used, other than since somebody held its lock.
    Failed,
}

/// The folder in which processes show that they live.
pub(super) fn alive(folder: &Path) -> PathBuf {
    folder.join("alive")
}

/// The file of a process's journal.
pub(super) fn journal(folder: &Path, number: u64) -> PathBuf {
    folder.join("journal").join(number.to_string())
}

/// The file that says by how many seconds the clock of the database is off.
pub(super) fn clock(folder: &Path) -> PathBuf {
    folder.join("clock")
}

/// The time of a run: that of the machine, moved by what the file of the run says.
pub(super) fn shifted(folder: &Path) -> Timestamp {
    let text = std::fs::read_to_string(clock(folder)).unwrap_or_default();
    let by = SignedDuration::from_secs(text.trim().parse().unwrap_or(0));
    let now = Timestamp::now();
    now.checked_add(by).unwrap_or(now)
}

/// Opens the database of a run, with the clock of the run.
pub(super) fn open(database: &str, folder: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let folder = folder.to_owned();
    let options = Options { access: Access::Create };
    open_with_clock(database, options, Box::new(move || shifted(&folder)))
}

/// Works until it is killed, or until the process that started it is gone.
pub(super) fn run(orders: &Orders) -> Result<(), StoreError> {
    let parent = std::os::unix::process::parent_id();
    let limit = |error: std::io::Error| StoreError::Io {
        action: "limit what is written to",
        path: orders.folder.clone(),
        source: Arc::new(error),
    };
    if let Some(bytes) = orders.full_at {
        // Without a handler the kernel would end a process that meets its limit; a full disk only fails the write.
        signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map_err(limit)?;
        setrlimit(Resource::RLIMIT_FSIZE, bytes, bytes).map_err(|error| limit(error.into()))?;
    }
    let process = process_name();
    let alive = alive(&orders.folder);
    let _presence = Presence::show(&alive, &process).map_err(limit)?;
    let store = open(&orders.database, &orders.folder)?;
    let running = Running::default();
    let hand = Hand {
        store: store.as_ref(),
        running: &running,
        orders,
        world: World::new(&orders.folder),
        lease: SignedDuration::from_millis(orders.lease_ms),
    };
    let is_wanted = || std::os::unix::process::parent_id() == parent;
    let names: Vec<String> = ROLES.iter().map(|role| worker_name(*role, &process)).collect();
    std::thread::scope(|scope| {
        for (role, name) in ROLES.into_iter().zip(&names) {
            let hand = &hand;
            scope.spawn(move || {
                let new = NewWorker {
                    name: name.clone(),
                    host: host(),
                    pid: std::process::id(),
                    roles: vec![role],
                };
                // Only says who was there; the tasks are the same without it.
                drop(hand.store.register_worker(&new));
                while is_wanted() {
                    match hand.work(role, name, LOOK) {
                        Ok(()) => continue,
                        Err(StoreError::Busy { .. }) => {}
                        Err(_) => hand.tell(NOTHING, Act::Failed),
                    }
                    std::thread::sleep(REST);
                }
            });
        }
        let mut keeper = Keeper::new(hand.store, &alive, &running, names.clone(), hand.lease);
        while is_wanted() {
            // What fails now is tried again in the next round.
            drop(keeper.round());
            std::thread::sleep(ROUND);
        }
    });
    Ok(())
}

/// Works what is ready of every role within this process; gives how many tasks are open then.
#[cfg(test)]
pub(super) fn work_ready(store: &dyn Store, orders: &Orders) -> Result<u64, StoreError> {
    let running = Running::default();
    let lease = SignedDuration::from_millis(orders.lease_ms);
    let hand = Hand { store, running: &running, orders, world: World::new(&orders.folder), lease };
    for role in ROLES {
        hand.work(role, role.as_str(), Duration::ZERO)?;
    }
    store.maintain(lease)?;
    let counts = store.counts()?;
    Ok(counts.iter().filter(|count| !count.status.is_final()).map(|count| count.tasks).sum())
}

struct Hand<'a> {
    store: &'a dyn Store,
    running: &'a Running,
    orders: &'a Orders,
    world: World,
    lease: SignedDuration,
}

impl Hand<'_> {
    /// Works tasks of a role for as long as one follows another, if the first is there in time.
    fn work(&self, role: Role, name: &str, wait: Duration) -> Result<(), StoreError> {
        let (mut next, _) = self.store.claim_within(role, name, self.lease, 0, wait)?;
        while let Some(task) = next.take() {
            self.running.begin(&task, &CancelToken::new());
            let worked = self.run(&task, role, name);
            self.running.end(&task);
            next = worked?;
        }
        Ok(())
    }

    /// One run; gives the task that was claimed with its end.
    fn run(&self, task: &Task, role: Role, name: &str) -> Result<Option<Task>, StoreError> {
        self.tell(of(task), Act::Began);
        let begun = Command::Note {
            task: task.id,
            token: task.lease_token,
            logs: vec![entry(task, "begun")],
            messages: Vec::new(),
        };
        self.write(task, self.store.execute(begun))?;
        std::thread::sleep(pause(task));
        let end = self.end(task);
        if let Err(StoreError::Refused(Refusal::StaleLease { .. } | Refusal::StepRecorded { .. })) = end {
            // Another run has the task; this one took a step too many, and could not record it.
            self.tell(of(task), Act::Stale);
            return Ok(None);
        }
        let mut end = end?;
        end.logs.push(entry(task, "ended"));
        // Half of the ends claim the next task in their transaction, as the engine offers it.
        if task.id.0 % 2 == 0 {
            let (settled, next) = self.store.settle_and_claim(end, name, self.lease, role)?;
            // Whatever became of this end, the next task is ours.
            drop(self.write(task, settled));
            return Ok(next);
        }
        self.write(task, self.store.execute(Command::Settle(Box::new(end))))?;
        Ok(None)
    }

    /// Tells what became of a write. A refused one is no failure: somebody else has the task.
    fn write<T>(&self, task: &Task, done: Result<T, StoreError>) -> Result<(), StoreError> {
        match done {
            Ok(_) => self.tell(of(task), Act::Accepted),
            Err(StoreError::Refused(Refusal::StaleLease { .. })) => self.tell(of(task), Act::Stale),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What a run comes to.
    fn end(&self, task: &Task) -> Result<Settlement, StoreError> {
        let end = |outcome| Settlement::new(task.id, task.lease_token, outcome);
        if task.task_type == ANSWER_QUESTION {
            let given = Given { choice: "yes".to_owned(), comment: None };
            return Ok(Settlement { answer: Some(given), ..end(completed(task)) });
        }
        let ask =
            Ask::new(format!("shall task {} go on?", task.id), &[("yes", "it goes on"), ("no", "it ends")]);
        let asked = |ask| Outcome::Block { on: BlockedOn::Question, ask: Some(ask) };
        match Part::of(task) {
            Part::Parent if !self.children_are_done(task)? => {
                return Ok(end(Outcome::Block { on: BlockedOn::Children, ask: None }));
            }
            Part::Waiter if self.store.signal(&work::signal(task.id))?.is_none() => {
                return Ok(end(Outcome::Await { signal: work::signal(task.id), until: None }));
            }
            Part::Asker if self.store.answers_of(task.id)?.is_empty() => return Ok(end(asked(ask))),
            Part::RoleAsker if self.store.answers_of(task.id)?.is_empty() => {
                return Ok(end(asked(Ask { to: Party::Qa, ..ask })));
            }
            Part::Retried if task.lease_token.0 == 1 => {
                return Ok(end(Outcome::Retry { error: "the machine misbehaved".to_owned() }));
            }
            Part::Refused => {
                return Ok(end(Outcome::Fail {
                    error: "this cannot be done".to_owned(),
                    refusal: Some("chaos".to_owned()),
                }));
            }
            Part::Stepper => self.take_steps(task)?,
            Part::Plain
            | Part::Slow
            | Part::Parent
            | Part::Waiter
            | Part::Asker
            | Part::RoleAsker
            | Part::Retried => {}
        }
        if work::has_effects(task) {
            self.act(task).map_err(|error| self.outside(error))?;
        }
        let mut end = end(completed(task));
        end.hand_offs.extend(work::hand_off(task));
        end.messages.push(NewMessage {
            from: task.assigned_to.to_string(),
            to: Party::User.to_string(),
            message_type: MessageType::Notification,
            content: format!("task {} is done", task.id),
            metadata: json!({ "token": task.lease_token }),
        });
        Ok(end)
    }

    /// Creates the children that are missing; whether all are there and have ended.
    fn children_are_done(&self, parent: &Task) -> Result<bool, StoreError> {
        for number in 0..CHILDREN {
            match self.store.execute(Command::Create(Box::new(work::child(parent, number)))) {
                Ok(_) | Err(StoreError::Refused(Refusal::KeyTaken(_))) => {}
                Err(error) => return Err(error),
            }
        }
        let family = self.store.workflow(parent.id)?;
        let mut children =
            family.iter().filter(|task| task.parent == Some(parent.id) && task.task_type == CHILD);
        Ok(children.all(|child| child.status.is_final()))
    }

    /// Takes the steps that no run has recorded yet. Each is begun outside, where it is counted, and then recorded.
    fn take_steps(&self, task: &Task) -> Result<(), StoreError> {
        let known = self.store.steps(task.id)?;
        for number in (0..STEPS).filter(|number| !known.iter().any(|step| step.name == work::step(*number))) {
            self.world.begin(task.id, number, task.lease_token).map_err(|error| self.outside(error))?;
            std::thread::sleep(STEP);
            let value = json!({ "token": task.lease_token });
            let (task, token, name) = (task.id, task.lease_token, work::step(number));
            self.store.execute(Command::RecordStep { task, token, name, value })?;
        }
        Ok(())
    }

    fn outside(&self, error: std::io::Error) -> StoreError {
        StoreError::Io {
            action: "write outside, to",
            path: self.orders.folder.clone(),
            source: Arc::new(error),
        }
    }

    /// The effects outside.
    fn act(&self, task: &Task) -> std::io::Result<()> {
        let (id, token) = (task.id, task.lease_token);
        self.world.note(id, token, &work::note(id))?;
        self.world.charge(id, token)?;
        self.world.append(id, token)
    }

    fn tell(&self, (task, token): (i64, i64), act: Act) {
        let entry = Entry { task, token, act, at_ms: Timestamp::now().as_millisecond() };
        let path = journal(&self.orders.folder, self.orders.number);
        let line = serde_json::to_string(&entry).unwrap_or_default() + "\n";
        // One call of the system for each line. What is not told is not counted.
        let told = File::options().append(true).create(true).open(path);
        drop(told.and_then(|mut file| file.write_all(line.as_bytes())));
    }
}

/// What the journal calls a run.
fn of(task: &Task) -> (i64, i64) {
    (task.id.0, task.lease_token.0)
}

fn completed(task: &Task) -> Outcome {
    Outcome::Complete { result: json!({ "token": task.lease_token }) }
}

fn entry(task: &Task, what: &str) -> NewLog {
    NewLog::info(what, json!({ "token": task.lease_token }))
}

/// How long a run takes: a few milliseconds, a slow one long enough to be stopped in the middle.
fn pause(task: &Task) -> Duration {
    let whole = |value: i64| u64::try_from(value).unwrap_or(0);
    let small = Duration::from_millis(whole(task.id.0 * 7 + task.lease_token.0 * 3) % 12);
    match (task.task_type.as_str(), Part::of(task)) {
        (ROOT, Part::Slow) => small + Duration::from_millis(150),
        (ROOT | NEXT | CHILD, _) => small,
        _ => Duration::ZERO,
    }
}
