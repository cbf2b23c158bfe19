//! Which cells stand before the message, judged from what many lines, or one, have at the same place.
//!
//! A cell is kept when it is of a kind that messages hardly begin with and nothing that reads like prose stands before
//! it. Kinds that also begin messages (a word, a number, a word with a colon) are kept only with more evidence: signs
//! that set them apart, the form of a logger's name, or many lines in which the kind stays while the words behind it
//! change. So a few lines of one form, whose constant words look like columns, keep those words in the message.

use std::collections::BTreeSet;

use super::cell::{Cell, Glue, Kind, blank};
use super::time::Form;
use crate::trace::head;

/// Lines from which on their words count as evidence.
pub(super) const MANY: usize = 20;
/// Different values counted at most.
const VALUES: usize = 64;

/// What the lines of a source have at the same place.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) glue: Glue,
    /// The signs behind it in nearly all lines.
    pub(super) tail: Glue,
    lines: usize,
    /// Most values read like prose.
    pub(super) plain: bool,
    /// Nearly all values have the form of a logger's name.
    pub(super) logger: bool,
    /// Nearly all are identifiers.
    pub(super) name: bool,
    /// A part of the tags names a process.
    pub(super) process: bool,
    /// Nearly all are followed by two blanks or more.
    padded: bool,
    /// A group that is part of the message: `[client 1.2.3.4]`, `[instance: 7]`, `[1, 2]`.
    spoken: bool,
    pub(super) inside: bool,
    pub(super) soft: bool,
    /// The form itself says that this names a logger.
    named: bool,
    /// Most have the parts of a name joined by points or colons.
    pub(super) dotted: bool,
    /// Most are an account, `app@shop`.
    pub(super) account: bool,
    /// Most begin with a capital letter.
    capital: bool,
    /// Most have a lower-case letter.
    pub(super) lower: bool,
    /// Nearly all look like a thread's name.
    pub(super) thread: bool,
    /// Nearly all values are digits.
    pub(super) digits: bool,
    /// Different values.
    values: usize,
    /// Different words without digits behind it.
    behind: usize,
}

/// A cell and what follows it in its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) line: &'a [u8],
    pub(super) cell: Cell,
    pub(super) tail: Glue,
    /// Where the message would begin.
    pub(super) rest: usize,
    pub(super) inside: bool,
}

impl<'a> Sight<'a> {
    fn value(&self) -> &'a [u8] {
        self.line.get(self.cell.start..self.cell.end).unwrap_or_default()
    }

    fn padded(&self) -> bool {
        let behind = self.line.get(self.cell.after..).unwrap_or_default();
        behind.len() > 2 && behind[..2].iter().all(|b| blank(*b))
    }

    fn is_plain(&self) -> bool {
        let value = self.value();
        let bare = value.strip_suffix(b".").or(value.strip_suffix(b",")).unwrap_or(value);
        let set_apart = self.inside || self.tail.ends_with(b"|.") || self.tail.bytes() == b"-";
        let letters = bare.iter().all(|b| b.is_ascii_alphabetic() || *b >= 128);
        let word = matches!(self.cell.kind, Kind::Word | Kind::Tag) && !set_apart;
        word && letters && (bare.len() < 2 || !bare.iter().all(u8::is_ascii_uppercase)) && !bare.is_empty()
    }

    fn is_spoken(&self) -> bool {
        let value = self.value();
        let pair = value.windows(2).any(|two| two == b": " || two == b", ");
        let number = value.iter().all(u8::is_ascii_digit);
        match self.cell.kind {
            Kind::Group(b'[') => {
                pair || value.starts_with(b"client ") || value.contains(&b'"') || value.is_empty() && !number
            }
            Kind::Group(b'<') => value.contains(&b' ') || !value.iter().any(u8::is_ascii_digit),
            Kind::Group(b'(') => pair,
            Kind::Group(_) => true,
            Kind::Time(_) | Kind::Level | Kind::Letter | Kind::Sign | Kind::Priority => false,
            Kind::Number | Kind::Word | Kind::Tag | Kind::Data => false,
        }
    }

    /// What a single line says, but for what [`Facts::name_more`] adds.
    pub(super) fn facts(&self) -> Facts {
        let value = self.value();
        let facts = Facts {
            kind: self.cell.kind,
            glue: self.cell.glue,
            tail: self.tail,
            lines: 1,
            plain: self.is_plain(),
            process: self.cell.process.1 > 0,
            padded: self.padded(),
            spoken: self.is_spoken(),
            inside: self.inside,
            soft: self.cell.soft,
            named: self.cell.named,
            capital: value.first().is_some_and(u8::is_ascii_uppercase),
            values: 1,
            behind: 1,
            ..Facts::default()
        };
        match self.cell.kind {
            Kind::Word | Kind::Tag | Kind::Group(_) => {}
            // Nobody asks what these are called.
            Kind::Time(_) | Kind::Level | Kind::Letter | Kind::Sign => return facts,
            Kind::Priority | Kind::Number | Kind::Data => return facts,
        }
        let name = is_name(value);
        let dotted = name && is_joined(value);
        Facts { name, dotted, logger: dotted || (name && is_mixed(value)), digits: is_digits(value), ..facts }
    }
}

