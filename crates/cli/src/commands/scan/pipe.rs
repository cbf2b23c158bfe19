//! Reads standard input until it ends, and stores what came every second or every few megabytes.
//!
//! The bytes stay in memory until the database has what was read of them, and no more are taken meanwhile, so that a slow
//! or full database holds the pipe up instead of losing its content. What came and was not stored is lost when this
//! process is killed; a journal can be exported again, and what was read of it is passed over.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use groundcrew_core::contract::{LogSource, ScanLogsResult};
use groundcrew_core::lifecycle::Refusal;
use groundcrew_core::role::Role;
use groundcrew_core::task::TaskId;
use groundcrew_crew::brain::Rules;
use groundcrew_crew::site::Site;
use groundcrew_crew::supervisor::work_task;
use groundcrew_logs::Pipe;
use groundcrew_store::{Project, Store, StoreError};
use serde_json::json;

use super::reading::{Reading, print};
use super::{Last, PIPE, Terms, enqueue, known, result, stored};
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::{Invocation, no_sandbox};
use crate::options::Scan;
use crate::signals::Signals;

/// What came is stored when it is this old, or this much.
const STORE_AFTER: Duration = Duration::from_secs(1);
const STORE_BYTES: u64 = 4 << 20;

/// When nothing more has come for so long, an unfinished last record counts as finished.
const QUIET: Duration = Duration::from_millis(2_100);

/// Time between two looks at what was asked of this process.
const TICK: Duration = Duration::from_millis(100);

/// Bytes taken from standard input at a time, and how many such pieces wait at most.
const PIECE: usize = 64 << 10;
const PIECES: usize = 16;

/// Longest time that a busy database is waited for between two tries.
const REST: Duration = Duration::from_millis(500);

/// What the reader of standard input says.
enum Came {
    Bytes(Vec<u8>),
    Failed(std::io::Error),
}

/// Reads standard input.
pub(super) fn run(
    options: &Scan,
    at: &Invocation,
    store: &Arc<dyn Store>,
    projects: Vec<Project>,
) -> Result<Done, Failure> {
    let project = one(projects)?;
    let site = Site::open(&project, &at.trust()?)?;
    let name = options.name.clone().unwrap_or_else(|| "stdin".to_owned());
    if name.is_empty() || name.len() > 100 || name.contains(char::is_control) {
        return Err(Failure::new(Kind::Usage, "the name of a pipe is 1 to 100 characters on one line"));
    }
    let source = LogSource { kind: PIPE.to_owned(), path: format!("pipe:{name}") };
    let before = stored(store.as_ref(), &site, &source)?;
    let mut terms = Terms::of(options);
    if before.is_some() {
        terms.since = None;
    }
    let failed = |error: std::io::Error| Failure::new(Kind::Failed, error.to_string());
    let pipe = Arc::new(Mutex::new(Pipe::new(before.as_ref()).map_err(failed)?));
    let intake = Intake { at, store, site: &site, source, pipe, terms, total: None, began: Instant::now() };
    intake.run(&came(), options)
}

fn one(mut projects: Vec<Project>) -> Result<Project, Failure> {
    match projects.len() {
        1 => Ok(projects.remove(0)),
        _ => {
            let names: Vec<String> = projects.iter().map(|project| escape::line(&project.name)).collect();
            Err(Failure::new(Kind::Usage, "it is not said which project the pipe belongs to")
                .hint(format!("name one with --project: {}", names.join(", "))))
        }
    }
}

/// Reads standard input in a thread of its own, which ends with the process or with the input.
fn came() -> Receiver<Came> {
    let (sender, receiver) = sync_channel(PIECES);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut piece = vec![0; PIECE];
            let came = match input.read(&mut piece) {
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Came::Bytes(piece)
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Came::Failed(error),
            };
            let ends = matches!(came, Came::Failed(_));
            if sender.send(came).is_err() || ends {
                return;
            }
        }
    });
    receiver
}

