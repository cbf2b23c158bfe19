//! Does a change treat a cause, or does it only hide the symptom? A look at the syntax before and after.
//!
//! Each smell is counted in a file before and after the change; what grew is what the change brought. A revert brings
//! nothing of its own, so only its effect on tests is looked at.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha};
use tree_sitter::Node;

use crate::language;
use crate::locate::is_test;
use crate::syntax::Source;

/// Largest file that is looked at, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The smells of the change from one commit to another, in words; empty for a clean change.
///
/// # Errors
/// The commits cannot be read.
pub fn smells(
    repository: &Repository,
    base: &Sha,
    head: &Sha,
    kind: ChangeKind,
) -> Result<Vec<String>, GitError> {
    let mut found = Vec::new();
    for file in repository.diff(base, head)?.files {
        let Ok(path) = RepoPath::parse(&file.path) else { continue };
        let before = text(repository, base, &path)?;
        let after = text(repository, head, &path)?;
        let language = language::of_file(path.as_str());
        let smells = match (is_test(path.as_str()), kind) {
            (true, _) => language.test_smells(path.as_str(), &before, &after),
            (false, ChangeKind::Revert) => None,
            (false, ChangeKind::Cause | ChangeKind::SymptomGuard) => {
                language.program_smells(path.as_str(), &before, &after)
            }
        };
        let smells = smells.unwrap_or_default();
        found.extend(smells.into_iter().map(|smell| format!("{path}: {smell}")));
    }
    Ok(found)
}

fn text(repository: &Repository, commit: &Sha, path: &RepoPath) -> Result<String, GitError> {
    let bytes = repository.read(commit, path, LARGEST)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Smells that a change brings into a file of the program.
pub fn program_smells(before: &str, after: &str) -> Vec<&'static str> {
    let (Some(before), Some(after)) = (Source::parse(before), Source::parse(after)) else {
        return vec!["cannot be parsed"];
    };
    let kinds: [(Smell, &'static str); 3] = [
        (catches_all, "catches every exception"),
        (swallows, "swallows an exception"),
        (leaves_early, "leaves early after a guard"),
    ];
    let mut found: Vec<&'static str> = kinds
        .into_iter()
        .filter(|(smell, _)| count(&after, *smell) > count(&before, *smell))
        .map(|(_, name)| name)
        .collect();
    if enlarges_constant(&before, &after) {
        found.push("enlarges a constant");
    }
    if defaults(&before) != defaults(&after) {
        found.push("changes a default value");
    }
    found
}

/// Smells that a change brings into a test file: fewer assertions, more skips.
pub fn test_smells(before: &str, after: &str) -> Vec<&'static str> {
    let (Some(before), Some(after)) = (Source::parse(before), Source::parse(after)) else {
        return vec!["cannot be parsed"];
    };
    let mut found = Vec::new();
    if count(&after, asserts) < count(&before, asserts) {
        found.push("takes assertions away");
    }
    if count(&after, skips) > count(&before, skips) {
        found.push("skips tests");
    }
    found
}

type Smell = fn(&Source, Node<'_>) -> bool;

fn count(source: &Source, smell: Smell) -> usize {
    source.walk(source.root()).into_iter().filter(|node| smell(source, *node)).count()
}

fn catches_all(source: &Source, node: Node<'_>) -> bool {
    if node.kind() != "except_clause" {
        return false;
    }
    let head = source.of(node).lines().next().unwrap_or("");
    let caught = head.trim_start_matches("except").split(" as ").next().unwrap_or("");
    matches!(caught.trim().trim_end_matches(':').trim(), "" | "Exception" | "BaseException")
}

/// A handler whose whole body does nothing with the exception.
fn swallows(source: &Source, node: Node<'_>) -> bool {
    node.kind() == "except_clause" && body_of(node).is_some_and(|body| only_leaves(source, body))
}

/// An `if` without `else` whose whole body leaves the function or the turn of a loop.
fn leaves_early(source: &Source, node: Node<'_>) -> bool {
    node.kind() == "if_statement"
        && node.child_by_field_name("alternative").is_none()
        && node.child_by_field_name("consequence").is_some_and(|body| only_leaves(source, body))
}

fn body_of(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| child.kind() == "block")
}

fn only_leaves(source: &Source, body: Node<'_>) -> bool {
    let mut cursor = body.walk();
    let mut statements = body.named_children(&mut cursor).filter(|child| child.kind() != "comment");
    let only = statements.next();
    let leaves = only.is_some_and(|statement| {
        matches!(statement.kind(), "pass_statement" | "continue_statement" | "break_statement")
            || statement.kind() == "return_statement" && is_plain_return(source.of(statement))
    });
    leaves && statements.next().is_none()
}

