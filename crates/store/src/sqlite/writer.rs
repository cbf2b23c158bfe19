//! The one thread that writes: commands that arrive together are committed together.
//!
//! Each command has its own savepoint, so a refused one undoes nothing of its neighbours, and each caller gets its
//! answer only after the commit, so what was acknowledged is on disk. An idle caller pays one sync, a busy crew shares it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::clock::{self, Watch};
use super::file::fault;
use super::session::Session;
use super::signal::Signal;
use crate::error::StoreError;
use crate::location::Clock;

/// Commands in one commit at most.
const LARGEST_GROUP: usize = 512;
/// Time after which a group takes no further command, so that a bulk import cannot starve a heartbeat.
const LONGEST_GROUP: Duration = Duration::from_millis(5);
/// How often the file is looked at for commits of other processes.
const WATCH: Duration = Duration::from_millis(200);

/// The writing thread and the way to it.
pub(super) struct Writer {
    calls: Option<Sender<Box<dyn Call>>>,
    thread: Option<JoinHandle<()>>,
    path: Arc<Path>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        connection: Connection,
        path: Arc<Path>,
        signal: Arc<Signal>,
        clock: Option<Clock>,
    ) -> Result<Self, StoreError> {
        let (calls, receiver) = channel();
        let seen = data_version(&connection).map_err(|error| fault(&path, "watch", error))?;
        let at = Arc::clone(&path);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let watch = Watch::default();
                Loop { connection, path: at, signal, seen, normalised: 0, clock, watch }.serve(&receiver);
            })
            .map_err(|source| StoreError::Io {
                action: "start the writing thread of",
                path: path.to_path_buf(),
                source: Arc::new(source),
            })?;
        Ok(Self { calls: Some(calls), thread: Some(thread), path })
    }

    /// Has something done in a transaction and waits until it is on disk.
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Closed { path: self.path.to_path_buf() };
        let (reply, answer) = sync_channel(1);
        let call = Pending { work: Some(work), result: None, reply };
        self.calls.as_ref().ok_or_else(closed)?.send(Box::new(call)).map_err(|_| closed())?;
        answer.recv().map_err(|_| closed())?
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

/// Something to be done in a transaction, whatever the type of its answer.
trait Call: Send {
    /// Does it, keeping the result until the transaction is on disk. Gives the failure if SQLite gave up the whole
    /// transaction, as it does when the disk is full.
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError>;
    /// Tells the caller the result, or why the transaction failed.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: SyncSender<Result<T, StoreError>>,
}

impl<T, F> Call for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = session.undivided(work);
        let ended = match &result {
            Err(error) if session.db.connection.is_autocommit() => Err(error.clone()),
            Ok(_) | Err(_) => Ok(()),
        };
        self.result = Some(result);
        ended
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

struct Loop {
    connection: Connection,
    path: Arc<Path>,
    signal: Arc<Signal>,
    /// The connection's `data_version`, which grows with the commits of others only.
    seen: i64,
    normalised: u64,
    clock: Option<Clock>,
    watch: Watch,
}

impl Loop {
    fn serve(mut self, calls: &Receiver<Box<dyn Call>>) {
        loop {
            match calls.recv_timeout(WATCH) {
                Ok(first) => self.group(first, calls),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.watch();
        }
    }

    fn watch(&mut self) {
        // A file that cannot be read now is looked at again; a command would report what is wrong with it.
        let version = data_version(&self.connection).unwrap_or(self.seen);
        if version != self.seen {
            self.seen = version;
            self.signal.raise();
        }
    }

    /// Commits a call and those that arrived meanwhile, then answers all.
    fn group(&mut self, first: Box<dyn Call>, calls: &Receiver<Box<dyn Call>>) {
        let mut done = vec![first];
        let outcome = self.transact(&mut done, calls);
        if outcome.is_err() && !self.connection.is_autocommit() {
            // The failed commit is what the callers are told; the next group starts afresh either way.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        let committed = match outcome {
            Ok(wakes) => {
                if wakes {
                    self.signal.raise();
                }
                Ok(())
            }
            Err(error) => Err(error),
        };
        for call in done {
            call.answer(&committed);
        }
    }

    /// Whether a role got work.
    fn transact(
        &mut self,
        done: &mut Vec<Box<dyn Call>>,
        calls: &Receiver<Box<dyn Call>>,
    ) -> Result<bool, StoreError> {
        let path = Arc::clone(&self.path);
        let step = |text: &'static str| {
            self.connection.execute_batch(text).map_err(|error| fault(&path, text, error))
        };
        step("BEGIN IMMEDIATE")?;
        let started = Instant::now();
        let mut session =
            Session::begin(&self.connection, &self.path, &mut self.normalised, self.clock.as_ref())?;
        let now = session.now()?;
        if let Some(back) = self.watch.set_back(now) {
            clock::follow(&mut session, back)?;
        }
        if let Some(first) = done.first_mut() {
            first.run(&mut session)?;
        }
        while done.len() < LARGEST_GROUP && started.elapsed() < LONGEST_GROUP {
            let Ok(mut call) = calls.try_recv() else { break };
            let ran = call.run(&mut session);
            done.push(call);
            ran?;
        }
        let wakes = !session.wake.is_empty();
        step("COMMIT")?;
        self.watch.note(now);
        Ok(wakes)
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}