impl Facts {
    /// What the same cell of several lines says; `None` without lines.
    pub(super) fn of(sights: &[Sight<'_>]) -> Option<Self> {
        let first = sights.first()?;
        let most = |holds: &dyn Fn(&Sight<'_>) -> bool, percent: usize| {
            sights.iter().filter(|sight| holds(sight)).count() * 100 >= sights.len() * percent
        };
        let kind = if first.cell.kind == Kind::Number && !most(&|sight| sight.cell.kind == Kind::Number, 98) {
            Kind::Word
        } else {
            majority(sights)
        };
        let values: BTreeSet<&[u8]> = sights.iter().map(Sight::value).take(4 * VALUES).collect();
        let behind: BTreeSet<&[u8]> = sights.iter().filter_map(word_behind).take(4 * VALUES).collect();
        Some(Self {
            kind,
            glue: first.cell.glue,
            tail: tail(sights),
            lines: sights.len(),
            plain: most(&|sight| sight.is_plain(), 50),
            logger: most(&|sight| is_logger(sight.value()), 95),
            name: most(&|sight| is_name(sight.value()), 98),
            process: most(&|sight| sight.cell.process.1 > 0, 20),
            padded: most(&|sight| sight.padded(), 90),
            spoken: !most(&|sight| !sight.is_spoken(), 90),
            inside: first.inside,
            soft: !most(&|sight| !sight.cell.soft, 90),
            named: most(&|sight| sight.cell.named, 95),
            dotted: most(&|sight| is_dotted(sight.value()), 95),
            account: most(&|sight| sight.value().contains(&b'@'), 50),
            capital: most(&|sight| sight.value().first().is_some_and(u8::is_ascii_uppercase), 50),
            lower: most(&|sight| sight.value().iter().any(u8::is_ascii_lowercase), 50),
            thread: most(&|sight| is_thread(sight.value()), 60),
            digits: most(&|sight| is_digits(sight.value()), 95),
            values: values.len(),
            behind: behind.len(),
        })
    }

    /// Adds what only names of kept cells are asked for, of a cell with this value.
    pub(super) fn name_more(&mut self, value: &[u8]) {
        match self.kind {
            Kind::Word | Kind::Tag | Kind::Group(_) => {
                self.account = value.contains(&b'@');
                self.lower = value.iter().any(u8::is_ascii_lowercase);
                self.thread = is_thread(value);
            }
            Kind::Time(_) | Kind::Level | Kind::Letter | Kind::Sign => {}
            Kind::Priority | Kind::Number | Kind::Data => {}
        }
    }

    fn many(&self) -> bool {
        self.lines >= MANY && self.behind >= 3
    }
}

fn majority(sights: &[Sight<'_>]) -> Kind {
    let numbers = sights.iter().filter(|sight| sight.cell.kind == Kind::Number).count();
    match sights.first().map(|sight| sight.cell.kind) {
        Some(Kind::Word | Kind::Number) => {
            if numbers * 100 >= sights.len() * 98 {
                Kind::Number
            } else {
                Kind::Word
            }
        }
        Some(kind) => kind,
        None => Kind::Word,
    }
}

/// The signs that nearly all lines have behind a cell, or else the brackets that they close.
fn tail(sights: &[Sight<'_>]) -> Glue {
    let mut first = sights.first().map(|sight| sight.tail).unwrap_or_default();
    for candidate in sights.iter().take(8).map(|sight| sight.tail) {
        let same = sights.iter().filter(|sight| sight.tail == candidate).count();
        if same * 10 >= sights.len() * 9 {
            return candidate;
        }
        first = first.closers();
    }
    first
}

/// The first word behind a cell, where it has no digits.
fn word_behind<'a>(sight: &Sight<'a>) -> Option<&'a [u8]> {
    let rest = sight.line.get(sight.rest..)?;
    let end = rest.iter().position(|b| blank(*b) || b"=:,".contains(b)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|word| !word.is_empty() && !word.iter().any(u8::is_ascii_digit))
}

fn is_name(value: &[u8]) -> bool {
    value.first().is_some_and(|b| b.is_ascii_alphabetic() || b"_$".contains(b))
        && value.iter().all(|b| b.is_ascii_alphanumeric() || b"_.:$-/@#<>*+".contains(b))
        && !std::str::from_utf8(value).is_ok_and(head::is_exception)
}

fn is_digits(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// `main`, `pool-1-thread-2`, `http-nio-8080-exec-1`, `Thread 5`.
fn is_thread(value: &[u8]) -> bool {
    let numbered = || value.iter().any(u8::is_ascii_lowercase) && value.contains(&b'-');
    let says = |word: &[u8; 4], more: &[u8]| {
        memchr::memchr2_iter(word[0], word[0].to_ascii_uppercase(), value).any(|at| {
            let found = value.get(at..at + 4).is_some_and(|part| part.eq_ignore_ascii_case(word));
            let rest = value.get(at + 4..at + 4 + more.len());
            found && rest.is_some_and(|part| part.eq_ignore_ascii_case(more))
        })
    };
    value == b"main"
        || (value.last().is_some_and(u8::is_ascii_digit) && numbered())
        || says(b"thre", b"ad")
        || says(b"work", b"er")
        || says(b"exec", b"")
}

/// A name with parts: `shop.web`, `crate::module`, `DataNode$Receiver`, `FetchService`.
fn is_logger(value: &[u8]) -> bool {
    is_dotted(value) || (is_mixed(value) && is_name(value))
}

/// Words joined by capital letters, and no path.
fn is_mixed(value: &[u8]) -> bool {
    let mixed = value.windows(2).any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase());
    mixed && !value.contains(&b'/')
}

/// A name whose parts are joined by points, colons or dollars.
pub(super) fn is_dotted(value: &[u8]) -> bool {
    is_joined(value) && is_name(value)
}

fn is_joined(value: &[u8]) -> bool {
    let joined = memchr::memchr3_iter(b'.', b':', b'$', value).any(|at| {
        let before = at.checked_sub(1).and_then(|at| value.get(at));
        let before = before.is_some_and(|b| b.is_ascii_alphanumeric() || b"_:>".contains(b));
        before && value.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || b"_:<".contains(b))
    });
    // `cart.rb:12:in` is where a line of a trace begins that Ruby prints.
    joined && !value.windows(2).any(|two| two == b"//") && !value.ends_with(b":in")
}

