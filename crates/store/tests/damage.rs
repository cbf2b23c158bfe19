//! A damaged file: an error, a finding of the check, or the same answers as before; never a panic.
//!
//! `GROUNDCREW_FLIPS` asks for more damaged files than a quick run looks at. What no check can see is a bit that fell over within
//! the content of a cell and left it readable: SQLite keeps no sums of its pages. The audit log has seals and is found out.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::log::NewLog;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::NewTask;
use groundcrew_store::{Access, LogFilter, MessageFilter, Options, Store, StoreError, TaskFilter, open};
use jiff::SignedDuration;
use rusqlite::Connection;
use serde_json::json;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// A database after some work, in one file.
fn worked(path: &Path) -> Vec<u8> {
    let store = open(&url(path), Options::default()).unwrap();
    for n in 0..60 {
        let context = json!({ "n": n, "text": "what a task starts with" });
        let task = NewTask::new("work", Role::Qa, Party::User, context);
        store.execute(Command::Create(Box::new(task))).unwrap();
        let Some(task) = store.claim(Role::Qa, None, "worker", MINUTE).unwrap().filter(|_| n % 3 > 0) else {
            continue;
        };
        let mut end =
            Settlement::new(task.id, task.lease_token, Outcome::Complete { result: json!({ "n": n }) });
        end.logs.push(NewLog::info("did something", json!({ "n": n })));
        end.hand_offs.push(NewTask::new("next", Role::Security, Party::Qa, json!({ "after": n })));
        store.execute(Command::Settle(Box::new(end))).unwrap();
    }
    store.maintain(MINUTE).unwrap();
    drop(store);
    let other = Connection::open(path).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(other);
    std::fs::read(path).unwrap()
}

/// What the main questions about a database are answered with.
fn answers(store: &dyn Store) -> Result<String, StoreError> {
    let limit = Some(u32::MAX);
    let tasks = store.tasks(&TaskFilter { limit, ..TaskFilter::default() })?;
    let mut told = format!("{tasks:?}");
    for task in &tasks {
        told += &format!("{:?}{:?}", store.task(task.id)?, store.attempts(task.id)?);
    }
    told += &format!("{:?}", store.messages(&MessageFilter { limit, ..MessageFilter::default() })?);
    told += &format!("{:?}", store.logs(&LogFilter { limit, ..LogFilter::default() })?);
    told += &format!("{:?}{:?}{:?}", store.counts()?, store.agents()?, store.inbox()?);
    told += &format!("{:?}{:?}", store.workers()?, store.schedules()?);
    Ok(told)
}

/// What damage came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// An error, or a finding.
    Told,
    /// Nothing: the answers are the same.
    Harmless,
    /// Other answers, and nobody says so.
    Silent,
}

fn looked_at(path: &Path, whole: &str) -> Came {
    let reading = Options { access: Access::ReadOnly };
    let told = open(&url(path), reading).and_then(|store| Ok((answers(store.as_ref())?, store.check()?)));
    match told {
        Err(_) => Came::Told,
        Ok((_, findings)) if !findings.is_empty() => Came::Told,
        Ok((told, _)) if told == whole => Came::Harmless,
        Ok(_) => Came::Silent,
    }
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
fn damage_is_told_or_does_no_harm_but_within_the_content_of_a_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    let bytes = worked(&path);
    let whole = answers(open(&url(&path), Options { access: Access::ReadOnly }).unwrap().as_ref()).unwrap();
    let files = std::env::var("GROUNDCREW_FLIPS").ok().and_then(|files| files.parse().ok()).unwrap_or(100);
    let (mut numbers, mut cut, mut flipped) = (Numbers(5), Vec::new(), Vec::new());
    for round in 0..files {
        let copy = folder.path().join("copy.db");
        let mut damaged = bytes.clone();
        if round % 4 == 0 {
            damaged.truncate(numbers.below(bytes.len()));
        } else {
            let at = numbers.below(bytes.len());
            damaged[at] ^= 1 << numbers.below(8);
        }
        std::fs::write(&copy, &damaged).unwrap();
        let came = catch_unwind(AssertUnwindSafe(|| looked_at(&copy, &whole)));
        let came = came.unwrap_or_else(|_| panic!("round {round} panicked"));
        if round % 4 == 0 { &mut cut } else { &mut flipped }.push(came);
        for end in ["-wal", "-shm"] {
            std::fs::remove_file(folder.path().join(format!("copy.db{end}"))).ok();
        }
    }
    let count = |all: &[Came], wanted| all.iter().filter(|came| **came == wanted).count();
    let silent = count(&flipped, Came::Silent);
    eprintln!(
        "{files} files, 0 panics; {} of {} cut ones told; of {} with one bit over {} told, {} harmless, {silent} silent",
        count(&cut, Came::Told),
        cut.len(),
        flipped.len(),
        count(&flipped, Came::Told),
        count(&flipped, Came::Harmless),
    );
    assert_eq!(count(&cut, Came::Silent), 0, "what is missing is told");
    // As much as the contents of cells make up of the file, and no more.
    assert!(silent * 3 < flipped.len(), "{silent} of {}", flipped.len());
}
