//! Reads the headers of a source's lines one after another, and says of each what its layout says.

use jiff::Timestamp;

use super::alone::{self, Alone};
use super::clock::Clock;
use super::layout::{self, Head, Layout};
use super::plan::Plan;

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
    pub(crate) fn is_prose(&self, line: &str) -> bool {
        self.layout.is_empty() && !self.layout.indented && alone::begins_with_prose(line.as_bytes())
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

    fn bare<'a>(&self, line: &'a str) -> &'a str {
        if self.layout.indented { line.trim_ascii_start() } else { line }
    }

    /// A line of a form that was learned.
    fn learned<'a>(&mut self, line: &'a str) -> Option<Head<'a>> {
        let (head, stamp) = self.plans.iter_mut().find_map(|plan| plan.read(line))?;
        let time = stamp.and_then(|stamp| self.clock.time(stamp));
        Some(layout::with_spoken_level(line, Head { time, ..head }))
    }
}