/// A pipe that is being read.
struct Intake<'a> {
    at: &'a Invocation,
    store: &'a Arc<dyn Store>,
    site: &'a Site,
    source: LogSource,
    pipe: Arc<Mutex<Pipe>>,
    terms: Terms,
    /// What was read in all, where one summary is printed at the end.
    total: Option<Reading>,
    began: Instant,
}

impl Intake<'_> {
    fn run(mut self, came: &Receiver<Came>, options: &Scan) -> Result<Done, Failure> {
        let signals = Signals::watch()?;
        let mut stored_at = Instant::now();
        let mut last = Instant::now();
        // Whether something came since the last time, and whether a quiet end was taken already.
        let (mut fresh, mut settled) = (false, true);
        let mut end = None;
        while end.is_none() {
            match came.recv_timeout(TICK) {
                Ok(Came::Bytes(bytes)) => {
                    self.pipe().push(&bytes);
                    (fresh, settled, last) = (true, false, Instant::now());
                }
                Ok(Came::Failed(error)) => end = Some(Err(error)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => end = Some(Ok(())),
            }
            let waiting = self.pipe().waiting();
            if fresh && (waiting >= STORE_BYTES || stored_at.elapsed() >= STORE_AFTER) {
                self.store(options, false)?;
                (stored_at, fresh) = (Instant::now(), false);
            } else if !settled && last.elapsed() >= QUIET {
                if waiting > 0 {
                    self.store(options, false)?;
                }
                settled = true;
            }
            if let Some(done) = signals.received() {
                self.finish(options)?;
                return Ok(done);
            }
        }
        self.finish(options)?;
        match end {
            Some(Err(error)) => {
                Err(Failure::new(Kind::Failed, format!("cannot read standard input further: {error}")))
            }
            Some(Ok(())) | None => Ok(Done::Clean),
        }
    }

    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores everything that came, with an unfinished last record as it is.
    fn finish(&mut self, options: &Scan) -> Result<(), Failure> {
        self.pipe().end();
        self.store(options, true)?;
        let readings: Vec<Reading> = self.total.take().into_iter().collect();
        match (options.once || options.stats, self.at.out.is_json()) {
            (true, true) => self.at.out.document(&json!({ "readings": readings })),
            (true, false) => print(self.at, &readings),
            (false, _) => Ok(()),
        }
    }

    /// Stores what came, in as many tasks as that takes.
    fn store(&mut self, options: &Scan, ended: bool) -> Result<(), Failure> {
        self.terms.last = if ended { Last::Finished } else { Last::Open };
        loop {
            let known = known(self.store.as_ref(), self.site)?;
            let Some(result) = self.work()? else { continue };
            let (task, result) = result;
            if let Some(cursor) = stored(self.store.as_ref(), self.site, &self.source)? {
                self.pipe().advance(&cursor);
            }
            self.terms.since = None;
            let (more, bytes) = (result.more, result.bytes);
            let took = self.terms.stats.then(|| self.began.elapsed());
            let reading = Reading::new(self.site, task, result, &known, took);
            if options.once || options.stats {
                match &mut self.total {
                    Some(total) => total.add(reading),
                    None => self.total = Some(reading),
                }
            } else if bytes > 0 {
                match self.at.out.is_json() {
                    true => self.at.out.record("reading", &reading)?,
                    false => print(self.at, &[reading])?,
                }
            }
            if !more || bytes == 0 {
                return Ok(());
            }
        }
    }

    /// Works one task; none where the database was busy or another process of this name is at work, after a rest.
    fn work(&self) -> Result<Option<(TaskId, ScanLogsResult)>, Failure> {
        let Some(task) = enqueue(self.at, self.store, self.site, &self.source, self.terms)? else {
            std::thread::sleep(REST);
            return Ok(None);
        };
        let mut tools = self.at.tools(self.store, Err(no_sandbox()))?;
        tools.pipe = Some(Arc::clone(&self.pipe));
        match work_task(tools, Box::new(Rules), task, Role::Monitor) {
            Ok(()) => result(self.store.as_ref(), task).map(|result| Some((task, result))),
            Err(StoreError::Busy { .. } | StoreError::Refused(Refusal::WrongStatus { .. })) => {
                std::thread::sleep(REST);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
