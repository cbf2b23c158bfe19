//! The one thread that writes: commands that arrive together are committed together.
//!
//! A refused command undoes nothing of its neighbours, and each caller gets its answer only after the commit, so what was
//! acknowledged is on disk. An idle caller pays one sync, a busy crew shares it.
//!
//! Refusals come before anything is written, so the commands of a group need no savepoints. The few that fail later, as
//! when a row names one that is not there, cost their group a second try with a savepoint for each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Role;
use jiff::SignedDuration;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::changes::Changes;
use super::clock::{self, Watch};
use super::file::fault;
use super::query::{Db, FOREIGN_TRIGGERS, SCHEMA};
use super::session::{Attempted, Session, Share};
use super::transaction;
use super::turns::Turns;
use super::underway::CountedBy;
use super::waiting::{Claim, Claimed, Claims};
use crate::error::StoreError;
use crate::location::Clock;

/// Commands in one commit at most.
const LARGEST_GROUP: usize = 512;
/// Time after which a group takes no further command, so that a bulk import cannot starve a heartbeat.
const LONGEST_GROUP: Duration = Duration::from_millis(5);
/// How often the file is looked at for commits of other processes.
const WATCH: Duration = Duration::from_millis(200);

/// What comes in at the writing thread.
enum Sent {
    Call(Box<dyn Call>),
    Claim(Claim),
    /// A call and, in the same transaction, a claim.
    Both(Box<dyn Call>, Claim),
}

/// The writing thread and the way to it.
pub(super) struct Writer {
    calls: Option<Sender<Sent>>,
    thread: Option<JoinHandle<()>>,
    path: Arc<Path>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        connection: Connection,
        path: Arc<Path>,
        changes: Arc<Changes>,
        clock: Option<Clock>,
    ) -> Result<Self, StoreError> {
        let (calls, receiver) = channel::<Sent>();
        let seen = data_version(&connection).map_err(|error| fault(&path, "watch", error))?;
        let at = Arc::clone(&path);
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let watch = Watch::default();
                Loop {
                    connection,
                    path: at,
                    changes,
                    seen,
                    normalised: 0,
                    clock,
                    watch,
                    triggers: Triggers::default(),
                    turns: Turns::default(),
                    held: None,
                    claims: Claims::default(),
                    commits: counted,
                }
                .serve(&receiver);
            })
            .map_err(|source| StoreError::Io {
                action: "start the writing thread of",
                path: path.to_path_buf(),
                source: Arc::new(source),
            })?;
        Ok(Self { calls: Some(calls), thread: Some(thread), path, commits })
    }

    /// Transactions committed so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Has something done in a transaction and waits until it is on disk. It may be done more than once, since what is
    /// committed together is first tried without means to take a part of it back.
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(Again(work))
    }

    /// Has something done in a transaction of its own, once, as it has effects elsewhere.
    pub(super) fn call_once<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(Once(Some(work)))
    }

    /// Claims the next ready task for a worker, or waits for one.
    pub(super) fn claim(&self, wish: Wish) -> Claimed {
        let (claim, answer) = wish.claim();
        self.post(Sent::Claim(claim))?;
        self.answered(&answer)
    }

    /// Has something done and, in the same transaction, the next ready task claimed.
    pub(super) fn call_and_claim<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
        wish: Wish,
    ) -> Result<(Result<T, StoreError>, Claimed), StoreError> {
        let (claim, claimed) = wish.claim();
        let (call, done) = pending(Again(work));
        self.post(Sent::Both(call, claim))?;
        Ok((self.answered(&done), self.answered(&claimed)))
    }

    fn send<T: Send + 'static>(&self, work: impl Work<T> + 'static) -> Result<T, StoreError> {
        let (call, answer) = pending(work);
        self.post(Sent::Call(call))?;
        self.answered(&answer)
    }

    fn post(&self, sent: Sent) -> Result<(), StoreError> {
        let calls = self.calls.as_ref().ok_or_else(|| self.closed())?;
        calls.send(sent).map_err(|_| self.closed())
    }

    fn answered<T>(&self, answer: &Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
        answer.recv().map_err(|_| self.closed())?
    }

    fn closed(&self) -> StoreError {
        StoreError::Closed { path: self.path.to_path_buf() }
    }
}

/// A claim that a worker wants to make.
pub(super) struct Wish {
    pub(super) role: Role,
    pub(super) worker: String,
    pub(super) lease: SignedDuration,
    /// Changes that had happened when the worker last looked.
    pub(super) since: u64,
    /// How long it waits for a task.
    pub(super) patience: Duration,
}

impl Wish {
    fn claim(self) -> (Claim, Receiver<Claimed>) {
        let (reply, answer) = sync_channel(1);
        let until = Instant::now() + self.patience;
        let Self { role, worker, lease, since, .. } = self;
        (Claim { role, worker, lease, since, until, reply }, answer)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been reported by its hook.
            let _ = thread.join();
        }
    }
}

