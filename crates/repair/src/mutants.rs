//! Would the tests notice if the changed lines were other than they are?
//!
//! Classic mutation operators (DeMillo, Lipton and Sayward 1978) on the lines of the program that a change adds. Each
//! mutant is tested in a process of its own on a work tree that is as it was committed but for the mutant, so that what one run
//! leaves behind, another never sees: all in one sandbox where the tests are quick, else each in a fresh work tree. The
//! reproduction takes part where it is no test of the suite itself.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use groundcrew_core::contract::Reproduction;
use groundcrew_workbench::git::{Change, GitError, RepoPath, Repository, Sha};
use groundcrew_workbench::runner::{Round, Suite, TestCommand, run_rounds, run_suite};
use groundcrew_workbench::sandbox::Limits;
use tree_sitter::Node;

use crate::bench::{Bench, RepairError};
use crate::edit::{Edit, apply};
use crate::language;
use crate::locate::is_test;
use crate::reproduce::{ReproOutcome, run_on};
use crate::syntax::{Source, first_line, last_line};

/// Mutants that are tested at most.
const MOST: usize = 12;

/// Runs of the tests that have to fit into the time of all, so that the mutants are tested in one sandbox.
const MOST_TOGETHER: u32 = 12;

/// Time that all of them may take.
const TIME: Duration = Duration::from_secs(60);

/// Largest file that is mutated, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What became of the mutants of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mutants {
    /// Mutants tested.
    pub made: u32,
    /// Mutants that made a test or the reproduction fail.
    pub killed: u32,
    /// Those that did not, in words.
    pub survivors: Vec<String>,
    /// Survivors without an explanation.
    pub unexplained: u32,
    /// Why no mutant was tested, if none could be.
    pub reason: Option<String>,
}

/// One changed version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// What is different, for people: `line 7: "<" becomes "<="`.
    pub what: String,
    /// The edit that makes it.
    pub edit: Edit,
}

/// Tests mutants of the lines that the change from `base` to `head` adds to the program.
///
/// `sound` is the suite of `head` where that is known. A change that only restores what stood at `restored` explains its
/// survivors: the tests did not pin those lines then either.
///
/// # Errors
/// Git or the sandbox failed, or the work was cancelled.
pub fn examine(
    bench: &Bench,
    base: &Sha,
    head: &Sha,
    sound: Option<Suite>,
    reproduction: Option<&Reproduction>,
    restored: Option<&Sha>,
) -> Result<Mutants, RepairError> {
    let sound = match sound {
        Some(sound) => Some(sound),
        None => bench.suite(head, &[])?,
    };
    let (Some(command), Some(sound)) = (&bench.tests, sound) else {
        return Ok(Mutants {
            reason: Some("there are no tests to kill a mutant".into()),
            ..Mutants::default()
        });
    };
    if !sound.counts() || (!sound.kind.is_told() && !sound.is_green()) {
        return Ok(Mutants {
            reason: Some("the tests do not run to their end".into()),
            ..Mutants::default()
        });
    }
    let (mut sources, mut unknown) = (Vec::new(), None);
    for (path, lines) in added_lines(&bench.repository, base, head)? {
        if let Some(after) = text(&bench.repository, head, &path)? {
            let before = text(&bench.repository, base, &path)?.unwrap_or_default();
            match language::of_file(path.as_str()).mutants(path.as_str(), &after, &lines) {
                Some(made) => sources.push((made, path, brought(&before, &after), after)),
                None => unknown = unknown.or(Some(path)),
            }
        }
    }
    if let (true, Some(path)) = (sources.is_empty(), unknown) {
        let reason = Some(format!("no mutants are made of files such as {path}"));
        return Ok(Mutants { reason, ..Mutants::default() });
    }
    let all = sources.iter().flat_map(|(mutants, path, brought, text)| {
        mutants.iter().map(move |one| (one, path, touches(&one.edit, brought), text))
    });
    let changed: Vec<Changed<'_>> = spread(all.collect(), MOST)
        .into_iter()
        .filter_map(|(mutant, path, is_new, text)| {
            let content = apply(text, std::slice::from_ref(&mutant.edit))?;
            Some(Changed { mutant, path, is_new, content })
        })
        .collect();
    Trial { bench, command, sound: &sound, head, reproduction }.run(&changed, restored)
}

