//! What a measurement comes to: one row for each case, and the figures over all.

use groundcrew_core::contract::Effort;
use groundcrew_core::evidence::{ChangeKind, Grade};
use serde::Serialize;

use super::case::Language;
use crate::escape;
use crate::table::Table;

/// Longest text of a cell, in characters.
const CELL: usize = 60;

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// Its name.
    pub(super) name: String,
    /// What it is written in.
    pub(super) language: Language,
    /// What kind of mistake it is.
    pub(super) kind: String,
    /// `fixed`, `draft` or `not_fixed`; `failed` where it could not be tried.
    pub(super) outcome: &'static str,
    /// What the checks made of the fix.
    pub(super) grade: Option<Grade>,
    /// Whether the hidden check passes with the fix; none without a fix or a check.
    pub(super) correct: Option<bool>,
    /// Which strategy made the fix.
    pub(super) strategy: Option<String>,
    /// What the fix does about the defect.
    pub(super) change: Option<ChangeKind>,
    /// What the fix does, or why there is none.
    pub(super) explanation: String,
    /// How much the search did.
    pub(super) effort: Effort,
    /// Wall clock of all of it, in seconds.
    pub(super) seconds: f64,
    /// The change.
    #[serde(skip)]
    pub(super) diff: Option<String>,
    /// How many runs came to something else than the first, where it was repaired more than once.
    pub(super) differing: Option<Share>,
}

impl Row {
    /// Whether another run of the same case came to the same.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let told = |row: &Self| {
            let Self { outcome, grade, strategy, diff, effort, .. } = row.clone();
            (outcome, grade, strategy, diff, effort.validations)
        };
        told(self) == told(other)
    }

    fn is_patched(&self) -> bool {
        matches!(self.outcome, "fixed" | "draft")
    }

    fn is_sure(&self) -> bool {
        matches!(self.grade, Some(Grade::A | Grade::B))
    }

    fn is_correct(&self) -> bool {
        self.correct == Some(true)
    }
}

/// A part of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Share {
    /// How many.
    pub(super) count: usize,
    /// Of how many.
    pub(super) of: usize,
}

impl Share {
    fn told(self) -> String {
        let Self { count, of } = self;
        // Shares are shown to a person; a whole number of per cent is what the figures are told in.
        let percent = (count * 200 + of).checked_div(2 * of);
        percent.map_or_else(|| "0 of 0".to_owned(), |percent| format!("{count} of {of} ({percent} %)"))
    }
}

/// Median and 90th percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    /// Half are not above it.
    pub(super) median: f64,
    /// Nine in ten are not above it.
    pub(super) p90: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at =
            |percent: usize| values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { median: at(50)?, p90: at(90)? })
    }

    fn told(self) -> String {
        format!("{:.1} / {:.1}", self.median, self.p90)
    }
}

/// The figures over all cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    /// Cases with a fix, right or wrong.
    pub(super) plausible: Share,
    /// Cases whose first fix passes the hidden check.
    pub(super) correct: Share,
    /// Fixes graded A or B.
    pub(super) graded_ab: Share,
    /// Of the fixes graded A or B with a hidden check, those that fail it.
    pub(super) overclaimed: Share,
    /// Of the right fixes, those graded C or D.
    pub(super) hidden_behind_c: Share,
    /// Seconds from the start of the search to its end.
    pub(super) search_seconds: Option<Spread>,
    /// Seconds from the call to the grade.
    pub(super) seconds: Option<Spread>,
    /// Candidates that were run for each second of running them.
    pub(super) validations_per_second: f64,
    /// Of the cases that were repaired more than once, those whose runs all came to the same; none where each ran once.
    pub(super) equal: Option<Share>,
    /// Cases whose search the clock ended in some run.
    pub(super) cut_by_clock: usize,
}

impl Figures {
    /// The figures of these cases.
    pub(super) fn of(rows: &[Row]) -> Self {
        let count = |what: &dyn Fn(&&Row) -> bool| rows.iter().filter(what).count();
        let share = |of: &dyn Fn(&&Row) -> bool, what: &dyn Fn(&&Row) -> bool| Share {
            count: count(&|row| of(row) && what(row)),
            of: count(of),
        };
        let patched = |row: &&Row| row.is_patched();
        let checked = |row: &&Row| row.is_patched() && row.is_sure() && row.correct.is_some();
        let ran: Vec<&Row> = rows.iter().filter(|row| row.effort.validation_ms > 0).collect();
        let validations: f64 = ran.iter().map(|row| f64::from(row.effort.validations)).sum();
        let spent: f64 = ran.iter().map(|row| millis(row.effort.validation_ms)).sum();
        Self {
            plausible: share(&|_| true, &patched),
            correct: share(&|_| true, &|row| row.is_correct()),
            graded_ab: share(&patched, &|row| row.is_sure()),
            overclaimed: share(&checked, &|row| !row.is_correct()),
            hidden_behind_c: share(&|row| row.is_correct(), &|row| !row.is_sure()),
            search_seconds: Spread::of(rows.iter().map(|row| millis(row.effort.search_ms)).collect()),
            seconds: Spread::of(rows.iter().map(|row| row.seconds).collect()),
            validations_per_second: if spent > 0.0 { validations / spent } else { 0.0 },
            equal: Some(share(&|row| row.differing.is_some(), &|row| {
                row.differing.is_some_and(|differing| differing.count == 0)
            }))
            .filter(|equal| equal.of > 0),
            cut_by_clock: count(&|row| row.effort.cut_by_clock),
        }
    }

