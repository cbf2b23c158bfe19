//! Reads the headers of a source's lines one after another, and says of each what its layout says.

use jiff::Timestamp;

use super::alone::{self, Alone};
use super::clock::Clock;
use super::columns;
use super::layout::{self, Head, Layout};
use super::plan::{Plan, Scans};
use super::recall::Known;
use crate::record::Level;

/// What the header of an event says of it, and where the message begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) time: Timestamp,
    pub(crate) level: Option<Level>,
    pub(crate) message_at: usize,
}

/// What the headers of lines that differ in nothing but digits have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    /// Which of the layout's forms they have.
    form: usize,
    known: Known,
}

/// A layout with what the lines before said, which makes the next one quick to read.
#[derive(Debug, Clone)]
pub struct Reader {
    layout: Layout,
    plans: Vec<Plan>,
    clock: Clock,
    alone: Alone,
}

impl Reader {
    /// `reference` dates times without a year.
    pub fn new(layout: Layout, reference: Timestamp) -> Self {
        let plans = layout.forms().map(Plan::new).collect();
        Self { layout, plans, clock: Clock::new(reference), alone: Alone::default() }
    }

    /// What is read with.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether a line certainly has no header, because nothing was learned and it begins as prose does.
    pub(crate) fn is_prose(&self, line: &[u8]) -> bool {
        self.layout.is_empty() && !self.layout.indented && alone::begins_with_prose(line)
    }

