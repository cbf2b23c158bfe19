//! Seals over the audit log: ranges of entries are hashed after the fact, each seal over its entries and the seal before.
//!
//! Writers never wait for a chain. What is sealed are the given columns as they are stored, with their keys, so that
//! a changed byte, a deleted, added or moved entry and a missing seal are all found. Nobody is kept from making
//! all seals anew who can write to the database: against that the last hash is noted elsewhere, and asked for.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::query::{
    Db, INSERT_SEAL, LOG_BEFORE, LOG_PRUNED, LOG_RANGE, LOGS_OUTSIDE, SEAL_AFTER, SEAL_LAST, SET_SETTING,
    SETTING,
};
use super::row;
use super::session::Session;
use crate::error::StoreError;
use crate::time::{understood, written};
use crate::upkeep::{AuditReport, Broken, Flaw};

/// Entries of one seal at most, so that sealing never holds the write lock for long.
const MOST: usize = 2_000;
/// Entries younger than this wait: a database with many writers may still give out smaller keys.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);
/// Time between two seals, unless the last one was full.
const EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Setting that holds the last seal, so that a seal missing at the end is found too.
const HEAD: &str = "audit_head";
/// What every hash of a seal begins with: a later form of the seals will say so here.
const FORM: &[u8] = b"groundcrew audit seal 1\n";

type RowDigest = (i64, [u8; 32]);

/// The last seal as the settings hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    id: i64,
    last_id: i64,
    hash: String,
}

/// What the next seal must know of the last one.
struct Last {
    head: Head,
    rows: i64,
    sealed_at: String,
}

struct Seal {
    id: i64,
    first_id: i64,
    last_id: i64,
    rows: i64,
    digests: Vec<u8>,
    hash: String,
    sealed_at: String,
}

/// Seals the next range if one is due.
pub(super) fn seal(session: &mut Session<'_>) -> Result<(), StoreError> {
    let now = session.now();
    let db = session.db;
    let last = db.first(SEAL_LAST, [], |found| read_last(db, found))?;
    if last.as_ref().is_some_and(|last| !last.lets_next(now)) {
        return Ok(());
    }
    let before = head(db)?.or(last.map(|last| last.head));
    let from = before.as_ref().map_or(i64::MIN, |head| head.last_id.saturating_add(1));
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let found = db.all(LOG_RANGE, params![from, i64::MAX, most], |found| {
        Ok((digest(db, found)?, is_settled(row::time_at(found, 6)?, now)))
    })?;
    let rows: Vec<RowDigest> =
        found.into_iter().take_while(|(_, settled)| *settled).map(|(row, _)| row).collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let mut seal = Seal {
        id: before.as_ref().map_or(1, |head| head.id + 1),
        first_id: before.as_ref().map_or(first.0, |_| from),
        last_id: last.0,
        rows: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        digests: rows.iter().flat_map(|(id, digest)| [&id.to_be_bytes()[..], digest].concat()).collect(),
        hash: String::new(),
        sealed_at: written(now),
    };
    seal.hash = seal.hash_after(before.as_ref().map_or("", |head| &head.hash));
    write(db, &seal)
}

impl Last {
    /// Whether the next seal is due. A seal from the future was made before the clock was set back, and must not hold
    /// up the next one.
    fn lets_next(&self, now: Timestamp) -> bool {
        let full = usize::try_from(self.rows).is_ok_and(|rows| rows >= MOST);
        full || understood(&self.sealed_at)
            .is_none_or(|at| !(SignedDuration::ZERO..EVERY).contains(&now.duration_since(at)))
    }
}

/// A time that lies ahead or cannot be understood must not keep everything after it from being sealed.
fn is_settled(created: Option<Timestamp>, now: Timestamp) -> bool {
    created.is_none_or(|at| !(SignedDuration::ZERO..SETTLED).contains(&now.duration_since(at)))
}