/// `return` of nothing, or of a constant that says nothing.
fn is_plain_return(statement: &str) -> bool {
    let value = statement.trim_start_matches("return").trim();
    matches!(value, "" | "None" | "False" | "True" | "0" | "0.0" | "\"\"" | "''" | "[]" | "{}" | "()" | "-1")
}

/// The same numbers as before but for one that grew well beyond an off-by-one.
fn enlarges_constant(before: &Source, after: &Source) -> bool {
    let (old, new) = (numbers(before), numbers(after));
    old.len() == new.len() && old.iter().zip(&new).any(|(old, new)| *new > *old + 1.0 && *old >= 10.0)
}

fn numbers(source: &Source) -> Vec<f64> {
    source
        .walk(source.root())
        .into_iter()
        .filter(|node| matches!(node.kind(), "integer" | "float"))
        .filter_map(|node| source.of(node).replace('_', "").parse().ok())
        .collect()
}

/// Default values of functions that both sides have are compared by name of function and parameter.
fn defaults(source: &Source) -> Vec<(String, String)> {
    source
        .walk(source.root())
        .into_iter()
        .filter(|node| matches!(node.kind(), "default_parameter" | "typed_default_parameter"))
        .filter_map(|node| {
            let name = node.child_by_field_name("name")?;
            let value = node.child_by_field_name("value")?;
            Some((source.of(name).to_owned(), source.of(value).to_owned()))
        })
        .collect()
}

fn asserts(source: &Source, node: Node<'_>) -> bool {
    match node.kind() {
        "assert_statement" => true,
        "call" => {
            let called = node.child_by_field_name("function").map_or("", |function| source.of(function));
            let name = called.rsplit('.').next().unwrap_or(called);
            name.starts_with("assert") || name == "raises"
        }
        _ => false,
    }
}

fn skips(source: &Source, node: Node<'_>) -> bool {
    let text = match node.kind() {
        "decorator" => source.of(node),
        "call" => node.child_by_field_name("function").map_or("", |function| source.of(function)),
        _ => return false,
    };
    ["skip", "xfail", "expectedFailure"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_around_the_symptom_is_seen() {
        let before = "def f(x):\n    return x.name\n";
        for (after, smell) in [
            (
                "def f(x):\n    if x is None:\n        return None\n    return x.name\n",
                "leaves early after a guard",
            ),
            (
                "def f(x):\n    try:\n        return x.name\n    except AttributeError:\n        pass\n",
                "swallows an exception",
            ),
            (
                "def f(x):\n    try:\n        return x.name\n    except Exception:\n        log()\n        raise\n",
                "catches every exception",
            ),
            ("def f(x=None):\n    return x.name\n", "changes a default value"),
        ] {
            assert!(
                program_smells(before, after).contains(&smell),
                "{after}: {:?}",
                program_smells(before, after)
            );
        }
    }

    #[test]
    fn a_change_of_the_cause_does_not_smell() {
        for (before, after) in [
            ("d[k] += v\n", "d[k] = d.get(k, 0) + v\n"),
            ("def f(a):\n    return a[len(a)]\n", "def f(a):\n    return a[len(a) - 1]\n"),
            ("for i in range(9 + 1):\n    g(i)\n", "for i in range(9):\n    g(i)\n"),
            ("x = 'a' + 1\n", "x = 'a' + str(1)\n"),
        ] {
            assert_eq!(program_smells(before, after), Vec::<&str>::new(), "{after}");
        }
    }

    #[test]
    fn a_raised_limit_is_seen_and_an_off_by_one_is_not() {
        assert_eq!(program_smells("LIMIT = 100\n", "LIMIT = 1000\n"), ["enlarges a constant"]);
        assert_eq!(program_smells("LIMIT = 100\n", "LIMIT = 101\n"), Vec::<&str>::new());
    }

    #[test]
    fn weaker_tests_are_seen() {
        let before = "def test_a():\n    assert f() == 1\n    self.assertEqual(g(), 2)\n";
        assert_eq!(test_smells(before, "def test_a():\n    assert f() == 1\n"), ["takes assertions away"]);
        let skipped = format!("@unittest.skip('later')\n{before}");
        assert_eq!(test_smells(before, &skipped), ["skips tests"]);
        assert_eq!(test_smells(before, before), Vec::<&str>::new());
    }
}
