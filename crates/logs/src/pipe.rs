//! A log that comes through a pipe, such as `docker logs -f` or `journalctl -o export -f`.
//!
//! A pipe cannot be read again. Its bytes stay in memory, never in a file, until the caller has stored what was read of
//! them; what was not stored when the process ends is lost, unless the program before the pipe can say it again. A
//! journal can: each entry has a sequence number within its journal, the last one is kept in the cursor, and entries up
//! to it are passed over, so that the same export may be read any number of times.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;

use crate::file::LogFile;
use crate::source::{Cursor, Scan, ScanError, ScanOptions, read_file};

/// Largest journal entry that is recognised; behind a larger one, entries are no longer told apart.
const LONGEST_ENTRY: usize = 4 << 20;
/// A log whose first line is longer is no journal.
const SIGN: usize = 64 << 10;
/// Journals whose last entries are remembered; each machine and each restart of a journal's counting is one.
const JOURNALS: usize = 64;

/// What came through a pipe and was not stored yet.
pub struct Pipe {
    log: LogFile,
    cursor: Cursor,
    form: Form,
    /// Bytes before the end of an entry is seen.
    pending: Vec<u8>,
    /// Where entries end in the log, with their marks.
    entries: VecDeque<(u64, Mark)>,
    /// Entries that were passed over because they had been read before.
    repeated: u64,
}

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Not enough of them has come to tell.
    Unknown,
    /// `journalctl -o export`
    Export,
    /// `journalctl -o json`
    Json,
    /// Any other log.
    Plain,
}

/// Which entry of which journal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    journal: String,
    number: u64,
}

impl Mark {
    /// Reads `s=0639…;i=4f2;b=…`.
    fn parse(cursor: &str) -> Option<Self> {
        let part = |name: &str| cursor.split(';').find_map(|part| part.strip_prefix(name));
        let number = u64::from_str_radix(part("i=")?, 16).ok()?;
        Some(Self { journal: part("s=")?.chars().take(64).collect(), number })
    }
}