fn write(db: Db<'_>, seal: &Seal) -> Result<(), StoreError> {
    let head = Head { id: seal.id, last_id: seal.last_id, hash: seal.hash.clone() };
    let values =
        params![seal.id, seal.first_id, seal.last_id, seal.rows, seal.digests, seal.hash, seal.sealed_at];
    db.run(INSERT_SEAL, values)?;
    db.run(SET_SETTING, params![HEAD, serde_json::json!(head).to_string()])?;
    Ok(())
}

/// Compares the audit log with its seals as of one moment.
pub(super) fn verify_snapshot(db: Db<'_>, noted: Option<&str>) -> Result<AuditReport, StoreError> {
    let _snapshot =
        db.connection.unchecked_transaction().map_err(|error| db.fault("begin to verify", error))?;
    verify(db, noted)
}

/// Compares the audit log with its seals, up to the first difference.
pub(super) fn verify(db: Db<'_>, noted: Option<&str>) -> Result<AuditReport, StoreError> {
    let mut report = AuditReport { seals: 0, sealed: 0, pruned: 0, unsealed: 0, head: None, broken: None };
    let mut last: Option<Head> = None;
    let mut first_id = None;
    let mut found_noted = noted.is_none();
    while let Some(seal) =
        db.first(SEAL_AFTER, [last.as_ref().map_or(i64::MIN, |last| last.id)], |found| read_seal(db, found))?
    {
        report.broken = broken_seal(db, &seal, last.as_ref())?;
        if report.broken.is_none() {
            report.broken = compare(db, &seal, &mut report)?;
        }
        if report.broken.is_some() {
            return Ok(report);
        }
        report.seals += 1;
        found_noted |= noted == Some(seal.hash.as_str());
        first_id.get_or_insert(seal.first_id);
        last = Some(Head { id: seal.id, last_id: seal.last_id, hash: seal.hash });
    }
    let end = last.as_ref().map_or(i64::MAX, |last| last.last_id);
    let outside = db.number(LOGS_OUTSIDE, params![first_id.unwrap_or(i64::MAX), end])?;
    report.unsealed = u64::try_from(outside).unwrap_or(0);
    let missing = match (head(db)?, &last) {
        (head, last) if head.as_ref() == last.as_ref() => None,
        (Some(head), _) => Some(head.id),
        (None, last) => last.as_ref().map(|last| last.id + 1),
    };
    report.broken = match missing {
        Some(seal) => Some(Broken { seal: Some(seal), range: None, row: None, flaw: Flaw::SealMissing }),
        None if !found_noted => Some(Broken { seal: None, range: None, row: None, flaw: Flaw::NotedMissing }),
        None => None,
    };
    report.head = last.map(|last| last.hash);
    Ok(report)
}

/// What is wrong with a seal itself, given the one before it.
fn broken_seal(db: Db<'_>, seal: &Seal, before: Option<&Head>) -> Result<Option<Broken>, StoreError> {
    let wanted = before.map_or(1, |before| before.id + 1);
    if seal.id != wanted {
        return Ok(Some(Broken { seal: Some(wanted), range: None, row: None, flaw: Flaw::SealMissing }));
    }
    let follows = before.is_none_or(|before| seal.first_id == before.last_id.saturating_add(1));
    let hash = seal.hash_after(before.map_or("", |before| &before.hash));
    if !follows || seal.hash != hash {
        return Ok(Some(seal.broken(None, Flaw::SealChanged)));
    }
    if before.is_none()
        && let Some(row) = db.numbers(LOG_BEFORE, [seal.first_id])?.first()
    {
        return Ok(Some(seal.broken(Some(*row), Flaw::RowAdded)));
    }
    Ok(None)
}

