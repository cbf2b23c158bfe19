//! The commits that may have introduced an error, each with what speaks for it.
//!
//! A commit speaks for itself by the lines of the stack that it last changed, by being new, by being small, and by
//! having come with the release in which the error appeared. A commit that made the whole file is unlikely, since then the
//! line is as old as its file; so is one that is younger than the error.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::contract::Suspect;
use groundcrew_workbench::git::{Author, BlamedLine, Sha, Touch};

/// Suspects that are named.
const MOST: usize = 3;

/// Commits of the files on the stack that are looked at.
pub(super) const HISTORY: usize = 30;

/// Characters of a subject that are kept.
const SUBJECT: usize = 120;

/// One frame of the stack with who changed its lines.
pub(super) struct Blamed<'a> {
    /// File of the frame.
    pub(super) file: &'a str,
    /// Function of the frame.
    pub(super) function: &'a str,
    /// Line of the crash or call.
    pub(super) line: u32,
    /// The lines of the function with their commits.
    pub(super) lines: &'a [BlamedLine],
}

/// What is known about the release in which the error appeared.
#[derive(Debug, Clone, Default)]
pub(super) struct Range {
    /// Its name.
    pub(super) name: String,
    /// Commits that came with it.
    pub(super) commits: BTreeSet<Sha>,
}

/// What speaks for a commit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Evidence {
    crash_line: bool,
    /// 0 to 1: the part of the function's lines that are its.
    share: f64,
    /// Place in the history of the files, 0 the newest.
    age: usize,
    /// Place of the frame in the stack, 0 the innermost.
    depth: usize,
    /// Lines added and removed.
    size: u64,
    /// Made the file.
    born: bool,
    /// Came with the release in which the error appeared; none if that is not known.
    in_range: Option<bool>,
    /// Was made after the error was first seen.
    too_young: bool,
}

/// The likeliest commits, at most three. `history` has the newest first; `first_seen` is in seconds since 1970 UTC.
pub(super) fn rank(
    stack: &[Blamed<'_>],
    history: &[Touch],
    range: Option<&Range>,
    first_seen: Option<i64>,
) -> Vec<Suspect> {
    let mut best: BTreeMap<&Sha, (f64, String, Vec<String>, &Author)> = BTreeMap::new();
    let newest_first: Vec<&Sha> = history.iter().map(|touch| &touch.by.sha).collect();
    for (depth, frame) in stack.iter().enumerate() {
        let blamed = frame.lines.iter().map(|line| &line.by);
        let touched =
            history.iter().filter(|touch| sizes(touch, frame.file).is_some()).map(|touch| &touch.by);
        for by in blamed.chain(touched) {
            let own: Vec<u32> =
                frame.lines.iter().filter(|line| line.by.sha == by.sha).map(|line| line.line).collect();
            let touch = history.iter().find(|touch| touch.by.sha == by.sha);
            let size = touch.and_then(|touch| sizes(touch, frame.file));
            let evidence = Evidence {
                crash_line: own.contains(&frame.line),
                share: ratio(own.len(), frame.lines.len()),
                age: newest_first.iter().position(|sha| **sha == by.sha).unwrap_or(HISTORY),
                depth,
                size: size.map_or(0, |(added, removed)| added.saturating_add(removed)),
                born: is_first(history, frame.file, &by.sha, size),
                in_range: range.map(|range| range.commits.contains(&by.sha)),
                too_young: first_seen.is_some_and(|seen| by.time > seen.saturating_add(3_600)),
            };
            let score = score(&evidence);
            let text = tell(&evidence, frame, own.len(), range);
            let known = best.entry(&by.sha).or_insert((f64::MIN, String::new(), Vec::new(), by));
            if score > known.0 {
                *known = (score, text, facts(&evidence, by, range, first_seen), by);
            }
        }
    }
    let mut ranked: Vec<(f64, String, Vec<String>, &Author)> = best.into_values().collect();
    ranked.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| b.3.time.cmp(&a.3.time)).then_with(|| a.3.sha.cmp(&b.3.sha))
    });
    ranked
        .into_iter()
        .take(MOST)
        .map(|(score, evidence, facts, by)| Suspect {
            facts,
            sha: by.sha.as_str().to_owned(),
            subject: by.subject.chars().filter(|c| !c.is_control()).take(SUBJECT).collect(),
            score,
            evidence,
        })
        .collect()
}

