//! Which lines make one record, where several streams write into the same file.
//!
//! Each stream has one open record; a line joins it or starts the next one. A line that belongs only if a later one does
//! is held back meanwhile, and read again as a record of its own when that one does not come. An open record ends after
//! a bounded number of other lines.
//!
//! Records come out in the order in which they begin, and only up to a place in the file that no record spans: whatever
//! begins there or later has not come out, so a scan may stop and resume there without repeating or losing a line. All
//! that ends a record is told from the lines behind such a place, so where scans stop changes no record.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

pub(crate) use crate::draft::{Draft, Row};

use crate::draft::Parsed;
use crate::header::Layout;
use crate::record::Level;
use crate::trace::Next;

/// Lines held back at most until one decides where they belong.
const HELD: usize = 64;
/// Records, and bytes of the file, that wait at most for one that began before them.
const WAITING: usize = 4096;
const WAITING_BYTES: u64 = 4 << 20;

/// Puts lines together.
pub(crate) struct Assembler {
    /// What has begun and has not come out, in the order of the file.
    slots: VecDeque<Slot>,
    /// Where those began that may go on, the one that was last written to at the end.
    open: Vec<Open>,
    layout: Layout,
    reference: Timestamp,
    limit: usize,
    /// Rows taken.
    sequence: u64,
    /// No open record has ended for want of lines before this row.
    expiry: u64,
}

struct Slot {
    start: u64,
    number: u64,
    body: Body,
}

enum Body {
    /// A line whose end has not come.
    Part(Box<Row<'static>>),
    Open(Box<Draft>),
    Done(Box<Draft>),
}

struct Open {
    start: u64,
    /// Of its stream's key, so that most streams are told apart without looking further.
    hash: u64,
    /// Lines of its stream without a header belong to it.
    foreground: bool,
    /// It has not ended for want of lines before this row; a flood of streams is passed by this alone.
    expiry: u64,
}

impl Assembler {
    /// `reference` dates lines without a year; `limit` is the most bytes of a record.
    pub(crate) fn new(layout: Layout, reference: Timestamp, limit: usize) -> Self {
        let (slots, open) = (VecDeque::new(), Vec::new());
        Self { slots, open, layout, reference, limit, sequence: 0, expiry: u64::MAX }
    }

    /// Offset and line number at which the first record begins that has not come out.
    pub(crate) fn unfinished(&self) -> Option<(u64, u64)> {
        self.slots.front().map(|slot| (slot.start, slot.number))
    }

    /// The records that have not come out.
    pub(crate) fn waiting(&mut self) -> impl Iterator<Item = &mut Draft> {
        self.slots.iter_mut().filter_map(|slot| match &mut slot.body {
            Body::Open(draft) | Body::Done(draft) => Some(&mut **draft),
            Body::Part(_) => None,
        })
    }

    /// Whether a line with a header and nothing around it ends all that is open.
    pub(crate) fn is_at_rest(&self) -> bool {
        let ends = |slot: &Slot| match &slot.body {
            Body::Open(draft) => draft.is_plain() && draft.key() == ("", None),
            Body::Part(_) | Body::Done(_) => false,
        };
        self.slots.len() <= 1 && self.slots.iter().all(ends)
    }

    /// Counts a row that was read elsewhere.
    pub(crate) fn pass(&mut self) {
        self.sequence += 1;
    }

    /// Reads what comes by another layout.
    pub(crate) fn read_as(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// Takes the next line and adds the records that came out to `done`.
    pub(crate) fn push(&mut self, mut row: Row<'_>, done: &mut Vec<Draft>) {
        self.sequence += 1;
        row.sequence = self.sequence;
        if self.sequence >= self.expiry {
            self.expire();
        }
        let Some(row) = self.joined(row) else { return };
        self.place_all(row);
        self.settle(done);
        let behind = self.slots.back().map_or(0, |slot| slot.start);
        let span = self.slots.front().map_or(0, |slot| behind - slot.start);
        if self.slots.len() > WAITING || span > WAITING_BYTES {
            self.finish(done);
        }
    }

    /// Adds what is unfinished to `done`, taken as finished.
    pub(crate) fn finish(&mut self, done: &mut Vec<Draft>) {
        while let Some(first) = self.open.iter().map(|open| open.start).min() {
            self.end(first);
        }
        self.settle(done);
    }

    /// The row with the parts before it; none while more of them follow.
    fn joined<'a>(&mut self, row: Row<'a>) -> Option<Row<'a>> {
        let goes_on = row.envelope.as_ref().is_some_and(|envelope| envelope.goes_on);
        let hash = hash(row.key());
        let is_part = |open: &Open| match &self.slots[self.at(open.start)].body {
            Body::Part(part) => part.key() == row.key(),
            Body::Open(_) | Body::Done(_) => false,
        };
        let part = self.open.iter().position(|open| open.hash == hash && is_part(open));
        let row = match part {
            None if !goes_on => return Some(row),
            None => row,
            Some(at) => {
                let open = self.open.remove(at);
                let at = self.at(open.start);
                match self.slots.remove(at).map(|slot| slot.body) {
                    Some(Body::Part(part)) => self.with_more(*part, &row),
                    Some(Body::Open(_) | Body::Done(_)) | None => row,
                }
            }
        };
        if !goes_on {
            return Some(row);
        }
        let (start, number) = (row.start, row.number);
        let row = Box::new(row.into_owned());
        let expiry = expiry_of_part(&row);
        self.expiry = self.expiry.min(expiry);
        self.insert(Slot { start, number, body: Body::Part(row) });
        self.open.push(Open { start, hash, foreground: false, expiry });
        None
    }