/// The first entry of a range that differs from its seal.
fn compare(db: Db<'_>, seal: &Seal, report: &mut AuditReport) -> Result<Option<Broken>, StoreError> {
    // One more than were sealed is enough to see the first that differs.
    let values = params![seal.first_id, seal.last_id, seal.rows.saturating_add(1)];
    let found = db.all(LOG_RANGE, values, |found| digest(db, found))?;
    let mut found = found.iter().peekable();
    for sealed in seal.row_digests() {
        match found.peek().map(|found| (found.0.cmp(&sealed.0), **found)) {
            Some((Ordering::Less, added)) => return Ok(Some(seal.broken(Some(added.0), Flaw::RowAdded))),
            Some((Ordering::Equal, same)) if same.1 == sealed.1 => {
                report.sealed += 1;
                found.next();
            }
            Some((Ordering::Equal, _)) => return Ok(Some(seal.broken(Some(sealed.0), Flaw::RowChanged))),
            Some((Ordering::Greater, _)) | None if db.number(LOG_PRUNED, [sealed.0])? > 0 => {
                report.pruned += 1;
            }
            Some((Ordering::Greater, _)) | None => {
                return Ok(Some(seal.broken(Some(sealed.0), Flaw::RowMissing)));
            }
        }
    }
    Ok(found.next().map(|added| seal.broken(Some(added.0), Flaw::RowAdded)))
}

impl Seal {
    fn hash_after(&self, before: &str) -> String {
        let mut hash = Sha256::new_with_prefix(FORM);
        field(&mut hash, before.as_bytes());
        for number in [self.id, self.first_id, self.last_id, self.rows] {
            hash.update(number.to_be_bytes());
        }
        field(&mut hash, self.sealed_at.as_bytes());
        field(&mut hash, &self.digests);
        hex(&hash.finalize())
    }

    fn row_digests(&self) -> impl Iterator<Item = RowDigest> {
        self.digests.chunks_exact(40).map(|chunk| {
            let (mut id, mut digest) = ([0; 8], [0; 32]);
            id.copy_from_slice(&chunk[..8]);
            digest.copy_from_slice(&chunk[8..]);
            (i64::from_be_bytes(id), digest)
        })
    }

    fn broken(&self, row: Option<i64>, flaw: Flaw) -> Broken {
        Broken { seal: Some(self.id), range: Some((self.first_id, self.last_id)), row, flaw }
    }
}

fn head(db: Db<'_>) -> Result<Option<Head>, StoreError> {
    Ok(db.first(SETTING, [HEAD], row::first_json)?.and_then(|value| serde_json::from_value(value).ok()))
}

fn read_last(db: Db<'_>, found: &Row<'_>) -> Result<Last, StoreError> {
    let read = || -> rusqlite::Result<Last> {
        let head = Head { id: found.get(0)?, last_id: found.get(1)?, hash: found.get(3)? };
        Ok(Last { head, rows: found.get(2)?, sealed_at: found.get(4)? })
    };
    read().map_err(|error| db.fault(SEAL_LAST.name, error))
}

fn read_seal(db: Db<'_>, found: &Row<'_>) -> Result<Seal, StoreError> {
    let read = || -> rusqlite::Result<Seal> {
        Ok(Seal {
            id: found.get(0)?,
            first_id: found.get(1)?,
            last_id: found.get(2)?,
            rows: found.get(3)?,
            digests: found.get(4)?,
            hash: found.get(5)?,
            sealed_at: found.get(6)?,
        })
    };
    read().map_err(|error| db.fault(SEAL_AFTER.name, error))
}

/// The key of an entry and the hash of all its columns as they are stored.
fn digest(db: Db<'_>, found: &Row<'_>) -> Result<RowDigest, StoreError> {
    let read = || -> rusqlite::Result<RowDigest> {
        let mut hash = Sha256::new();
        for column in 0..7 {
            let value = found.get_ref(column)?;
            hash.update([kind(value)]);
            match value {
                ValueRef::Null => {}
                ValueRef::Integer(number) => hash.update(number.to_be_bytes()),
                ValueRef::Real(number) => hash.update(number.to_be_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => field(&mut hash, bytes),
            }
        }
        Ok((found.get(0)?, hash.finalize().into()))
    };
    read().map_err(|error| db.fault(LOG_RANGE.name, error))
}

const fn kind(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) => 1,
        ValueRef::Real(_) => 2,
        ValueRef::Text(_) => 3,
        ValueRef::Blob(_) => 4,
    }
}

/// Text with its length before it, so that no two fields can be moved into each other.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(bytes);
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