/// What else is known of a commit, for and against it.
fn facts(evidence: &Evidence, by: &Author, range: Option<&Range>, first_seen: Option<i64>) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(range) = range.filter(|range| !range.name.is_empty() && range.commits.len() < HISTORY) {
        facts.push(match evidence.in_range {
            Some(true) => format!("came with {}, in which the error began", range.name),
            Some(false) | None => format!("did not come with {}, in which the error began", range.name),
        });
    }
    if let Some(first_seen) = first_seen {
        let before = first_seen.saturating_sub(by.time);
        facts.push(match (evidence.too_young, before / 86_400) {
            (true, _) => "was made after the error was first seen".to_owned(),
            (false, 0) => "was made within a day before the error was first seen".to_owned(),
            (false, 1) => "was made 1 day before the error was first seen".to_owned(),
            (false, days) => format!("was made {days} days before the error was first seen"),
        });
    }
    if evidence.born {
        facts.push("made the file".to_owned());
    } else if evidence.size > 0 {
        facts.push(format!("changed {} lines of the file", evidence.size));
    }
    facts
}

/// Lines that a commit added to and removed from a file.
fn sizes(touch: &Touch, file: &str) -> Option<(u64, u64)> {
    touch
        .files
        .iter()
        .find(|(path, _, _)| path.as_str() == file)
        .map(|(_, added, removed)| (*added, *removed))
}

/// Whether a commit made the file: the oldest that touched it, and it took nothing away. Only a whole history tells.
fn is_first(history: &[Touch], file: &str, sha: &Sha, size: Option<(u64, u64)>) -> bool {
    let oldest = history.iter().rev().find(|touch| sizes(touch, file).is_some());
    history.len() < HISTORY
        && oldest.is_some_and(|touch| touch.by.sha == *sha)
        && size.is_some_and(|(_, removed)| removed == 0)
}

fn ratio(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "both are counts of lines of one function")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio
}

/// 0 to 1, rising with everything that speaks for a commit.
fn score(evidence: &Evidence) -> f64 {
    let overlap = match (evidence.crash_line, evidence.share > 0.0) {
        (true, _) => 0.5,
        (false, true) => 0.35,
        (false, false) => 0.15,
    };
    #[expect(clippy::cast_precision_loss, reason = "both are small counts")]
    let (age, depth) = (evidence.age.min(HISTORY) as f64, evidence.depth.min(9) as f64);
    #[expect(clippy::cast_precision_loss, reason = "only its order of size counts")]
    let small = 1.0 / (1.0 + evidence.size as f64 / 100.0);
    let history = 30.0;
    let sum = overlap + 0.2 * evidence.share + 0.2 * (1.0 - age / history) + 0.1 * small;
    let factors = [
        (evidence.born, 0.25),
        (evidence.in_range == Some(true), 1.15),
        (evidence.in_range == Some(false), 0.7),
        (evidence.too_young, 0.5),
    ];
    let factor: f64 = factors.iter().filter(|(met, _)| *met).map(|(_, factor)| factor).product();
    (sum * factor * (1.0 - 0.1 * depth)).clamp(0.01, 1.0)
}

