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

use jiff::Timestamp;

pub(crate) use crate::draft::{Draft, Row};

use crate::context::Context;
use crate::cut;
use crate::header::{Layout, Reader};
use crate::lines::Window;
use crate::ongoing::{Going, Ongoing, Place};
use crate::ordinary::Ordinary;
use crate::parsed::Parsed;
use crate::record::Level;
use crate::trace::Next;
use crate::unwrap::{Form, unwrap};

/// Lines held back at most until one decides where they belong.
const HELD: usize = 64;
/// Records, and bytes of the file, that wait at most for one that began before them.
const WAITING: usize = 4096;
const WAITING_BYTES: u64 = 4 << 20;

/// Puts lines together.
pub(crate) struct Assembler {
    /// What has begun and has not come out, in the order of the file.
    slots: VecDeque<Slot>,
    /// How many of them are finished and wait only for being taken.
    ready: usize,
    /// Slots that were there before the first.
    gone: u64,
    /// Where those began that may go on, the one that was last written to at the end.
    open: Vec<Open>,
    /// The ordinary lines that may go on.
    ongoing: Ongoing,
    form: Form,
    reader: Reader,
    reference: Timestamp,
    limit: usize,
    /// Rows taken.
    sequence: u64,
    /// No open record but ordinary lines has ended for want of lines before this row.
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
    /// An ordinary line, which may go on.
    Line(Ordinary),
}

