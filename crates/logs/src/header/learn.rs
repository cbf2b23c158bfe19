//! The forms of header that a source's first lines have.
//!
//! The lines are sorted into a tree by their cells, from the left, as Drain sorts messages by their words (He, Zhu,
//! Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), but by the kinds of the cells
//! and the signs between them rather than by their text. While nearly all lines of a branch have the same kind next, it
//! grows; where they part, the kinds have stopped being stable, and the message has begun somewhere before. How much of
//! a branch is header, `super::facts` decides. A smaller branch becomes a form of its own when it has another level,
//! time or process behind the parting: two programs that write into one file.

use std::collections::BTreeMap;

use super::cell::{CELLS, Cells, Glue, Kind, blank};
use super::facts::{self, Facts, Sight};
use super::program::{Program, Role, Step};
use super::speaker;
use super::time::Form;

/// Forms kept per source.
const FORMS: usize = 4;

/// A line's cells.
pub(super) struct Line<'a> {
    bytes: &'a [u8],
    sights: Vec<Sight<'a>>,
}

impl<'a> Line<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        Self { bytes, sights: sights(bytes).collect() }
    }
}

/// The cells of a line, each with what follows it.
pub(super) fn sights(bytes: &[u8]) -> impl Iterator<Item = Sight<'_>> {
    let mut cells = Cells::new(bytes);
    std::iter::from_fn(move || {
        let cell = cells.next()?;
        let inside = cells.inside.is_some();
        let (tail, rest) = cells.peek_glue().unwrap_or((Glue::default(), cell.after));
        Some(Sight { line: bytes, cell, tail, rest, inside })
    })
}

/// The programs that read the lines, those that ask for more first.
pub(super) fn programs(lines: &[Line<'_>]) -> Vec<Program> {
    let mut tree = Tree { total: lines.len(), found: Vec::new() };
    tree.grow(lines.iter().collect(), 0, 0);
    let mut found = tree.found;
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.steps.len().cmp(&b.1.steps.len())));
    let mut kept: Vec<(usize, Program)> = Vec::new();
    for (count, program) in found {
        let known = kept.iter().any(|(_, other)| {
            other.steps == program.steps && other.tail == program.tail && other.named == program.named
        });
        if !known && kept.len() < FORMS {
            kept.push((count, program));
        }
    }
    kept.sort_by(|a, b| b.1.steps.len().cmp(&a.1.steps.len()).then_with(|| b.0.cmp(&a.0)));
    kept.into_iter().map(|(_, program)| program).collect()
}

struct Tree {
    total: usize,
    found: Vec<(usize, Program)>,
}

impl Tree {
    /// Follows a branch while its lines agree; `parted` cells ago it parted from a larger one.
    fn grow<'l, 'a>(&mut self, lines: Vec<&'l Line<'a>>, depth: usize, parted: usize) {
        let (mut lines, mut depth) = (lines, depth);
        // What stands further left is judged from all lines that have it.
        let mut stages: Vec<Vec<&'l Line<'a>>> = vec![lines.clone(); depth];
        loop {
            let mut groups = group(&lines, depth);
            let largest = groups.iter().max_by_key(|(key, lines)| (lines.len(), std::cmp::Reverse(**key)));
            let Some(key) = largest.map(|(key, _)| *key) else { break };
            let all = lines.len();
            let most = groups.remove(&key).unwrap_or_default();
            let goes_on = most.len() * 10 >= all * 9;
            if !goes_on {
                groups.insert(key, most.clone());
            }
            let least = (self.total / 25).max(if depth == 0 { 1 } else { 2 });
            for other in groups.into_values().filter(|lines| lines.len() >= least) {
                self.grow(other, depth + 1, depth);
            }
            if !goes_on {
                break;
            }
            lines = most;
            stages.push(lines.clone());
            depth += 1;
        }
        self.end(&stages, parted);
    }

