//! Edits learned from this repository's own past fixes: what stood before such a fix has the shape of the crash, so that the
//! same edit with the names of the place is proposed.
//!
//! After Getafix (Bader, Scott, Pradel and Chandra 2019), without its hierarchy: one fix is one template. Only small commits
//! whose subject says that they mend something are looked at, one changed statement each. As every proposal it meets the
//! reproduction and the suite.

use std::collections::BTreeMap;

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{RepoPath, Repository, Sha};
use tree_sitter::Node;

use crate::bench::RepairError;
use crate::edit::{Edit, Patch, Proposal, apply};
use crate::locate::{is_python, is_test};
use crate::same_shape::{LEAST, core, shape};
use crate::syntax::{MAX_SOURCE, Source, is_statement};

/// Commits of the history that are looked at.
const DEPTH: usize = 500;
/// Past fixes that are compared with the crash.
const FIXES: usize = 60;
/// Bytes that a past fix may take out or put in.
const SMALL: usize = 300;
/// Proposals at most.
const MOST: usize = 5;
/// Name of the strategy.
const NAME: &str = "learned";

/// What past fixes would do at a crash.
///
/// # Errors
/// If git cannot read the history.
pub(crate) fn proposals(
    repository: &Repository,
    commit: &Sha,
    file: &str,
    text: &str,
    line: u32,
) -> Result<Vec<Proposal>, RepairError> {
    let Some(source) = Source::parse(text).filter(|_| is_python(file)) else { return Ok(Vec::new()) };
    let Some(statement) = source.statement_at(line) else { return Ok(Vec::new()) };
    let mut found: Vec<Proposal> = Vec::new();
    let mut looked = 0;
    for info in repository.history(commit, None, DEPTH)? {
        let [parent] = info.parents.as_slice() else { continue };
        if looked >= FIXES || found.len() >= MOST {
            break;
        }
        if !says_fix(&info.subject) {
            continue;
        }
        looked += 1;
        let Some((before, edit)) = small_edit(repository, parent, &info.sha)? else { continue };
        if let Some((start, end, text)) = applied(&before, &edit, &source, statement) {
            let patch = Patch::Edits(vec![Edit { file: file.to_owned(), start, end, text }]);
            if found.iter().any(|known| known.patch == patch) {
                continue;
            }
            let subject: String = info.subject.chars().take(80).collect();
            found.push(Proposal {
                strategy: NAME,
                kind: ChangeKind::Cause,
                one_line_typo: false,
                explanation: format!("does here what commit {} did there ({subject})", info.sha.short()),
                patch,
            });
        }
    }
    Ok(found)
}

fn says_fix(subject: &str) -> bool {
    let lower = subject.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        matches!(
            word,
            "fix"
                | "fixes"
                | "fixed"
                | "bugfix"
                | "hotfix"
                | "repair"
                | "repairs"
                | "bug"
                | "crash"
                | "mend"
                | "mends"
        )
    })
}

/// The one place that a commit changes in the one file of the program that it changes, with the text before it.
fn small_edit(
    repository: &Repository,
    parent: &Sha,
    commit: &Sha,
) -> Result<Option<(String, Edit)>, RepairError> {
    let diff = repository.diff(parent, commit)?;
    let mut changed =
        diff.files.iter().map(|file| file.path.as_str()).filter(|path| is_python(path) && !is_test(path));
    let (Some(path), None) = (changed.next(), changed.next()) else { return Ok(None) };
    let Ok(path) = RepoPath::parse(path) else { return Ok(None) };
    let text = |commit: &Sha| -> Result<Option<String>, RepairError> {
        let bytes = repository.read(commit, &path, MAX_SOURCE as u64)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    };
    let (Some(before), Some(after)) = (text(parent)?, text(commit)?) else { return Ok(None) };
    Ok(difference(path.as_str(), &before, &after).map(|edit| (before, edit)))
}