fn tell(evidence: &Evidence, frame: &Blamed<'_>, lines: usize, range: Option<&Range>) -> String {
    let overlap = if evidence.crash_line {
        format!("last changed line {} of {}", frame.line, frame.file)
    } else if lines > 0 {
        let plural = if lines == 1 { "line" } else { "lines" };
        format!("last changed {lines} {plural} of {} in {}", frame.function, frame.file)
    } else {
        format!("changed {}", frame.file)
    };
    match range.filter(|range| {
        range.commits.len() < HISTORY && evidence.in_range == Some(true) && !range.name.is_empty()
    }) {
        Some(range) => format!("{overlap}, came with {}", range.name),
        None => overlap,
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_workbench::git::RepoPath;
    use proptest::prelude::*;

    use super::*;

    fn author(letter: char, time: i64) -> Author {
        Author {
            sha: Sha::parse(&letter.to_string().repeat(40)).unwrap(),
            name: "Ann".into(),
            email: "ann@x".into(),
            time,
            subject: format!("Change {letter}"),
        }
    }

    fn touch(letter: char, time: i64, size: (u64, u64)) -> Touch {
        let file = RepoPath::parse("shop.py").unwrap();
        Touch { by: author(letter, time), files: vec![(file, size.0, size.1)] }
    }

    fn lines(letters: &str) -> Vec<BlamedLine> {
        letters
            .chars()
            .zip(1..)
            .map(|(letter, line)| BlamedLine {
                line,
                by: author(letter, if letter == 'c' { 9_000 } else { 0 }),
            })
            .collect()
    }

    fn stack(lines: &[BlamedLine], line: u32) -> Blamed<'_> {
        Blamed { file: "shop.py", function: "visit", line, lines }
    }

    #[test]
    fn the_commit_of_the_crashing_line_comes_before_that_of_its_function_and_of_its_file() {
        let history =
            [touch('c', 3, (1, 1)), touch('b', 2, (1, 1)), touch('a', 1, (1, 1)), touch('0', 0, (9, 0))];
        let lines = lines("0b0a");
        let found = rank(&[stack(&lines, 4)], &history, None, None);
        let told: Vec<(&str, &str)> =
            found.iter().map(|found| (&found.sha[..1], found.evidence.as_str())).collect();
        assert_eq!(
            told,
            [
                ("a", "last changed line 4 of shop.py"),
                ("b", "last changed 1 line of visit in shop.py"),
                ("c", "changed shop.py"),
            ]
        );
    }

    #[test]
    fn the_commit_that_made_the_file_is_unlikely() {
        let history = [touch('a', 1, (9, 0))];
        let lines = lines("aaaa");
        let found = rank(&[stack(&lines, 2)], &history, None, None);
        assert!(found[0].score < 0.3, "{found:?}");
    }

    #[test]
    fn what_came_with_the_release_is_likelier_and_what_is_younger_than_the_error_is_not() {
        let history = [
            touch('c', 9_000, (2, 1)),
            touch('b', 20, (2, 1)),
            touch('a', 10, (2, 1)),
            touch('0', 0, (9, 0)),
        ];
        let lines = lines("0abc");
        let commits = [author('a', 0).sha].into_iter().collect();
        let range = Range { name: "v2".into(), commits };
        let first = |range, seen| rank(&[stack(&lines, 1)], &history, range, seen)[0].sha[..1].to_owned();
        assert_eq!(first(None, None), "c");
        assert_eq!(first(None, Some(100)), "b");
        assert_eq!(first(Some(&range), Some(100)), "a");
        let found = rank(&[stack(&lines, 1)], &history, Some(&range), None);
        assert!(found.iter().any(|found| found.evidence.ends_with("came with v2")), "{found:?}");
    }

    #[test]
    fn each_suspect_says_what_speaks_for_it_and_against_it() {
        let history = [touch('b', 9_000, (2, 1)), touch('a', 86_400 * 3, (4, 1)), touch('0', 0, (9, 0))];
        let lines = lines("0ab");
        let commits = [author('a', 0).sha].into_iter().collect();
        let range = Range { name: "v2".into(), commits };
        let found = rank(&[stack(&lines, 2)], &history, Some(&range), Some(86_400 * 2));
        let of = |letter: &str| {
            found.iter().find(|found| found.sha.starts_with(letter)).map(|found| found.facts.clone()).unwrap()
        };
        assert_eq!(
            of("a"),
            [
                "came with v2, in which the error began",
                "was made 2 days before the error was first seen",
                "changed 5 lines of the file"
            ]
        );
        assert_eq!(
            of("0"),
            [
                "did not come with v2, in which the error began",
                "was made 2 days before the error was first seen",
                "made the file"
            ]
        );
    }

    #[test]
    fn without_history_nobody_is_suspected() {
        assert_eq!(rank(&[stack(&[], 1)], &[], None, None), []);
    }

    fn evidence() -> impl Strategy<Value = Evidence> {
        let flags = (any::<bool>(), any::<bool>(), any::<Option<bool>>(), any::<bool>());
        (flags, 0.0..=1.0f64, 0usize..40, 0usize..70, any::<u64>()).prop_map(
            |((crash_line, born, in_range, too_young), share, age, depth, size)| Evidence {
                crash_line,
                share,
                age,
                depth,
                size,
                born,
                in_range,
                too_young,
            },
        )
    }

    proptest! {
        #[test]
        fn a_score_lies_in_its_range_and_rises_with_what_speaks_for_a_commit(evidence in evidence()) {
            let at = score(&evidence);
            prop_assert!((0.0..=1.0).contains(&at));
            let likelier = [
                Evidence { crash_line: true, ..evidence },
                Evidence { share: 1.0, ..evidence },
                Evidence { age: 0, ..evidence },
                Evidence { depth: 0, ..evidence },
                Evidence { size: 0, ..evidence },
                Evidence { born: false, ..evidence },
                Evidence { in_range: Some(true), ..evidence },
                Evidence { too_young: false, ..evidence },
            ];
            for likelier in likelier {
                prop_assert!(score(&likelier) >= at, "{:?}", likelier);
            }
        }
    }
}