    /// What stands before the line's message, as [`Layout::read`] says it; `None` when the line has no header.
    pub fn read<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        self.read_learned(line).or_else(|| self.read_strictly(line))
    }

    /// As [`Reader::read`], for a line of a form that was learned, and for the first of two lines.
    pub(crate) fn read_learned<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        self.clock.forget();
        let bare = self.bare(line);
        let first_of_two = (self.layout.two_lines || self.layout.is_empty())
            .then(|| layout::two_lines(bare, &mut self.clock))
            .flatten();
        let head = first_of_two.or_else(|| self.learned(bare))?;
        Some(Head { message_at: head.message_at + line.len() - bare.len(), ..head })
    }

    /// As [`Reader::read`], for any other line: by what it is itself, without what is only perhaps a level.
    pub(crate) fn read_strictly<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        self.clock.forget();
        let bare = self.bare(line);
        let head = self.alone.read(bare, !self.layout.is_empty(), &mut self.clock)?;
        let head = layout::with_spoken_level(bare, head);
        Some(Head { message_at: head.message_at + line.len() - bare.len(), ..head })
    }

    /// What a line says where nothing was learned.
    pub(crate) fn read_alone<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        self.clock.forget();
        layout::two_lines(line, &mut self.clock).or_else(|| {
            let head = self.alone.read(line, false, &mut self.clock)?;
            Some(layout::with_spoken_level(line, head))
        })
    }

    /// Time, level and the place of the message of a line of a form that was learned, as [`Reader::read`] says them;
    /// `None` where it might say something else. The line is ASCII.
    pub(crate) fn place(&mut self, line: &[u8]) -> Option<Placed> {
        let Layout { two_lines, indented, .. } = self.layout;
        if two_lines || indented || self.layout.is_empty() {
            return None;
        }
        self.clock.forget();
        let mut scans = Scans::default();
        let placed = self.plans.iter_mut().find_map(|plan| plan.place(line, &mut scans))?;
        let time = self.clock.time(placed.time?)?;
        let message = line.get(placed.message_at..)?;
        let level = match placed.level {
            None if columns::may_begin(message)
                && columns::columns(str::from_utf8(message).ok()?).is_some() =>
            {
                return None;
            }
            None => layout::spoken_level(message),
            said @ Some(_) => said,
        };
        Some(Placed { time, level, message_at: placed.message_at })
    }

    /// What the header of a line that was placed has in common with those of all lines that differ from it in nothing but
    /// digits; `None` where that is not known beyond doubt.
    pub(crate) fn outline(&mut self, line: &[u8]) -> Option<Outline> {
        let mut scans = Scans::default();
        let form = self.plans.iter_mut().position(|plan| plan.place(line, &mut scans).is_some())?;
        let known = self.plans.get_mut(form)?.lasting(line, &mut scans)?;
        Some(Outline { form, known })
    }

    /// The time of a line that differs from one with this outline in nothing but digits, which is placed as that one is;
    /// `None` where it might say something else.
    #[inline]
    pub(crate) fn again(&mut self, line: &[u8], outline: &Outline) -> Option<Timestamp> {
        self.clock.forget();
        let mut scans = Scans::default();
        let (before, plans) = self.plans.split_at_mut_checked(outline.form)?;
        if before.iter_mut().any(|plan| plan.place(line, &mut scans).is_some()) {
            return None;
        }
        let placed = plans.first_mut()?.again(line, &outline.known, &mut scans)?;
        self.clock.time(placed.time?)
    }

    fn bare<'a>(&self, line: &'a str) -> &'a str {
        if self.layout.indented { line.trim_ascii_start() } else { line }
    }

    /// A line of a form that was learned.
    fn learned<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        let mut scans = Scans::default();
        let (head, stamp) = self.plans.iter_mut().find_map(|plan| plan.read(line, &mut scans))?;
        let time = stamp.and_then(|stamp| self.clock.time(stamp));
        Some(layout::with_spoken_level(line, Head { time, ..head }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of the headers that programs write, form by form.
    fn forms() -> Vec<Vec<String>> {
        let samples =
            include_str!("../../tests/data/headers.txt").split("\n\n").filter(|text| !text.trim().is_empty());
        let lines = |sample: &str| {
            let lines = sample.trim_matches('\n').lines().skip(1);
            lines
                .map(|line| line.replace("\\t", "\t").replace('¦', ""))
                .filter(|line| line.is_ascii())
                .collect()
        };
        samples.map(lines).collect()
    }

    /// What is done to a line: its digits become others, or bytes are put in the place of others.
    fn change() -> impl Strategy<Value = (bool, prop::sample::Index, String)> {
        (
            prop::bool::weighted(0.7),
            any::<prop::sample::Index>(),
            "[0-9]{1,3}|[ -~]{0,2}|: |\\] |\\[| - |[0-9]{2}:[0-9]{2}:[0-9]{2}",
        )
    }

    fn changed(line: &str, (digits, at, text): &(bool, prop::sample::Index, String)) -> String {
        let at = at.index(line.len() + 1);
        if !digits {
            let behind = (at + text.len()).min(line.len());
            return format!("{}{text}{}", &line[..at], &line[behind..]);
        }
        let mut others = text.bytes().filter(u8::is_ascii_digit).cycle();
        let digit = |(place, c): (usize, char)| match others.next() {
            Some(other) if place >= at && c.is_ascii_digit() => char::from(other),
            Some(_) | None => c,
        };
        line.chars().enumerate().map(digit).collect()
    }

    #[test]
    fn most_headers_are_placed_and_known_again() {
        let (mut placed, mut all) = (0, 0);
        for lines in forms() {
            let layout =
                Layout::learn(lines.iter().cycle().take(100).map(String::as_str), Timestamp::UNIX_EPOCH);
            let mut reader = Reader::new(layout, Timestamp::UNIX_EPOCH);
            all += lines.len();
            placed += lines.iter().filter(|line| reader.place(line.as_bytes()).is_some()).count();
        }
        assert!(all > 200 && placed * 10 > all * 6, "{placed} of {all}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn what_is_placed_is_what_is_read(
            one in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
            lines in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), prop::collection::vec(change(), 0..3)), 1..60),
        ) {
            let forms = forms();
            let (one, other) = (one.get(&forms), other.get(&forms));
            let learned = one.iter().chain(other).cycle().take(160).map(String::as_str);
            let reference = "2026-11-23T09:00:00Z".parse().unwrap();
            let layout = Layout::learn(learned, reference);
            let (mut short, mut long) = (Reader::new(layout.clone(), reference), Reader::new(layout, reference));
            for (first, line, changes) in &lines {
                let form = if *first { one } else { other };
                if form.is_empty() { continue; }
                let line = changes.iter().fold(line.get(form).clone(), |line, change| changed(&line, change));
                let Some(placed) = short.place(line.as_bytes()) else { continue };
                let head = long.read_learned(&line).map(|head| (head.time, head.level, head.message_at, head.continues));
                prop_assert_eq!(head, Some((Some(placed.time), placed.level, placed.message_at, false)), "{}", line);
            }
        }
    }
}