    fn end(&mut self, stages: &[Vec<&Line<'_>>], parted: usize) {
        let facts: Vec<Facts> = stages
            .iter()
            .enumerate()
            .filter_map(|(at, lines)| {
                let sights: Vec<Sight<'_>> =
                    lines.iter().filter_map(|line| line.sights.get(at).copied()).collect();
                Facts::of(&sights)
            })
            .collect();
        let kept = facts::cut(&facts);
        let sure = |facts: &Facts| match facts.kind {
            Kind::Time(_) | Kind::Level | Kind::Letter | Kind::Priority => !facts.soft,
            Kind::Tag => facts.process || facts.dotted,
            Kind::Sign | Kind::Number | Kind::Word | Kind::Group(_) | Kind::Data => false,
        };
        if kept == 0 || (parted > 0 && !facts[..kept].iter().skip(parted).any(sure)) {
            return;
        }
        let lines = stages.get(kept - 1).map(Vec::as_slice).unwrap_or_default();
        self.found.push((lines.len(), program(&facts[..kept], lines)));
    }
}

type Key = (Glue, Kind);

fn group<'l, 'a>(lines: &[&'l Line<'a>], depth: usize) -> BTreeMap<Key, Vec<&'l Line<'a>>> {
    let mut groups: BTreeMap<Key, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines.iter().filter(|_| depth < CELLS) {
        if let Some(sight) = line.sights.get(depth) {
            let kind = if sight.cell.kind == Kind::Number { Kind::Word } else { sight.cell.kind };
            groups.entry((sight.cell.glue, kind)).or_default().push(line);
        }
    }
    groups
}

fn program<'l>(facts: &[Facts], lines: &[&Line<'l>]) -> Program {
    let roles = roles(facts);
    let steps = facts
        .iter()
        .zip(roles)
        .map(|(facts, role)| Step { glue: facts.glue, kind: facts.kind, role })
        .collect();
    let tail = facts.last().map(|facts| facts.tail).unwrap_or_default();
    let mut program = Program { steps, tail, gap: 0, width: 0, named: false };
    let mut gaps = Vec::new();
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut lengths = std::collections::BTreeSet::new();
    for line in lines {
        let mut last = 0;
        let Some(message_at) = program.fit(line.bytes, |_, cell, _| last = cell.start) else { continue };
        let blanks =
            line.bytes.get(message_at..).unwrap_or_default().iter().take_while(|b| blank(**b)).count();
        if message_at + blanks == line.bytes.len() {
            continue;
        }
        gaps.push(blanks);
        lengths.insert(message_at - last);
        *widths.entry(message_at + blanks - last).or_default() += 1;
    }
    gaps.sort_unstable();
    program.gap = gaps.get(gaps.len() / 20).map_or(1, |gap| u8::try_from(*gap).unwrap_or(u8::MAX));
    let common = widths.iter().max_by_key(|(_, count)| **count);
    if let Some((width, count)) = common
        && lengths.len() > 1
        && count * 10 >= gaps.len() * 9
    {
        program.width = u8::try_from(*width).unwrap_or(0);
    }
    let message = |line: &&Line<'l>| line.bytes.get(program.fit(line.bytes, |_, _, _| {})?..);
    let messages: Vec<&[u8]> = lines.iter().filter_map(message).collect();
    program.named = !roles.contains(&Role::Logger) && speaker::is_named(&messages);
    program
}