/// How many of the cells stand before the message; 0 when they are no header.
pub(super) fn cut(facts: &[Facts]) -> usize {
    let mut judge = Judge::default();
    for at in 0..facts.len() {
        judge.look(&facts[..=at]);
    }
    judge.cut()
}

/// Decides cell by cell, from the left, which of them are kept.
#[derive(Default)]
pub(super) struct Judge {
    kept: usize,
    time: Option<Form>,
    level: bool,
    /// The last cell kept is a level's letter.
    letter: bool,
    /// A logger or program has been seen.
    named: bool,
}

impl Judge {
    /// How many cells stand before the message; 0 when they are no header.
    pub(super) fn cut(&self) -> usize {
        let anchored = self.time.is_some() || self.level;
        if anchored { self.kept } else { 0 }
    }

    /// Whether the last of the cells is kept, with those before it.
    pub(super) fn look(&mut self, facts: &[Facts]) -> bool {
        let Some((this, at)) = facts.last().zip(facts.len().checked_sub(1)) else { return false };
        let keeps = self.keeps(facts, at);
        if keeps {
            self.keep(this, at);
        }
        keeps
    }

    /// Whether no cell of the single line is kept that comes behind these, whatever it is; `rest` is what follows them.
    pub(super) fn is_done(&self, facts: &[Facts], rest: &[u8]) -> bool {
        let between = &facts[self.kept..];
        let prose = between.iter().any(|facts| facts.plain);
        // Only a host may be passed over although it reads like prose.
        let host = between.len() == 1 && self.time.is_some() && !self.named;
        let far = between.len() > 4 || (self.kept == 0 && between.len() > 2);
        // What an RFC 5424 line says in brackets, and numbers that this sign links, count wherever they are.
        let data = facts[0].kind == Kind::Priority && facts.len() < 8;
        (far || (prose && !host)) && !data && memchr::memchr(b'#', rest).is_none()
    }

    fn keep(&mut self, facts: &Facts, at: usize) {
        self.kept = at + 1;
        self.letter = facts.kind == Kind::Letter;
        match facts.kind {
            Kind::Time(form) => self.time = self.time.or(Some(form)),
            Kind::Level | Kind::Letter | Kind::Priority | Kind::Sign => self.level = true,
            Kind::Tag | Kind::Word => self.named = true,
            Kind::Number | Kind::Group(_) | Kind::Data => {}
        }
    }