/// What a caller wants to have done.
trait Work<T>: Send {
    /// Whether it may be done again after its transaction was rolled back.
    const REPEATABLE: bool;
    /// Does it.
    fn run(&mut self, session: &mut Session<'_>) -> Result<T, StoreError>;
}

struct Again<F>(F);

impl<T, F: Fn(&mut Session<'_>) -> Result<T, StoreError> + Send> Work<T> for Again<F> {
    const REPEATABLE: bool = true;

    fn run(&mut self, session: &mut Session<'_>) -> Result<T, StoreError> {
        (self.0)(session)
    }
}

struct Once<F>(Option<F>);

impl<T, F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send> Work<T> for Once<F> {
    const REPEATABLE: bool = false;

    fn run(&mut self, session: &mut Session<'_>) -> Result<T, StoreError> {
        let work = self.0.take().expect("what is not repeatable is run once");
        work(session)
    }
}

/// Something to be done in a transaction, whatever the type of its answer.
trait Call: Send {
    /// Whether it may be done again after its transaction was rolled back.
    fn repeatable(&self) -> bool;
    /// Does it, keeping the result until the transaction is on disk. False if it failed after it wrote, and only the whole
    /// transaction can be taken back. Gives the failure if there is no transaction any more.
    fn run(&mut self, session: &mut Session<'_>, share: Share) -> Result<bool, StoreError>;
    /// Tells the caller the result, or why the transaction failed.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Pending<T, W> {
    work: W,
    result: Option<Result<T, StoreError>>,
    reply: SyncSender<Result<T, StoreError>>,
}

fn pending<T: Send + 'static>(
    work: impl Work<T> + 'static,
) -> (Box<dyn Call>, Receiver<Result<T, StoreError>>) {
    let (reply, answer) = sync_channel(1);
    (Box::new(Pending { work, result: None, reply }), answer)
}

impl<T: Send, W: Work<T>> Call for Pending<T, W> {
    fn repeatable(&self) -> bool {
        W::REPEATABLE
    }

    fn run(&mut self, session: &mut Session<'_>, share: Share) -> Result<bool, StoreError> {
        let attempted = session.attempt(share, |session| self.work.run(session))?;
        self.result = match attempted {
            Attempted::Done(result) => Some(result),
            Attempted::Spoilt => None,
        };
        Ok(self.result.is_some())
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let answer = match (committed, self.result) {
            (Err(error), None | Some(Ok(_))) => Err(error.clone()),
            (_, Some(result)) => result,
            (Ok(()), None) => return,
        };
        // A caller that no longer waits needs no answer.
        let _ = self.reply.send(answer);
    }
}

/// How the transaction of a group ended.
enum Ended {
    /// On disk; whether a role got work.
    Committed { wakes: bool },
    /// A call failed after it wrote.
    Spoilt,
}

struct Loop {
    connection: Connection,
    path: Arc<Path>,
    changes: Arc<Changes>,
    /// The connection's `data_version`, which grows with the commits of others only.
    seen: i64,
    normalised: u64,
    clock: Option<Clock>,
    watch: Watch,
    triggers: Triggers,
    turns: Turns,
    /// A call that came in while a group was under way and must have a transaction of its own.
    held: Option<Box<dyn Call>>,
    claims: Claims,
    commits: Arc<AtomicU64>,
}

impl Loop {
    fn serve(mut self, sent: &Receiver<Sent>) {
        loop {
            match self.held.take() {
                Some(held) => self.group(Some(held), sent),
                None => match sent.recv_timeout(self.patience()) {
                    Ok(Sent::Claim(claim)) => {
                        self.claims.add(claim, self.changes.count());
                        if self.claims.are_new() {
                            self.group(None, sent);
                        }
                    }
                    Ok(Sent::Call(call)) => self.group(Some(call), sent),
                    Ok(Sent::Both(call, claim)) => {
                        self.claims.add(claim, self.changes.count());
                        self.group(Some(call), sent);
                    }
                    Err(RecvTimeoutError::Timeout) => self.claims.answer(&Ok(()), self.changes.count()),
                    Err(RecvTimeoutError::Disconnected) => return,
                },
            }
            if self.others_wrote() {
                self.claims.try_again();
                self.group(None, sent);
            }
        }
    }

    /// How long nothing needs to be done, unless somebody calls.
    fn patience(&self) -> Duration {
        let end = self.claims.first_end().map(|end| end.saturating_duration_since(Instant::now()));
        end.map_or(WATCH, |end| end.min(WATCH))
    }