impl Pipe {
    /// A pipe of which nothing has come; the cursor is the one that was stored last for it.
    ///
    /// # Errors
    /// None in practice.
    pub fn new(before: Option<&Cursor>) -> io::Result<Self> {
        let log = LogFile::piped();
        let start = Cursor { run: Some(run()), ..log.start()? };
        let cursor = match before {
            Some(before) => {
                Cursor { journal: before.journal.clone(), losses: before.losses.clone(), ..start }
            }
            None => start,
        };
        Ok(Self {
            log,
            cursor,
            form: Form::Unknown,
            pending: Vec::new(),
            entries: VecDeque::new(),
            repeated: 0,
        })
    }

    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.form == Form::Unknown && (self.pending.len() >= SIGN || self.pending.contains(&b'\n')) {
            self.form = form(&self.pending);
        }
        self.sort_out();
    }

    /// Says that nothing more will come.
    pub fn end(&mut self) {
        if self.form == Form::Unknown {
            self.form = form(&self.pending);
            self.sort_out();
        }
        self.form = Form::Plain;
        self.sort_out();
    }

    /// Bytes that came and were not stored yet.
    pub fn waiting(&self) -> u64 {
        (self.log.length - self.cursor.offset) + self.pending.len() as u64
    }

    /// Journal entries that were passed over because they had been read before.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Reads what is there, from a cursor of an earlier scan of the same bytes on, or from what was stored last.
    ///
    /// # Errors
    /// None in practice.
    pub fn scan(&self, from: Option<&Cursor>, options: &ScanOptions) -> Result<Scan, ScanError> {
        let failed = |source| ScanError::Io { path: PathBuf::from("-"), source };
        let from = from.filter(|from| self.is_ahead(from)).unwrap_or(&self.cursor);
        let mut scan = read_file(&self.log, from, options, false).map_err(failed)?;
        let mut journal = self.cursor.journal.clone();
        for (_, mark) in self.entries.iter().take_while(|(end, _)| *end <= scan.cursor.offset) {
            if journal.len() < JOURNALS || journal.contains_key(&mark.journal) {
                journal.insert(mark.journal.clone(), mark.number);
            }
        }
        scan.cursor.journal = journal;
        scan.cursor.run = self.cursor.run.clone();
        scan.cursor.losses = self.cursor.losses.clone();
        Ok(scan)
    }

    /// Whether a cursor is one that a scan since the last [`Pipe::advance`] gave. A stored one of another run is not: each
    /// run counts from the start.
    fn is_ahead(&self, cursor: &Cursor) -> bool {
        cursor.run == self.cursor.run && (self.cursor.offset..=self.log.length).contains(&cursor.offset)
    }

    /// Forgets what was stored: everything before the cursor of a scan of this pipe.
    pub fn advance(&mut self, stored: &Cursor) {
        if !self.is_ahead(stored) {
            return;
        }
        self.entries.retain(|(end, _)| *end > stored.offset);
        self.log.forget(stored.offset);
        self.cursor = stored.clone();
    }

    /// Hands complete entries that are new to the log.
    fn sort_out(&mut self) {
        let mut from = 0;
        loop {
            let rest = &self.pending[from..];
            let found = match self.form {
                Form::Unknown => None,
                Form::Plain => (!rest.is_empty()).then_some((rest.len(), rest.len(), None)),
                Form::Export => export_entry(rest),
                Form::Json => json_entry(rest),
            };
            let Some((length, end, mark)) = found else { break };
            let known = mark.as_ref().is_some_and(|mark| self.is_read(mark));
            if known {
                self.repeated += 1;
            } else {
                let at = self.log.length;
                self.log.push(&self.pending[from..from + length]);
                if let Some(mark) = mark {
                    self.entries.push_back((at + end as u64, mark));
                }
            }
            from += length;
        }
        self.pending.drain(..from);
        if self.pending.len() > LONGEST_ENTRY {
            self.form = Form::Plain;
            self.log.push(&std::mem::take(&mut self.pending));
        }
    }

    fn is_read(&self, mark: &Mark) -> bool {
        let stored = self.cursor.journal.get(&mark.journal).is_some_and(|last| mark.number <= *last);
        stored || self.entries.iter().any(|(_, known)| known == mark)
    }
}

/// A name for a run that no other has.
fn run() -> String {
    format!("{}-{}", std::process::id(), Timestamp::now().as_nanosecond())
}

fn form(bytes: &[u8]) -> Form {
    let begins = |sign: &[u8]| bytes.starts_with(sign);
    if begins(b"__CURSOR=") || begins(b"__SEQNUM=") || begins(b"__REALTIME_TIMESTAMP=") {
        Form::Export
    } else if begins(b"{") && bytes.windows(10).any(|window| window == b"\"__CURSOR\"") {
        Form::Json
    } else {
        Form::Plain
    }
}