/// A mutant with the file that it makes.
struct Changed<'a> {
    mutant: &'a Mutant,
    path: &'a RepoPath,
    /// Whether it changes what the fix brought, and not only what stood on the same line before.
    is_new: bool,
    content: String,
}

/// What mutants are tested with.
struct Trial<'a> {
    bench: &'a Bench,
    command: &'a TestCommand,
    sound: &'a Suite,
    head: &'a Sha,
    reproduction: Option<&'a Reproduction>,
}

impl Trial<'_> {
    fn run(&self, changed: &[Changed<'_>], restored: Option<&Sha>) -> Result<Mutants, RepairError> {
        let mut result = Mutants::default();
        let suites = self.together(changed)?;
        let began = Instant::now();
        for (at, one) in changed.iter().enumerate() {
            if suites.is_empty() && began.elapsed() > TIME {
                break;
            }
            result.made += 1;
            let known = suites.get(at).map(|suite| self.notices(suite));
            if self.is_killed(one, known)? {
                result.killed += 1;
            } else {
                result.note_survivor(one, restored);
            }
        }
        Ok(result)
    }

    /// A run of the tests on each mutant, all in one sandbox; none where they cannot be run so.
    fn together(&self, changed: &[Changed<'_>]) -> Result<Vec<Suite>, RepairError> {
        if !self.sound.kind.is_told() || changed.is_empty() || self.sound.wall * MOST_TOGETHER > TIME {
            return Ok(Vec::new());
        }
        let until: Vec<String> = self.sound.passed().into_iter().map(str::to_owned).collect();
        let round = |one: &Changed<'_>| Round {
            files: BTreeMap::from([(one.path.as_str().to_owned(), one.content.clone())]),
            until: Some(until.clone()),
            only: None,
        };
        let rounds: Vec<Round> = changed.iter().map(round).collect();
        let checkout = self.bench.checkout(self.head)?;
        let Bench { sandbox, python, limits, cancel, .. } = self.bench;
        let limits = Limits { wall: limits.wall.min(TIME), ..limits.clone() };
        let suites = run_rounds(sandbox, python, checkout.path(), self.command, &rounds, 0, &limits, cancel)?;
        self.bench.go_on()?;
        // A sandbox that ended before all were tested says nothing about the others.
        Ok(if suites.len() == changed.len() { suites } else { Vec::new() })
    }

    /// Tests that fail without the mutant too say nothing about it.
    fn notices(&self, suite: &Suite) -> bool {
        if self.command.kind.is_told() {
            !self.sound.passed().is_subset(&suite.passed())
        } else {
            !suite.is_green()
        }
    }

    fn is_killed(&self, one: &Changed<'_>, known: Option<bool>) -> Result<bool, RepairError> {
        // A reproduction that is a test of the suite has taken part in it.
        let tested = self.reproduction.and_then(|found| found.test_id.as_ref());
        let tested = tested.is_some_and(|test| self.sound.passed().contains(test.as_str()));
        let reproduction = self.reproduction.filter(|_| !tested);
        if known == Some(true) || (known == Some(false) && reproduction.is_none()) {
            return Ok(known == Some(true));
        }
        let change = Change::write(one.path.clone(), one.content.clone());
        let checkout = self.bench.checkout_with(self.head, &[change])?;
        let at = checkout.path();
        if known.is_none() {
            let Bench { sandbox, python, limits, cancel, .. } = self.bench;
            let suite = run_suite(sandbox, python, at, self.command, None, limits, cancel)?;
            self.bench.go_on()?;
            if self.notices(&suite) {
                return Ok(true);
            }
        }
        Ok(match reproduction {
            Some(reproduction) => run_on(self.bench, at, reproduction)?.outcome != ReproOutcome::Passed,
            None => false,
        })
    }
}

