//! The Test Anything Protocol on standard output, for commands that say so.
//!
//! A test can print such a line too. So a stream adds up only if its plan counts its tests and no number comes twice; and
//! the worse of two outcomes counts.

use std::collections::BTreeSet;

use super::{Call, Kind, LONGEST, Place, Report, Runner, Source, TestOutcome, failure, skipped, words};

pub(super) const RUNNER: Runner = Runner {
    kind: Kind::Tap,
    recognise,
    ask: |_: &mut Call| {},
    select: |_, _| {},
    source: Source::Stdout,
    read,
};

fn recognise(words: &[String], at: usize) -> Option<usize> {
    let asked = words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "--reporter" | "-R" | "--formatter" | "-F" | "--test-reporter")
            && pair[1] == "tap"
    });
    let named = words[at + 1..].iter().any(|word| {
        matches!(
            word.as_str(),
            "--tap" | "--reporter=tap" | "--formatter=tap" | "-Rtap" | "--test-reporter=tap"
        )
    });
    let own = words::name(&words[at]) == "tape";
    (asked || named || own).then_some(at + 1)
}

/// The last test that was told, to which what follows it belongs.
struct Last {
    id: String,
    number: Option<usize>,
    ok: bool,
    directive: Option<(String, bool)>,
    text: String,
}

fn read(text: &str, _: &Place<'_>) -> Report {
    let mut report = Report::default();
    let (mut plan, mut told, mut twice, mut bailed) = (None, 0_usize, false, false);
    let mut numbers = BTreeSet::new();
    let mut last: Option<Last> = None;
    for line in text.lines() {
        if let Some(test) = test(line) {
            last.take().into_iter().for_each(|last| last.end(&mut report));
            told += 1;
            twice |= !numbers.insert(test.number.unwrap_or(told));
            last = Some(test);
        } else if let Some(count) = planned(line) {
            twice |= plan.replace(count).is_some();
        } else if line.starts_with("Bail out!") {
            bailed = true;
        } else if let Some(last) = &mut last
            && (line.starts_with(' ') || line.starts_with('#'))
            && last.text.len() + line.len() < LONGEST
        {
            last.text.push_str(line.trim_start_matches('#').trim_end());
            last.text.push('\n');
        }
    }
    last.take().into_iter().for_each(|last| last.end(&mut report));
    report.finished = plan == Some(told) && !twice && !bailed;
    report
}

fn planned(line: &str) -> Option<usize> {
    line.strip_prefix("1..")?.split([' ', '#']).next()?.parse().ok()
}

/// A test at the outermost level: those within another are counted by it.
fn test(line: &str) -> Option<Last> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.trim_start().trim_start_matches("- ");
    let (name, directive) =
        match rest.split_once(" # ").or_else(|| rest.strip_prefix("# ").map(|rest| ("", rest))) {
            Some((name, said)) => {
                let word = said.split(' ').next().unwrap_or_default();
                let skip = word.to_ascii_uppercase().starts_with("SKIP");
                let todo = word.eq_ignore_ascii_case("TODO");
                match skip || todo {
                    true => (name, Some((said[word.len()..].trim().to_owned(), todo))),
                    false => (rest, None),
                }
            }
            None => (rest, None),
        };
    let id = if name.trim().is_empty() { format!("test {number}") } else { name.trim().to_owned() };
    Some(Last { id, number: number.parse().ok(), ok, directive, text: String::new() })
}

impl Last {
    fn end(self, report: &mut Report) {
        let outcome = match (self.directive, self.ok) {
            (Some((reason, todo)), _) => skipped(if reason.is_empty() && todo { "to do" } else { &reason }),
            (None, true) => TestOutcome::Passed,
            (None, false) => {
                let field = |name: &str| {
                    let mut lines = self.text.lines().map(str::trim);
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim_matches(['\'', '"', ' ']))
                };
                let message = field("message:").or(field("error:")).filter(|text| !text.starts_with('|'));
                let kind = field("name:").filter(|name| name.ends_with("Error")).unwrap_or("failure");
                TestOutcome::Failed { failure: failure(kind, message.unwrap_or(&self.id), &self.text) }
            }
        };
        report.note(self.id, outcome);
    }
}