    /// The figures of each language, where the cases are of several.
    pub(super) fn by_language(rows: &[Row]) -> Vec<String> {
        let mut languages: Vec<Language> = rows.iter().map(|row| row.language).collect();
        languages.sort_unstable();
        languages.dedup();
        if languages.len() < 2 {
            return Vec::new();
        }
        let mut table =
            Table::new(["language", "cases", "plausible", "correct", "wrong at A or B", "behind C or D"]);
        for language in languages {
            let of: Vec<Row> = rows.iter().filter(|row| row.language == language).cloned().collect();
            let figures = Self::of(&of);
            table.row([
                language.as_str().to_owned(),
                of.len().to_string(),
                figures.plausible.told(),
                figures.correct.told(),
                figures.overclaimed.told(),
                figures.hidden_behind_c.told(),
            ]);
        }
        table.lines()
    }

    /// The figures for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut table = Table::bare();
        let mut fact = |name: &str, value: String| table.row([name.to_owned(), value]);
        let spread = |spread: Option<Spread>| spread.map_or_else(|| "none".to_owned(), Spread::told);
        fact("plausible", self.plausible.told());
        fact("correct with the first fix", self.correct.told());
        fact("fixes graded A or B", self.graded_ab.told());
        fact("wrong among those graded A or B", self.overclaimed.told());
        fact("right fixes hidden behind C or D", self.hidden_behind_c.told());
        fact("seconds of search, median / 90 %", spread(self.search_seconds));
        fact("seconds with verification, median / 90 %", spread(self.seconds));
        fact("candidates run per second", format!("{:.0}", self.validations_per_second));
        if let Some(equal) = self.equal {
            fact("cases whose runs all came to the same", equal.told());
        }
        if self.cut_by_clock > 0 {
            fact("searches that the clock ended", self.cut_by_clock.to_string());
        }
        table.lines()
    }
}

/// Seconds; what a search takes is far below where a double becomes inexact.
fn millis(value: u64) -> f64 {
    u32::try_from(value).map_or(f64::from(u32::MAX), f64::from) / 1000.0
}

/// The cases for people, one line each.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let mut table = Table::new([
        "case", "language", "kind", "outcome", "grade", "correct", "search", "all", "tried", "strategy",
        "what",
    ]);
    for row in rows {
        let correct = row.correct.map_or("-", |correct| if correct { "yes" } else { "no" });
        table.row([
            escape::line(&row.name),
            row.language.as_str().to_owned(),
            escape::brief(&row.kind, CELL),
            row.outcome.replace('_', " "),
            row.grade.map_or("-", Grade::as_str).to_owned(),
            correct.to_owned(),
            format!("{:.1} s", millis(row.effort.search_ms)),
            format!("{:.1} s", row.seconds),
            row.effort.validations.to_string(),
            row.strategy.as_deref().map_or_else(|| "-".to_owned(), escape::line),
            escape::brief(&row.explanation, CELL),
        ]);
    }
    table.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: &'static str, grade: Option<Grade>, correct: Option<bool>, search_ms: u64) -> Row {
        Row {
            name: "case".to_owned(),
            language: Language::Python,
            kind: "boundary".to_owned(),
            outcome,
            grade,
            correct,
            strategy: None,
            change: None,
            explanation: String::new(),
            effort: Effort { validations: 100, validation_ms: 500, search_ms, cut_by_clock: false },
            seconds: 1.0,
            diff: None,
            differing: None,
        }
    }

    #[test]
    fn runs_are_equal_where_their_change_their_grade_and_what_they_tried_are() {
        let one = row("fixed", Some(Grade::B), Some(true), 100);
        assert!(one.is_as(&row("fixed", Some(Grade::B), Some(true), 900)), "times say nothing");
        assert!(!one.is_as(&row("draft", Some(Grade::C), Some(true), 100)));
        assert!(!one.is_as(&Row { diff: Some("+x".to_owned()), ..one.clone() }));
        let effort = Effort { validations: 101, ..one.effort };
        assert!(!one.is_as(&Row { effort, ..one.clone() }));
        let differing = Some(Share { count: 1, of: 10 });
        let figures = Figures::of(&[
            Row { differing, ..one.clone() },
            Row { effort: Effort { cut_by_clock: true, ..one.effort }, ..one },
        ]);
        assert_eq!((figures.equal, figures.cut_by_clock), (Some(Share { count: 0, of: 1 }), 1));
    }

    #[test]
    fn a_sure_grade_on_a_wrong_fix_and_a_draft_of_a_right_one_both_show() {
        let rows = [
            row("fixed", Some(Grade::A), Some(true), 100),
            row("fixed", Some(Grade::B), Some(false), 200),
            row("draft", Some(Grade::C), Some(true), 300),
            row("not_fixed", None, None, 4000),
        ];
        let share = |count, of| Share { count, of };
        assert_eq!(
            Figures::of(&rows),
            Figures {
                plausible: share(3, 4),
                correct: share(2, 4),
                graded_ab: share(2, 3),
                overclaimed: share(1, 2),
                hidden_behind_c: share(1, 2),
                search_seconds: Some(Spread { median: 0.2, p90: 4.0 }),
                seconds: Some(Spread { median: 1.0, p90: 1.0 }),
                validations_per_second: 200.0,
                equal: None,
                cut_by_clock: 0,
            }
        );
    }

    #[test]
    fn figures_of_nothing_are_no_division_by_it() {
        let told = Figures::of(&[]).lines().join("\n");
        assert!(told.contains("0 of 0") && told.contains("none"), "{told}");
        assert_eq!(Share { count: 2, of: 3 }.told(), "2 of 3 (67 %)");
    }
}