/// What came out.
pub(crate) enum Finished {
    /// A record.
    Draft(Box<Draft>),
    /// A record that is an ordinary line.
    Line(Ordinary),
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
    pub(crate) fn new(form: Form, layout: Layout, reference: Timestamp, limit: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            ready: 0,
            gone: 0,
            open: Vec::new(),
            ongoing: Ongoing::new(),
            form,
            reader: Reader::new(layout, reference),
            reference,
            limit,
            sequence: 0,
            expiry: u64::MAX,
        }
    }

    /// Offset and line number at which the first record begins that has not come out.
    pub(crate) fn unfinished(&self) -> Option<(u64, u64)> {
        self.slots.get(self.ready).map(|slot| (slot.start, slot.number))
    }

    /// The next record that came out.
    pub(crate) fn next_finished(&mut self) -> Option<Finished> {
        while self.ready > 0 {
            (self.ready, self.gone) = (self.ready - 1, self.gone + 1);
            match self.slots.pop_front()?.body {
                Body::Done(draft) => return Some(Finished::Draft(draft)),
                Body::Line(line) => return Some(Finished::Line(line)),
                Body::Part(_) | Body::Open(_) => {}
            }
        }
        None
    }

    /// Where the records begin that lie before an offset and have not come out, and what is known of the lines before
    /// them.
    pub(crate) fn waiting(
        &mut self,
        before: u64,
        window: Window<'_>,
    ) -> impl Iterator<Item = (u64, &mut Option<Context>)> {
        for place in self.ongoing.before(before) {
            self.open_up(place, window);
        }
        self.slots.iter_mut().take_while(move |slot| slot.start < before).filter_map(move |slot| {
            match &mut slot.body {
                Body::Open(draft) | Body::Done(draft) => Some((draft.start, &mut draft.context)),
                Body::Line(line) => {
                    line.keep(window);
                    line.said.failure.as_mut().map(|failure| (line.start, &mut failure.context))
                }
                Body::Part(_) => None,
            }
        })
    }

    /// Reads what comes by another form and layout.
    pub(crate) fn read_as(&mut self, form: Form, layout: Layout, window: Window<'_>) {
        // What may go on was read by what held until now.
        for place in self.ongoing.before(u64::MAX) {
            self.open_up(place, window);
        }
        (self.form, self.reader) = (form, Reader::new(layout, self.reference));
    }

    /// Takes an ordinary line the short way; gives it back when it has to be pushed, since more than its stream's last
    /// event may be open.
    pub(crate) fn pass(&mut self, mut line: Ordinary, window: Window<'_>) -> Option<Ordinary> {
        let key = line.key(window);
        let hash = hash(key);
        let last = self.ongoing.find(hash);
        let mut others = self.open.iter().filter(|open| open.hash == hash);
        let alone = match (last, others.next(), others.next()) {
            (None, None, _) => true,
            (Some(last), None, _) => self.line_at(last).is_some_and(|last| last.key(window) == key),
            (None, Some(open), None) => self.is_ended_by_any(open, key),
            (Some(_), Some(_), _) | (None, Some(_), Some(_)) => false,
        };
        if !alone {
            return Some(line);
        }
        self.advance();
        match last.filter(|last| self.ongoing.holds(*last)) {
            Some(last) => self.end_line(last),
            None => {
                if let Some(open) = self.open.iter().rev().find(|open| open.hash == hash) {
                    self.end(open.start);
                }
            }
        }
        (line.sequence, line.open) = (self.sequence, true);
        let (start, number) = (line.start, line.number);
        let slot = self.gone + self.slots.len() as u64;
        self.insert(Slot { start, number, body: Body::Line(line) });
        self.ongoing.add(self.sequence, hash, Going { start, slot });
        self.settle();
        self.bound();
        None
    }

    /// The line that is open, where nothing else is there, and any line without a key that begins an event ends it.
    pub(crate) fn only_line(&self) -> Option<&Ordinary> {
        match self.slots.front().map(|slot| &slot.body)? {
            Body::Line(line) if self.slots.len() == 1 && self.ready == 0 && self.open.is_empty() => {
                (line.open && line.said.key.is_empty() && line.said.key_level.is_none()).then_some(line)
            }
            Body::Line(_) | Body::Part(_) | Body::Open(_) | Body::Done(_) => None,
        }
    }

    /// Takes the last of so many lines that came behind the [`Assembler::only_line`], each of which ended the one before.
    pub(crate) fn pass_last(&mut self, count: u64, mut line: Ordinary) {
        let hash = hash((b"", None));
        if let Some(place) = self.ongoing.find(hash) {
            self.ongoing.remove(place);
        }
        self.slots.clear();
        self.gone += count;
        self.sequence += count;
        (line.sequence, line.open) = (self.sequence, true);
        let (start, slot) = (line.start, self.gone);
        self.slots.push_back(Slot { start, number: line.number, body: Body::Line(line) });
        self.ongoing.add(self.sequence, hash, Going { start, slot });
    }

    /// Counts a row, and ends what has ended for want of lines when it comes.
    fn advance(&mut self) {
        self.sequence += 1;
        if let Some(line) = self.ongoing.expire(self.sequence) {
            self.end_slot(line);
        }
        if self.sequence >= self.expiry {
            self.expire();
        }
    }

    fn end_line(&mut self, place: Place) {
        if let Some(line) = self.ongoing.remove(place) {
            self.end_slot(line);
        }
    }

    fn end_slot(&mut self, line: Going) {
        let at = self.slot(line);
        if let Some(Slot { body: Body::Line(line), .. }) = self.slots.get_mut(at) {
            line.open = false;
        }
    }

    fn line_at(&self, place: Place) -> Option<&Ordinary> {
        match &self.slots.get(self.slot(self.ongoing.at(place)))?.body {
            Body::Line(line) => Some(line),
            Body::Part(_) | Body::Open(_) | Body::Done(_) => None,
        }
    }

    /// Where the slot of a line is; mostly it has not moved.
    fn slot(&self, line: Going) -> usize {
        let at = usize::try_from(line.slot.wrapping_sub(self.gone)).unwrap_or(usize::MAX);
        match self.slots.get(at) {
            Some(slot) if slot.start == line.start => at,
            Some(_) | None => self.at(line.start),
        }
    }

    /// Whether any line of the stream with that key that begins an event ends the record.
    fn is_ended_by_any(&self, open: &Open, key: (&[u8], Option<Level>)) -> bool {
        let ends = |draft: &Draft| open.foreground && draft.is_plain() && bytes(draft.key()) == key;
        self.draft(open.start).is_some_and(ends)
    }

    /// Makes a record of an ordinary line that is open.
    fn open_up(&mut self, place: Place, window: Window<'_>) {
        let Some(going) = self.ongoing.remove(place) else { return };
        let at = self.slot(going);
        let Some(Slot { body: Body::Line(line), .. }) = self.slots.get_mut(at) else { return };
        let line = std::mem::take(line);
        let text = line.text(window);
        let (envelope, text) = match unwrap(text, self.form, self.reference) {
            Some((envelope, inner)) => (Some(envelope), inner),
            None => (None, Cow::Borrowed(text)),
        };
        let Ordinary { start, end, number, sequence, .. } = line;
        let row = Row { start, end, number, lines: 1, text, cut: false, envelope, sequence };
        let parsed = Parsed::new(&row.text, &mut self.reader);
        let hash = hash(bytes(row.key()));
        match Draft::new(&row, parsed) {
            None => self.slots[at].body = Body::Line(Ordinary { open: false, ..line }),
            Some(draft) => {
                let expiry = draft.expiry();
                self.slots[at].body = Body::Open(Box::new(draft));
                self.expiry = self.expiry.min(expiry);
                self.open.push(Open { start, hash, foreground: true, expiry });
            }
        }
    }

    /// Takes the next line; what came out by it is taken with [`Assembler::next_finished`].
    pub(crate) fn push(&mut self, mut row: Row<'_>, window: Window<'_>) {
        self.advance();
        row.sequence = self.sequence;
        let hash = hash(bytes(row.key()));
        if let Some(place) = self.ongoing.find(hash) {
            self.open_up(place, window);
        }
        let Some(row) = self.joined(row, hash) else { return };
        self.place_all(row);
        self.settle();
        self.bound();
    }

    /// Ends everything where too much waits.
    fn bound(&mut self) {
        let behind = self.slots.back().map_or(0, |slot| slot.start);
        let span = self.unfinished().map_or(0, |(start, _)| behind - start);
        if self.slots.len() - self.ready > WAITING || span > WAITING_BYTES {
            self.finish();
        }
    }

    /// Takes what is unfinished as finished.
    pub(crate) fn finish(&mut self) {
        for place in self.ongoing.before(u64::MAX) {
            self.end_line(place);
        }
        while let Some(first) = self.open.iter().map(|open| open.start).min() {
            self.end(first);
        }
        self.settle();
    }

    /// The row with the parts before it; none while more of them follow.
    fn joined<'a>(&mut self, row: Row<'a>, hash: u64) -> Option<Row<'a>> {
        let goes_on = row.envelope.as_ref().is_some_and(|envelope| envelope.goes_on);
        let is_part = |open: &Open| match &self.slots[self.at(open.start)].body {
            Body::Part(part) => part.key() == row.key(),
            Body::Open(_) | Body::Done(_) | Body::Line(_) => false,
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
                    Some(Body::Open(_) | Body::Done(_) | Body::Line(_)) | None => row,
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
        if !part.cut {
            let text = part.text.to_mut();
            text.push_str(&row.text);
            let kept = cut::limited(text, self.limit).len();
            part.cut = row.cut || kept < text.len();
            text.truncate(kept);
        }
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
        let (reader, limit) = (&mut self.reader, self.limit);
        if let Body::Open(draft) = &mut self.slots[at].body {
            for held in std::mem::take(&mut draft.held) {
                draft.take(&held, &Parsed::new(&held.text, reader), limit);
            }
            let mut line = Parsed::new(&row.text, reader);
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
        let line = Parsed::new(&row.text, &mut self.reader);
        let home = self.home(&row, &line);
        let Some(start) = home else { return self.begin(&row, line) };
        let at = self.at(start);
        let Body::Open(draft) = &mut self.slots[at].body else { return None };
        match draft.next(&row, &line, self.limit) {
            Next::Part | Next::Text => {
                for held in std::mem::take(&mut draft.held) {
                    draft.take(&held, &Parsed::new(&held.text, &mut self.reader), self.limit);
                }
                draft.take(&row, &line, self.limit);
                let expiry = draft.expiry();
                self.wait(start, expiry);
                Some(start)
            }
            Next::Perhaps if draft.held.len() < HELD => {
                draft.hold(row);
                let expiry = draft.expiry();
                self.wait(start, expiry);
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
        let hash = hash(bytes(row.key()));
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
            Body::Part(_) | Body::Done(_) | Body::Line(_) => None,
        }
    }

    /// Opens a record, unless the row is blank.
    fn begin(&mut self, row: &Row<'_>, line: Parsed<'_>) -> Option<u64> {
        let draft = Box::new(Draft::new(row, line)?);
        let (start, number) = (draft.start, draft.number);
        let expiry = draft.expiry();
        self.expiry = self.expiry.min(expiry);
        self.insert(Slot { start, number, body: Body::Open(draft) });
        self.open.push(Open { start, hash: hash(bytes(row.key())), foreground: true, expiry });
        Some(start)
    }

    /// Ends what began there; rows that it held back find their places again.
    fn end(&mut self, start: u64) {
        if let Some(open) = self.open.iter().rposition(|open| open.start == start) {
            self.open.remove(open);
        }
        let at = self.at(start);
        let Some(slot) = self.slots.get_mut(at) else { return };
        match std::mem::replace(&mut slot.body, Body::Line(Ordinary::default())) {
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
            Body::Line(line) => slot.body = Body::Line(Ordinary { open: false, ..line }),
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
    fn settle(&mut self) {
        let mut end = 0;
        for at in self.ready..self.slots.len() {
            let slot_end = match &self.slots[at].body {
                Body::Done(draft) => draft.end,
                Body::Line(line) if !line.open => line.end,
                Body::Part(_) | Body::Open(_) | Body::Line(_) => return,
            };
            end = slot_end.max(end);
            if self.slots.get(at + 1).is_none_or(|next| end <= next.start) {
                self.ready = at + 1;
            }
        }
    }

    fn at(&self, start: u64) -> usize {
        // Mostly there is one.
        if self.slots.front().is_some_and(|slot| slot.start == start) {
            return 0;
        }
        self.slots.partition_point(|slot| slot.start < start)
    }

    fn insert(&mut self, slot: Slot) {
        if self.slots.back().is_none_or(|last| last.start < slot.start) {
            self.slots.push_back(slot);
            return;
        }
        let at = self.at(slot.start);
        self.slots.insert(at, slot);
    }
}

fn bytes((name, level): (&str, Option<Level>)) -> (&[u8], Option<Level>) {
    (name.as_bytes(), level)
}

/// A few multiplications; that keys may be made to share one costs those who do it a compare.
fn hash((name, level): (&[u8], Option<Level>)) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let (words, rest) = name.as_chunks::<8>();
    let hash = words
        .iter()
        .fold(level.map_or(0, |level| level as u64 + 1), |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let rest = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    mix(hash, rest)
}

/// The first row at which a part whose end has not come counts as a line.
fn expiry_of_part(part: &Row<'_>) -> u64 {
    part.sequence + crate::draft::WAIT + 1
}