    /// Whether another process has changed the file since the last time; then everybody who waits is told.
    fn others_wrote(&mut self) -> bool {
        // A file that cannot be read now is looked at again; a command would report what is wrong with it.
        let version = data_version(&self.connection).unwrap_or(self.seen);
        let changed = version != self.seen;
        if changed {
            self.seen = version;
            self.changes.raise();
        }
        changed && !self.claims.are_none()
    }

    /// Commits a call and those that arrived meanwhile, with the claims that can be served, then answers all.
    fn group(&mut self, first: Option<Box<dyn Call>>, sent: &Receiver<Sent>) {
        let alone = first.as_ref().is_some_and(|first| !first.repeatable());
        let share = if alone { Share::Apart } else { Share::Together };
        let mut done = Vec::from_iter(first);
        let mut outcome = self.transact(share, &mut done, Some(sent).filter(|_| !alone));
        if matches!(outcome, Ok(Ended::Spoilt)) {
            self.roll_back();
            outcome = self.transact(Share::Apart, &mut done, None);
        }
        if outcome.is_err() {
            self.roll_back();
        }
        let committed = outcome.map(|ended| {
            if let Ended::Committed { wakes: true } = ended {
                self.changes.raise();
            }
        });
        // Who ends a task and claims the next one waits for the first of the two answers, and is woken once.
        self.claims.answer(&committed, self.changes.count());
        for call in done {
            call.answer(&committed);
        }
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // The failed commit is what the callers are told; the next group starts afresh either way.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Does the calls, and further ones as they come in, in one transaction.
    fn transact(
        &mut self,
        share: Share,
        done: &mut Vec<Box<dyn Call>>,
        more: Option<&Receiver<Sent>>,
    ) -> Result<Ended, StoreError> {
        let path = Arc::clone(&self.path);
        let step = |text: &'static str| -> Result<(), StoreError> {
            let done = self.connection.prepare_cached(text).and_then(|mut step| step.execute([]));
            done.map(drop).map_err(|error| fault(&path, text, error))
        };
        step("BEGIN IMMEDIATE")?;
        let started = Instant::now();
        let by = self.triggers.counted_by(Db { connection: &self.connection, path: &self.path })?;
        let (clock, normalised) = (self.clock.as_ref(), self.normalised);
        let turns = self.turns.clone();
        let mut session = Session::begin(&self.connection, &self.path, normalised, clock, by, turns)?;
        let now = session.now();
        if let Some(back) = self.watch.set_back(now) {
            clock::follow(&mut session, back)?;
        }
        let mut next = 0;
        loop {
            while let Some(call) = done.get_mut(next) {
                if !call.run(&mut session, share)? {
                    return Ok(Ended::Spoilt);
                }
                next += 1;
            }
            if done.len() >= LARGEST_GROUP || started.elapsed() >= LONGEST_GROUP {
                break;
            }
            let call = match more.map(Receiver::try_recv) {
                Some(Ok(Sent::Claim(claim))) => {
                    self.claims.add(claim, self.changes.count());
                    continue;
                }
                Some(Ok(Sent::Both(call, claim))) => {
                    self.claims.add(claim, self.changes.count());
                    call
                }
                Some(Ok(Sent::Call(call))) => call,
                Some(Err(_)) | None => break,
            };
            if !call.repeatable() {
                self.held = Some(call);
                break;
            }
            done.push(call);
        }
        let claim = |session: &mut Session<'_>, command: &Command| {
            session.attempt(share, |session| transaction::run(session, command))
        };
        if !self.claims.serve(&mut session, claim)? {
            return Ok(Ended::Spoilt);
        }
        let wakes = !session.wake.is_empty();
        session.finish()?;
        let (normalised, turns) = (session.normalised, session.turns);
        step("COMMIT")?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        (self.normalised, self.turns) = (normalised, turns);
        self.watch.note(now);
        Ok(Ended::Committed { wakes })
    }
}

/// Whether the triggers work on this connection. They do where some are somebody else's; where all of them only keep counts,
/// they are off, since a transaction counts at less cost what it does itself.
#[derive(Default)]
struct Triggers {
    /// What the last transaction found, and the version of the schema that it found it in.
    found: Option<(i64, CountedBy)>,
}

impl Triggers {
    /// Looks at them within a transaction, so that none can be added meanwhile.
    fn counted_by(&mut self, db: Db<'_>) -> Result<CountedBy, StoreError> {
        let version = db.number(SCHEMA, [])?;
        if let Some((seen, by)) = self.found
            && seen == version
        {
            return Ok(by);
        }
        let foreign = db.number(FOREIGN_TRIGGERS, [])? != 0;
        db.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, foreign)
            .map_err(|error| db.fault("set the triggers", error))?;
        let by = if foreign { CountedBy::Triggers } else { CountedBy::Transaction };
        self.found = Some((version, by));
        Ok(by)
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