/// What differs between two texts, from the first line to the last that do.
fn difference(file: &str, before: &str, after: &str) -> Option<Edit> {
    let same = |(a, b): &(&str, &str)| a == b;
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let head = old.iter().copied().zip(new.iter().copied()).take_while(same).count();
    let tail =
        old[head..].iter().rev().copied().zip(new[head..].iter().rev().copied()).take_while(same).count();
    let length = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    let start = length(&old[..head]);
    let (gone, come) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let small = !gone.is_empty() && length(gone) <= SMALL && length(come) <= SMALL;
    small.then(|| Edit { file: file.to_owned(), start, end: start + length(gone), text: come.concat() })
}

/// The edit with the names of the crash, if what it changed has the shape of something in the crashing statement.
fn applied(
    before: &str,
    edit: &Edit,
    source: &Source,
    statement: Node<'_>,
) -> Option<(usize, usize, String)> {
    let past = Source::parse(before)?;
    let node = core(&past, edit)?;
    let wanted = shape(&past, node);
    if wanted.len() < LEAST || is_statement(node) && node.child_by_field_name("body").is_some() {
        return None;
    }
    let here = source
        .walk(statement)
        .into_iter()
        .find(|found| found.kind() == node.kind() && shape(source, *found) == wanted)?;
    // What became of the node: the edit lies within it, or its lines hold nothing else.
    let after = apply(before, std::slice::from_ref(edit))?;
    let grown = after.len() + node.end_byte();
    let became = after.get(node.start_byte()..grown.checked_sub(before.len())?)?;
    let names = names(&past, node).into_iter().zip(names_of(source, here)).collect::<BTreeMap<_, _>>();
    let text = renamed(became, &names);
    (text != source.of(here)).then(|| (here.start_byte(), here.end_byte(), text))
}

fn names(source: &Source, node: Node<'_>) -> Vec<String> {
    names_of(source, node)
}

/// Identifiers and literals of texts, in the order in which they come.
fn names_of(source: &Source, node: Node<'_>) -> Vec<String> {
    let leaves =
        source.walk(node).into_iter().filter(|inner| matches!(inner.kind(), "identifier" | "string"));
    leaves.map(|inner| source.of(inner).to_owned()).collect()
}

/// A text with its names and literals of texts replaced, each as a whole.
fn renamed(text: &str, names: &BTreeMap<String, String>) -> String {
    let Some(source) = Source::parse(text) else { return text.to_owned() };
    let leaves =
        source.walk(source.root()).into_iter().filter(|node| matches!(node.kind(), "identifier" | "string"));
    let edits = leaves.filter_map(|node| {
        let text = names.get(source.of(node))?.clone();
        Some(Edit { file: String::new(), start: node.start_byte(), end: node.end_byte(), text })
    });
    let edits: Vec<Edit> = edits.collect();
    apply(text, &edits).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(before: &str, after: &str, here: &str, line: u32) -> Option<String> {
        let edit = difference("a.py", before, after)?;
        let source = Source::parse(here)?;
        let (start, end, text) = applied(before, &edit, &source, source.statement_at(line)?)?;
        apply(here, &[Edit { file: "b.py".into(), start, end, text }])
    }

    #[test]
    fn a_past_fix_is_done_again_with_the_names_of_the_place() {
        let before = "def f(prices, name):\n    return prices[name] * 2\n";
        let after = before.replace("prices[name]", "prices.get(name, 0)");
        let here = "def g(rates, code):\n    total = 1\n    return rates[code] * 2\n";
        let expected = here.replace("rates[code]", "rates.get(code, 0)");
        assert_eq!(learned(before, &after, here, 3), Some(expected));
    }

    #[test]
    fn another_shape_or_a_large_change_teaches_nothing() {
        let before = "def f(prices, name):\n    return prices[name] * 2\n";
        let after = before.replace("prices[name]", "prices.get(name, 0)");
        assert_eq!(learned(before, &after, "def g(a, b):\n    return a.b(2) + 2\n", 2), None);
        let large = before.replace("prices[name]", &"x".repeat(SMALL + 1));
        assert_eq!(learned(before, &large, "def g(a, b):\n    return a[b] * 2\n", 2), None);
    }

    #[test]
    fn only_subjects_that_speak_of_mending_count() {
        for (subject, expected) in
            [("Fix a crash", true), ("bugfix: x", true), ("Prefix names", false), ("", false)]
        {
            assert_eq!(says_fix(subject), expected, "{subject}");
        }
    }
}