    fn keeps(&self, facts: &[Facts], at: usize) -> bool {
        let (this, between) = (&facts[at], &facts[self.kept..at]);
        let near = between.is_empty();
        if near && this.inside && self.kept > 0 {
            return true;
        }
        let prose = between.iter().any(|facts| facts.plain);
        match this.kind {
            Kind::Time(form) => self.keeps_time(form, this, between),
            Kind::Priority => at == 0,
            Kind::Level | Kind::Letter => {
                let reached = if this.soft {
                    let column = this.lines >= 5 && this.values >= 2;
                    let place = self.time.is_some() || (at == 0 && column && !this.capital);
                    near && place && (column || !this.capital)
                } else {
                    near || (!prose && between.len() <= 4) || this.many()
                };
                let words = between.iter().any(|facts| matches!(facts.kind, Kind::Word | Kind::Tag));
                let letter = this.kind == Kind::Letter;
                let first = at == 0 || (!letter && at <= 2 && (!words || this.lines >= 5));
                !self.level_seen(facts) && reached && (self.time.is_some() || first || this.many())
            }
            Kind::Sign => near,
            Kind::Data => self.level && self.time.is_some(),
            Kind::Number => self.keeps_number(this, between),
            Kind::Group(open) => {
                let few = this.lines < 5;
                let behind_colon = this.glue.ends_with(b":");
                let clear = open != b'(' || !few || (this.digits && this.tail.ends_with(b":"));
                near && self.kept > 0 && !this.spoken && !behind_colon && clear
            }
            Kind::Tag => self.keeps_tag(facts, at),
            Kind::Word => near && self.kept > 0 && self.keeps_word(this),
        }
    }

    /// A priority says a level, too, but programs write theirs behind it.
    fn level_seen(&self, facts: &[Facts]) -> bool {
        // Ruby writes a letter and the word.
        let from = usize::from(facts[0].kind == Kind::Letter && facts[0].tail.bytes() == b",[");
        let levels = |facts: &Facts| matches!(facts.kind, Kind::Level | Kind::Letter | Kind::Sign);
        facts[..self.kept].iter().skip(from).any(levels)
    }

    fn keeps_time(&self, form: Form, this: &Facts, between: &[Facts]) -> bool {
        let prose = between.iter().any(|facts| facts.plain);
        if self.time.is_some() {
            return !prose && between.len() <= 3;
        }
        // A group before a time that stands alone is rather a message's own, as in a framework's `[Recovery]`.
        let group = between.iter().any(|facts| matches!(facts.kind, Kind::Group(_)));
        let few = group && this.lines < 5 && !self.level;
        between.is_empty() || (!prose && between.len() <= 2 && !few) || (form.has_date() && this.many())
    }

    fn keeps_number(&self, this: &Facts, between: &[Facts]) -> bool {
        if between.is_empty() {
            // A single `0: shop::cart` is a frame of a stack trace.
            let counted = this.tail.ends_with(b":") && this.lines >= 5;
            let set_apart = this.glue.bytes() == b"#" || this.tail.ends_with(b"|-") || counted;
            return self.kept > 0 && (set_apart || (this.many() && self.time.is_some()));
        }
        // Module, process and thread, as Django has them behind the time.
        let words: usize =
            between.iter().map(|facts| if facts.kind == Kind::Number { 0 } else { facts.values }).sum();
        let columns = between.iter().all(|facts| matches!(facts.kind, Kind::Number | Kind::Word));
        let linked = this.glue.bytes() == b"#";
        linked || (columns && between.len() <= 2 && this.many() && this.behind > 2 * words + 1)
    }

    fn keeps_tag(&self, facts: &[Facts], at: usize) -> bool {
        let (this, between) = (&facts[at], &facts[self.kept..at]);
        let Some(form) = self.time else {
            return between.is_empty() && self.kept > 0 && self.names(this);
        };
        match between {
            [] => this.process || self.names(this),
            [host] if host.kind == Kind::Word || host.kind == Kind::Number => {
                let told = this.process || (form == Form::Month && !self.level_seen(facts));
                !self.named && (told || (this.name && !host.plain && host.values == 1 && this.many()))
            }
            _ => false,
        }
    }

    /// Whether a word with a colon names who speaks rather than what happened.
    fn names(&self, this: &Facts) -> bool {
        let set_apart = this.glue.ends_with(b"-|/") || self.letter;
        // Tools say `WARNING: ThreadSanitizer: …` without a time.
        let shaped = this.named || if self.time.is_some() { this.logger } else { this.dotted };
        !self.named && (shaped || (this.name && (set_apart || (this.lines >= 8 && this.values >= 2))))
    }

    fn keeps_word(&self, this: &Facts) -> bool {
        if this.tail.bytes().starts_with(b"|") || this.tail.bytes().starts_with(b":") {
            return true;
        }
        if this.tail.bytes().starts_with(b"-") {
            return this.logger || this.glue.ends_with(b"-|") || (this.many() && !this.plain);
        }
        let logger = this.dotted && self.level && !self.named;
        let padded = this.padded && this.lines >= 5 && this.values * 4 <= this.lines && self.level;
        let constant = this.values == 1 && this.many() && !this.plain && self.time.is_some();
        logger || padded || constant
    }
}
