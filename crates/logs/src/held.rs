//! Which lines of the window may hold a secret, asked for many lines at once.
//!
//! Errors come in floods, and then each line is kept with some of them. What a secret needs is looked for in all lines of
//! a block in one go, the longer the blocks the more of their lines were asked for.

use std::ops::Range;

use crate::lines::Window;
use crate::redact::Redactor;

/// Bytes that are looked at for the first line behind a gap, and at most.
const FIRST: usize = 2 << 10;
const MOST: usize = 32 << 10;

/// The lines of one block that may hold something.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The part of the file that was looked at.
    block: Range<u64>,
    /// In order.
    lines: Vec<Range<u64>>,
}

impl Held {
    /// Whether something may be found in a line, which lies in the window and is given without its line end and returns
    /// before that.
    pub(crate) fn may_hold(&mut self, line: Range<u64>, window: Window<'_>, redactor: &Redactor) -> bool {
        // A return at the end hides no secret, but the end of a line from a pattern of the user's.
        if redactor.takes_more() {
            return true;
        }
        if line.start < self.block.start || line.end > self.block.end {
            let length = usize::try_from(line.end - line.start).unwrap_or(usize::MAX);
            let reach = if line.start <= self.block.end + 2 && line.start >= self.block.end {
                let last = usize::try_from(self.block.end - self.block.start).unwrap_or(MOST);
                last.saturating_mul(2).clamp(FIRST, MOST)
            } else {
                FIRST
            };
            let Some(block) = window.from(line.start).filter(|rest| rest.len() >= length) else {
                return true;
            };
            let block = &block[..block.len().min(reach.max(length + 1))];
            // Half a line may hold what the whole one does not.
            let end = memchr::memrchr(b'\n', block).map_or(0, |last| last + 1).max(length);
            let lines = redactor.held_lines(&block[..end]);
            let offset = |at: usize| line.start + at as u64;
            self.lines = lines.into_iter().map(|held| offset(held.start)..offset(held.end)).collect();
            self.block = line.start..offset(end);
        }
        let at = self.lines.partition_point(|held| held.end < line.start);
        self.lines.get(at).is_some_and(|held| held.start <= line.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_of_which_nothing_is_said_holds_nothing(
            lines in prop::collection::vec(
                prop_oneof![
                    8 => "[a-z0-9=: /.-]{0,80}".boxed(),
                    1 => Just("password=hunter2".to_owned()).boxed(),
                    1 => Just("curl -u bob:hunter22 -k".to_owned()).boxed(),
                    1 => Just("AKIAIOSFODNN7EXAMPLE".to_owned()).boxed(),
                    1 => Just("-----BEGIN PRIVATE KEY-----".to_owned()).boxed(),
                    1 => "x{2500}".boxed(),
                ],
                1..120,
            ),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            asked in prop::collection::vec(any::<bool>(), 1..30),
        ) {
            let redactor = Redactor::new(b"key");
            let text: String = lines.iter().map(|line| format!("{line}{end}")).collect();
            let (mut held, mut start, mut let_go) = (Held::default(), 7, 0);
            let window = Window::new(7, text.as_bytes());
            for (line, asked) in lines.iter().zip(asked.iter().cycle()) {
                let line_end = start + line.len() as u64;
                if *asked && !held.may_hold(start..line_end, window, &redactor) {
                    prop_assert_eq!(redactor.redacted(line).1, 0, "{}", line);
                    let_go += 1;
                }
                start = line_end + end.len() as u64;
            }
            let plain = lines.iter().zip(asked.iter().cycle()).filter(|(line, asked)| **asked && line.starts_with('x'));
            prop_assert!(let_go >= plain.count());
        }
    }
}