impl Mutants {
    fn note_survivor(&mut self, one: &Changed<'_>, restored: Option<&Sha>) {
        let what = format!("{}, {}", one.path, one.mutant.what);
        match restored {
            Some(commit) => self.survivors.push(format!(
                "{what}: the line only stands again as it stood at {}; the tests did not pin it then either",
                commit.short()
            )),
            None if !one.is_new => self.survivors.push(format!(
                "{what}: this part of the line stood there before; the tests did not pin it then either"
            )),
            None => {
                self.survivors.push(what);
                self.unexplained += 1;
            }
        }
    }
}

/// Lines that the change adds, per file of the program.
fn added_lines(
    repository: &Repository,
    base: &Sha,
    head: &Sha,
) -> Result<Vec<(RepoPath, Vec<u32>)>, GitError> {
    let mut found = Vec::new();
    for file in repository.diff(base, head)?.files {
        let Ok(path) = RepoPath::parse(&file.path) else { continue };
        if is_test(path.as_str()) {
            continue;
        }
        let before = text(repository, base, &path)?.unwrap_or_default();
        let after = text(repository, head, &path)?.unwrap_or_default();
        found.push((path, new_lines(&before, &after)));
    }
    Ok(found)
}

fn text(repository: &Repository, commit: &Sha, path: &RepoPath) -> Result<Option<String>, GitError> {
    Ok(repository.read(commit, path, LARGEST)?.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Numbers of the lines of `after` between the common head and the common tail of both texts that `before` lacks.
fn new_lines(before: &str, after: &str) -> Vec<u32> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = &old[head..old.len() - tail];
    (head..new.len() - tail)
        .filter(|&at| !gone.contains(&new[at]))
        .filter_map(|at| u32::try_from(at + 1).ok())
        .collect()
}

/// The bytes of `after` between what both texts begin and end with.
fn brought(before: &str, after: &str) -> Range<usize> {
    let (old, new) = (before.as_bytes(), after.as_bytes());
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    head..new.len() - tail
}

/// Whether an edit changes a part of the text, or what stands right beside it.
fn touches(edit: &Edit, part: &Range<usize>) -> bool {
    edit.start <= part.end && part.start <= edit.end
}

/// All mutants of some lines of a file, in the order of the text.
pub fn mutants(file: &str, text: &str, lines: &[u32]) -> Vec<Mutant> {
    let Some(source) = Source::parse(text) else { return Vec::new() };
    source
        .walk(source.root())
        .into_iter()
        .filter(|node| lines.contains(&first_line(*node)) && lines.contains(&last_line(*node)))
        .flat_map(|node| of_node(&source, file, node))
        .filter(|mutant| {
            apply(text, std::slice::from_ref(&mutant.edit))
                .and_then(|changed| Source::parse(&changed))
                .is_some_and(|changed| source.is_broken() || !changed.is_broken())
        })
        .collect()
}

fn of_node(source: &Source, file: &str, node: Node<'_>) -> Vec<Mutant> {
    let text = source.of(node);
    let becomes: Vec<String> = match node.kind() {
        "<" => vec!["<=".into()],
        "<=" => vec!["<".into()],
        ">" => vec![">=".into()],
        ">=" => vec![">".into()],
        "==" => vec!["!=".into()],
        "!=" => vec!["==".into()],
        "+" => vec!["-".into()],
        "-" => vec!["+".into()],
        "*" => vec!["+".into()],
        "/" | "//" => vec!["*".into()],
        "%" => vec!["+".into()],
        "and" => vec!["or".into()],
        "or" => vec!["and".into()],
        "true" => vec!["False".into()],
        "false" => vec!["True".into()],
        "integer" => {
            text.parse::<i64>().map(|number| vec![number.wrapping_add(1).to_string()]).unwrap_or_default()
        }
        "not_operator" => vec![text.trim_start_matches("not").trim_start().to_owned()],
        "expression_statement" if !is_text_alone(node) => vec!["pass".into()],
        "return_statement" if text.trim() != "return" => vec!["return None".into()],
        _ => Vec::new(),
    };
    replaced(file, node, text, becomes)
}

/// The mutants that put other texts in place of a node.
pub(crate) fn replaced(file: &str, node: Node<'_>, text: &str, becomes: Vec<String>) -> Vec<Mutant> {
    becomes
        .into_iter()
        .filter(|new| new != text)
        .map(|new| Mutant {
            what: format!("line {}: {text:?} becomes {new:?}", first_line(node)),
            edit: Edit { file: file.to_owned(), start: node.start_byte(), end: node.end_byte(), text: new },
        })
        .collect()
}

/// A docstring or a directive: taking it away changes nothing that a test should notice.
pub(crate) fn is_text_alone(statement: Node<'_>) -> bool {
    statement.named_child(0).is_some_and(|child| child.kind() == "string")
}

/// At most `most` of the items, evenly spread.
fn spread<T>(items: Vec<T>, most: usize) -> Vec<T> {
    let total = items.len();
    if total <= most {
        return items;
    }
    items
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at * most / total != (at + 1) * most / total)
        .map(|(_, item)| item)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_changed_lines_are_mutated_and_every_mutant_parses() {
        let text = "def f(a, b):\n    \"\"\"Doc 1.\"\"\"\n    if a < 10 and not b:\n        return a + 1\n    return a - 1\n";
        let found: Vec<String> =
            mutants("f.py", text, &[2, 3, 4]).into_iter().map(|mutant| mutant.what).collect();
        assert_eq!(
            found,
            [
                "line 3: \"<\" becomes \"<=\"",
                "line 3: \"10\" becomes \"11\"",
                "line 3: \"and\" becomes \"or\"",
                "line 3: \"not b\" becomes \"b\"",
                "line 4: \"return a + 1\" becomes \"return None\"",
                "line 4: \"+\" becomes \"-\"",
                "line 4: \"1\" becomes \"2\"",
            ]
        );
    }

    #[test]
    fn new_lines_are_those_that_the_change_brought() {
        assert_eq!(new_lines("a\nb\nc\n", "a\nB\nc\n"), [2]);
        assert_eq!(new_lines("a\nb\nc\n", "a\nb\nc\nd\n"), [4]);
        assert_eq!(new_lines("a\nb\n", "a\nx\nb\ny\n"), [2, 4]);
        assert_eq!(new_lines("a\nb\nc\n", "a\nc\n"), Vec::<u32>::new());
    }

    #[test]
    fn a_mutant_of_what_stood_beside_the_change_before_is_told_from_one_of_the_change() {
        let (before, after) = ("if a <= b and c > d:\n    f()\n", "if a < b and c > d:\n    f()\n");
        let part = brought(before, after);
        let told: Vec<(String, bool)> = mutants("f.py", after, &[1])
            .into_iter()
            .map(|mutant| (mutant.what, touches(&mutant.edit, &part)))
            .collect();
        assert_eq!(
            told,
            [
                ("line 1: \"<\" becomes \"<=\"".to_owned(), true),
                ("line 1: \"and\" becomes \"or\"".to_owned(), false),
                ("line 1: \">\" becomes \">=\"".to_owned(), false),
            ]
        );
        let whole = brought("f()\n", "f()\ng()\n");
        let mutants = mutants("f.py", "f()\ng()\n", &[2]);
        assert!(mutants.iter().all(|mutant| touches(&mutant.edit, &whole)), "{mutants:?}");
    }

    #[test]
    fn a_sample_is_spread_over_the_whole_change() {
        assert_eq!(spread((0..10).collect(), 20), (0..10).collect::<Vec<_>>());
        let some = spread((0..100).collect(), 5);
        assert_eq!(some.len(), 5);
        assert!(some[0] < 25 && some[4] > 75, "{some:?}");
    }
}