    /// The part with what follows it, up to the limit.
    fn with_more(&self, mut part: Row<'static>, row: &Row<'_>) -> Row<'static> {
        let room = self.limit.saturating_sub(part.text.len());
        let end = row.text.floor_char_boundary(room.min(row.text.len()));
        part.text.to_mut().push_str(&row.text[..end]);
        part.cut |= row.cut || end < row.text.len();
        part.end = row.end;
        part.lines += row.lines;
        part.sequence = row.sequence;
        part
    }

    /// Finds the place of a row, of each of its lines where they are several: these belong together.
    fn place_all(&mut self, row: Row<'_>) {
        if !row.text.contains('\n') {
            self.place(row);
            return;
        }
        let mut lines = row.text.split('\n').map(|line| Cow::Owned(line.to_owned()));
        let first = lines.next().unwrap_or_default();
        let mut home = self.place(Row { text: first, ..row.clone() });
        for text in lines {
            let row = Row { text, lines: 0, ..row.clone() };
            home = match home {
                Some(start) => Some(self.append(start, &row)),
                None => self.place(Row { lines: row.lines, ..row }),
            };
        }
    }

    /// Adds a row to the record that began there, whatever it is to it; a stack trace goes on within it all the same.
    fn append(&mut self, start: u64, row: &Row<'_>) -> u64 {
        let at = self.at(start);
        let (layout, reference, limit) = (&self.layout, self.reference, self.limit);
        if let Body::Open(draft) = &mut self.slots[at].body {
            for held in std::mem::take(&mut draft.held) {
                draft.take(&held, &Parsed::new(&held.text, layout, reference), limit);
            }
            let mut line = Parsed::new(&row.text, layout, reference);
            line.header = None;
            draft.next(row, &line, limit);
            draft.take(row, &line, limit);
            let expiry = draft.expiry();
            self.wait(start, expiry);
        }
        start
    }

    /// Finds the place of a row, and says where the record begins that has it.
    fn place(&mut self, row: Row<'_>) -> Option<u64> {
        let line = Parsed::new(&row.text, &self.layout, self.reference);
        let home = self.home(&row, &line);
        let Some(start) = home else { return self.begin(&row, line) };
        let at = self.at(start);
        let Body::Open(draft) = &mut self.slots[at].body else { return None };
        match draft.next(&row, &line, self.limit) {
            Next::Part | Next::Text => {
                for held in std::mem::take(&mut draft.held) {
                    draft.take(&held, &Parsed::new(&held.text, &self.layout, self.reference), self.limit);
                }
                draft.take(&row, &line, self.limit);
                let expiry = draft.expiry();
                self.wait(start, expiry);
                Some(start)
            }
            Next::Perhaps if draft.held.len() < HELD => {
                draft.hold(row);
                Some(start)
            }
            Next::Perhaps | Next::End => {
                let held = !draft.held.is_empty();
                self.end(start);
                if held {
                    drop(line);
                    return self.place(row);
                }
                self.begin(&row, line)
            }
        }
    }

    /// The open record that a row may belong to.
    ///
    /// Behind the header of another thread, a record of the same stream goes on only if it has a header before each line.
    fn home(&mut self, row: &Row<'_>, line: &Parsed<'_>) -> Option<u64> {
        let hash = hash(row.key());
        let of_stream = |draft: &Draft| draft.key() == row.key();
        // Ending a record may bring a line that it held back to the front.
        while let Some(start) = self.find(hash, |open, draft| open.foreground && of_stream(draft)) {
            let (Some(said), Some(draft)) = (&line.header, self.draft(start)) else { return Some(start) };
            if draft.is_of_thread(said) {
                return Some(start);
            }
            if draft.may_be_interrupted() {
                self.turn(start, false);
            } else {
                self.end(start);
            }
        }
        let said = line.header.as_ref()?;
        let own =
            self.find(hash, |open, draft| !open.foreground && of_stream(draft) && draft.is_of_thread(said))?;
        self.turn(own, true);
        Some(own)
    }

    fn find(&self, hash: u64, is_it: impl Fn(&Open, &Draft) -> bool) -> Option<u64> {
        let mut open = self.open.iter().rev().filter(|open| open.hash == hash);
        let found = open.find(|open| self.draft(open.start).is_some_and(|draft| is_it(open, draft)));
        found.map(|open| open.start)
    }

    fn turn(&mut self, start: u64, foreground: bool) {
        if let Some(open) = self.open.iter_mut().find(|open| open.start == start) {
            open.foreground = foreground;
        }
    }

    fn draft(&self, start: u64) -> Option<&Draft> {
        match &self.slots[self.at(start)].body {
            Body::Open(draft) => Some(draft),
            Body::Part(_) | Body::Done(_) => None,
        }
    }

    /// Opens a record, unless the row is blank.
    fn begin(&mut self, row: &Row<'_>, line: Parsed<'_>) -> Option<u64> {
        let draft = Box::new(Draft::new(row, line)?);
        let (start, number) = (draft.start, draft.number);
        let expiry = draft.expiry();
        self.expiry = self.expiry.min(expiry);
        self.insert(Slot { start, number, body: Body::Open(draft) });
        self.open.push(Open { start, hash: hash(row.key()), foreground: true, expiry });
        Some(start)
    }

    /// Ends what began there; rows that it held back find their places again.
    fn end(&mut self, start: u64) {
        self.open.retain(|open| open.start != start);
        let at = self.at(start);
        let Some(slot) = self.slots.get_mut(at) else { return };
        let part = Box::new(Row::default());
        match std::mem::replace(&mut slot.body, Body::Part(part)) {
            Body::Part(row) => {
                self.slots.remove(at);
                self.place_all(*row);
            }
            Body::Open(mut draft) | Body::Done(mut draft) => {
                let held = std::mem::take(&mut draft.held);
                slot.body = Body::Done(draft);
                for row in held {
                    self.place(row);
                }
            }
        }
    }

    /// Notes how long the record that began there waits for its lines.
    fn wait(&mut self, start: u64, expiry: u64) {
        self.expiry = self.expiry.min(expiry);
        if let Some(open) = self.open.iter_mut().rev().find(|open| open.start == start) {
            open.expiry = expiry;
        }
    }

    /// Ends the open records whose lines have not come for too long.
    fn expire(&mut self) {
        loop {
            // A line that is held back makes a record wait longer than was noted.
            for at in 0..self.open.len() {
                let Open { start, expiry, .. } = self.open[at];
                if expiry <= self.sequence {
                    self.open[at].expiry = match &self.slots[self.at(start)].body {
                        Body::Part(row) => expiry_of_part(row),
                        Body::Open(draft) | Body::Done(draft) => draft.expiry(),
                    };
                }
            }
            let expired = self.open.iter().filter(|open| open.expiry <= self.sequence);
            match expired.map(|open| open.start).min() {
                Some(start) => self.end(start),
                None => {
                    self.expiry = self.open.iter().map(|open| open.expiry).min().unwrap_or(u64::MAX);
                    return;
                }
            }
        }
    }

    /// Lets out the records before the last place that none spans.
    fn settle(&mut self, done: &mut Vec<Draft>) {
        let (mut ready, mut end) = (0, 0);
        for (at, slot) in self.slots.iter().enumerate() {
            let Body::Done(draft) = &slot.body else { break };
            end = draft.end.max(end);
            if self.slots.get(at + 1).is_none_or(|next| end <= next.start) {
                ready = at + 1;
            }
        }
        for slot in self.slots.drain(..ready) {
            if let Body::Done(draft) = slot.body {
                done.push(*draft);
            }
        }
    }

    fn at(&self, start: u64) -> usize {
        self.slots.partition_point(|slot| slot.start < start)
    }

    fn insert(&mut self, slot: Slot) {
        let at = self.at(slot.start);
        self.slots.insert(at, slot);
    }
}

fn hash(key: (&str, Option<Level>)) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The first row at which a part whose end has not come counts as a line.
fn expiry_of_part(part: &Row<'_>) -> u64 {
    part.sequence + crate::draft::WAIT + 1
}
