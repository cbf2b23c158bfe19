//! A line read by itself: by the rules for many lines, with the evidence of one.

use super::cell::{CELLS, Cell, Kind, REACH, blank, skip_blanks};
use super::clock::Clock;
use super::facts::{Facts, Judge, Sight};
use super::layout::{Head, note, time_of, whole_character};
use super::learn;
use super::level;
use super::program::Role;
use super::time;
use super::word::LONGEST_WORD;

/// Room for the cells of a line, used again for the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Alone {
    facts: Vec<Facts>,
    cells: Vec<Cell>,
}

impl Alone {
    /// What stands before the message of a line; `strict` where what may be an ordinary word is no level.
    pub(super) fn read<'a>(&mut self, line: &'a str, strict: bool, clock: &mut Clock) -> Option<Head<'a>> {
        let bytes = line.as_bytes();
        if bytes.first().is_none_or(|b| blank(*b)) || begins_with_prose(bytes) {
            return None;
        }
        self.facts.clear();
        self.cells.clear();
        let mut judge = Judge::default();
        let mut last = None;
        for sight in learn::sights(bytes).take_while(|sight| !(strict && sight.cell.soft)).take(CELLS) {
            self.facts.push(sight.facts());
            self.cells.push(sight.cell);
            if judge.look(&self.facts) {
                last = Some(sight);
            } else if judge.is_done(&self.facts, &bytes[sight.cell.after.min(bytes.len())..]) {
                break;
            }
        }
        let kept = judge.cut();
        let last = last.filter(|_| kept > 0)?;
        for (facts, cell) in self.facts.iter_mut().zip(&self.cells).take(kept) {
            facts.name_more(bytes.get(cell.start..cell.end).unwrap_or_default());
        }
        let roles = learn::roles(&self.facts[..kept]);
        let mut head = Head::default();
        let mut time = None;
        for (cell, role) in self.cells.iter().zip(roles).take(kept) {
            note(&mut head, line, cell, role);
            if role == Role::Time {
                time = time_of(bytes, cell);
            }
        }
        head.time = time.and_then(|stamp| clock.time(stamp));
        head.message_at = whole_character(line, message_at(bytes, &last));
        Some(head)
    }
}

/// Whether a line begins with an ordinary word and another behind a blank, before which no header ends: none of its cells
/// is kept, unless a sign links a number further on.
pub(super) fn begins_with_prose(line: &[u8]) -> bool {
    let reach = &line[..line.len().min(REACH)];
    let length = reach.iter().take(LONGEST_WORD).take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &reach[..length];
    let parted = length > 1 && reach.get(length) == Some(&b' ');
    let next = reach.get(length + 1).is_some_and(u8::is_ascii_alphanumeric);
    parted
        && next
        && !word.iter().all(u8::is_ascii_uppercase)
        && level::word(word).is_none()
        && !time::begins_with_name(word)
        && memchr::memchr(b'#', &line[length..]).is_none()
}

/// Behind the signs and one blank, or two where a level of four letters is padded to five.
fn message_at(line: &[u8], last: &Sight<'_>) -> usize {
    let end = tail_end(line, last);
    let padded =
        last.cell.kind == Kind::Level && last.tail.bytes().is_empty() && last.cell.end - last.cell.start == 4;
    let wanted = if padded { 2 } else { 1 };
    end + line.get(end..).unwrap_or_default().iter().take(wanted).take_while(|b| blank(**b)).count()
}

/// Where the brackets close and one separator ends; what comes then may be the message's own (`--- End of stack trace`).
fn tail_end(line: &[u8], last: &Sight<'_>) -> usize {
    let mut at = last.cell.after;
    let mut separator = None;
    for sign in last.tail.bytes().iter().filter(|_| last.cell.kind != Kind::Tag) {
        let next = skip_blanks(line, at);
        let closes = b"])>}".contains(sign) && separator.is_none();
        let goes_on = separator == Some(*sign) && next == at || (separator == Some(b'-') && *sign == b':');
        if !closes && !goes_on && separator.is_some() {
            break;
        }
        if !closes {
            separator = Some(*sign);
        }
        at = next + 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_line_that_begins_with_prose_has_no_header(
            first in "[A-Za-z]{1,6}|May|Sun|Error|panic|INFO|Failed|E", sign in "[ :,.#|-]{1,2}",
            rest in "([a-zA-Z0-9 :.,#=\\[\\]()<>|/-]|INFO|10:00:00|2026-11-05 10:00:00|\\[error\\]|shop\\[7\\]: ){0,12}",
        ) {
            let line = format!("{first}{sign}{rest}");
            let cells: Vec<Sight<'_>> = learn::sights(line.as_bytes()).take(CELLS).collect();
            let facts: Vec<Facts> = cells.iter().map(Sight::facts).collect();
            let mut judge = Judge::default();
            for at in 0..facts.len() {
                if !judge.look(&facts[..=at]) && judge.is_done(&facts[..=at], &line.as_bytes()[cells[at].cell.after..]) {
                    break;
                }
            }
            prop_assert!(!begins_with_prose(line.as_bytes()) || judge.cut() == 0, "{line}");
        }
    }
}