/// What each cell of a header says.
pub(super) fn roles(facts: &[Facts]) -> [Role; CELLS] {
    let mut roles = [Role::None; CELLS];
    let time = best_time(facts);
    let level = level_at(facts);
    let tag = facts.iter().position(|facts| facts.kind == Kind::Tag);
    let syslog = facts.iter().any(|facts| facts.kind == Kind::Data);
    for (at, this) in facts.iter().enumerate().take(CELLS) {
        let free = |role: Role| !roles.contains(&role);
        let role = match this.kind {
            Kind::Time(_) if Some(at) == time => Role::Time,
            Kind::Level | Kind::Letter | Kind::Sign | Kind::Priority if Some(at) == level => Role::Level,
            Kind::Tag => Role::Logger,
            _ if syslog => modern_syslog(at),
            Kind::Number if at > 0 && free(Role::Process) => Role::Process,
            Kind::Number if at > 0 && free(Role::Thread) => Role::Thread,
            Kind::Group(open) if this.digits && free(Role::Process) => {
                // Behind a level, `[0000]` is how long the program runs.
                if open == b'[' && level == at.checked_sub(1) { Role::None } else { Role::Process }
            }
            Kind::Group(b'[') if this.thread && free(Role::Thread) => Role::Thread,
            Kind::Group(b'[')
                if tag.is_none()
                    && this.name
                    && this.lower
                    && free(Role::Logger)
                    && !better(&facts[at + 1..]) =>
            {
                Role::Logger
            }
            Kind::Group(b'[') if this.lower && beside_level(facts, at) && free(Role::Thread) => Role::Thread,
            Kind::Word => word_role(facts, at, time, level, tag),
            Kind::Time(_) | Kind::Level | Kind::Letter | Kind::Sign | Kind::Priority => Role::None,
            Kind::Number | Kind::Group(_) | Kind::Data => Role::None,
        };
        if role == Role::None || free(role) {
            roles[at] = role;
        }
    }
    roles
}

fn beside_level(facts: &[Facts], at: usize) -> bool {
    let level = |at: usize| facts.get(at).is_some_and(|facts| facts.kind == Kind::Level);
    at > 0 && (level(at - 1) || level(at + 1))
}

/// Whether a word with the form of a logger's name follows.
fn better(facts: &[Facts]) -> bool {
    facts.iter().any(|facts| facts.kind == Kind::Word && facts.dotted)
}

fn best_time(facts: &[Facts]) -> Option<usize> {
    let at = |holds: fn(Form) -> bool| {
        facts.iter().position(|facts| matches!(facts.kind, Kind::Time(form) if holds(form)))
    };
    at(Form::is_full).or_else(|| at(|form| form != Form::Date && form.has_date())).or_else(|| at(|_| true))
}

fn level_at(facts: &[Facts]) -> Option<usize> {
    let at = |kinds: &[Kind]| facts.iter().position(|facts| kinds.contains(&facts.kind));
    at(&[Kind::Level, Kind::Letter, Kind::Sign]).or_else(|| at(&[Kind::Priority]))
}

/// The fixed columns of RFC 5424.
fn modern_syslog(at: usize) -> Role {
    match at {
        3 => Role::Host,
        4 => Role::Logger,
        5 => Role::Process,
        _ => Role::None,
    }
}

fn word_role(
    facts: &[Facts],
    at: usize,
    time: Option<usize>,
    level: Option<usize>,
    tag: Option<usize>,
) -> Role {
    let this = &facts[at];
    let behind_time = time.is_some_and(|time| time < at);
    if tag == Some(at + 1)
        && behind_time
        && facts.get(at + 1).is_some_and(|tag| tag.process || tag.name)
        && level.is_none_or(|level| level > at || facts[level].kind == Kind::Priority)
    {
        return Role::Host;
    }
    if this.glue.bytes() == b"/" || this.tail.bytes() == b"/" {
        return Role::Thread;
    }
    if this.tail.bytes() == b"." {
        return Role::Logger;
    }
    let before_level = level.is_some_and(|level| level > at);
    if !behind_time && (before_level || level.is_none()) {
        return Role::None;
    }
    let behind_a_time = at > 0 && matches!(facts[at - 1].kind, Kind::Time(_));
    if behind_a_time && before_level && level != Some(at + 1) && !this.plain && this.tail.bytes().is_empty() {
        return Role::Host;
    }
    let set_apart = this.glue.ends_with(b"-|:") || this.tail.ends_with(b"-|") || this.inside;
    if this.thread && set_apart {
        return Role::Thread;
    }
    let column = level == Some(at + 1) || level.is_some_and(|level| level < at);
    if tag.is_none()
        && this.name
        && !this.account
        && (this.logger || set_apart || column)
        && (!before_level || set_apart || column)
    {
        return Role::Logger;
    }
    Role::None
}