/// Length of the entry at the start, where its last field ends, and its mark; `None` while it is not complete.
fn export_entry(bytes: &[u8]) -> Option<(usize, usize, Option<Mark>)> {
    let (mut at, mut mark) = (0, None);
    loop {
        let line_end = at + bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
        let line = &bytes[at..line_end];
        if line.is_empty() {
            return Some((line_end + 1, at, mark));
        }
        if let Some(cursor) = line.strip_prefix(b"__CURSOR=") {
            mark = str::from_utf8(cursor).ok().and_then(Mark::parse);
        }
        at = line_end + 1;
        if !line.contains(&b'=') {
            // A field of any bytes: its length in eight of them comes first.
            let length =
                bytes.get(at..at + 8)?.first_chunk::<8>().map(|length| u64::from_le_bytes(*length))?;
            let end = usize::try_from(length).ok().and_then(|length| length.checked_add(at + 8))?;
            at = end.checked_add(1).filter(|at| *at <= bytes.len())?;
        }
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: Option<String>,
}

fn json_entry(bytes: &[u8]) -> Option<(usize, usize, Option<Mark>)> {
    let length = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let entry: Option<Entry> = serde_json::from_slice(&bytes[..length]).ok();
    Some((length, length, entry.and_then(|entry| entry.cursor).and_then(|cursor| Mark::parse(&cursor))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Redactor;

    fn options() -> ScanOptions {
        ScanOptions { flush: true, max_records: 100_000, ..ScanOptions::new(Redactor::new(b"key")) }
    }

    fn entry(number: u64, text: &str) -> Vec<u8> {
        let mut bytes =
            format!("__CURSOR=s=abc;i={number:x};b=1;m=2;t=3;x=4\nPRIORITY=3\nMESSAGE\n").into_bytes();
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(b"\n\n");
        bytes
    }

    /// What reaches the log of these bytes, in pieces of a length.
    fn passed(before: Option<&Cursor>, bytes: &[u8], piece: usize) -> (u64, u64, Cursor) {
        let mut pipe = Pipe::new(before).unwrap();
        bytes.chunks(piece).for_each(|piece| pipe.push(piece));
        pipe.end();
        let scan = pipe.scan(None, &options()).unwrap();
        (scan.bytes, pipe.repeated(), scan.cursor)
    }

    #[test]
    fn an_export_that_is_read_again_adds_only_what_is_new_however_it_is_cut() {
        let first = [entry(1, "a\n\nb"), entry(2, "c")].concat();
        let all = [&first[..], &entry(3, "d")].concat();
        for piece in [1, 7, 64, 10_000] {
            let (bytes, repeated, cursor) = passed(None, &first, piece);
            assert_eq!((bytes, repeated), (first.len() as u64, 0));
            let (bytes, repeated, _) = passed(Some(&cursor), &all, piece);
            assert_eq!((bytes, repeated), ((all.len() - first.len()) as u64, 2));
        }
    }

    #[test]
    fn a_short_line_does_not_wait_for_more_to_tell_what_it_is() {
        let mut pipe = Pipe::new(None).unwrap();
        pipe.push(b"ERROR x\n");
        assert_eq!(pipe.scan(None, &options()).unwrap().records.len(), 1);
    }

    #[test]
    fn a_journal_that_counts_anew_is_another_journal() {
        let (_, _, cursor) = passed(None, &entry(9, "a"), 64);
        let other = String::from_utf8(entry(1, "b")).unwrap().replace("s=abc", "s=xyz");
        assert_eq!(passed(Some(&cursor), other.as_bytes(), 64).1, 0);
    }

    #[test]
    fn json_entries_are_known_by_their_cursor_too() {
        let line = |number: u64| format!("{{\"__CURSOR\":\"s=abc;i={number:x};b=1\",\"MESSAGE\":\"m\"}}\n");
        let (_, _, cursor) = passed(None, (line(10) + &line(11)).as_bytes(), 50);
        let (bytes, repeated, _) = passed(Some(&cursor), (line(10) + &line(11) + &line(12)).as_bytes(), 50);
        assert_eq!((bytes, repeated), (line(12).len() as u64, 2));
    }

    #[test]
    fn what_was_stored_is_forgotten_and_what_was_not_is_read_again() {
        let mut pipe = Pipe::new(None).unwrap();
        pipe.push("INFO a line that is long enough to show what it is\n".repeat(10_000).as_bytes());
        let waiting = pipe.waiting();
        let first = pipe.scan(None, &ScanOptions { max_bytes: 100_000, ..options() }).unwrap();
        assert_eq!(pipe.waiting(), waiting, "nothing was stored");
        pipe.advance(&first.cursor);
        assert_eq!(pipe.waiting(), waiting - first.bytes);
        let second = pipe.scan(None, &options()).unwrap();
        assert_eq!(second.cursor.offset, waiting);
        assert_eq!(second.records.first().map(|record| record.line), Some(first.cursor.line + 1));
    }

    #[test]
    fn a_hostile_length_neither_blocks_nor_panics() {
        let mut bytes =
            b"__CURSOR=s=abc;i=1;b=1;m=2;t=3;x=4;and-so-on-until-it-is-told-apart\nMESSAGE\n".to_vec();
        bytes.extend(u64::MAX.to_le_bytes());
        bytes.extend(b"ERROR x\n\n");
        assert_eq!(passed(None, &bytes, 10).0, bytes.len() as u64);
    }
}
