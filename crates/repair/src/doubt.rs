//! What experience shows to be wrong although it passes: changes that avoid a crash instead of curing it.
//!
//! A crash is gone as soon as its line is not reached, so the patches that pass most easily are those that send the
//! execution elsewhere. Each doubt is a question to the change alone; what it costs is decided by the search: a
//! doubtful change counts only if tests call the function and still pass, and stands behind those without doubt.

use crate::edit::{Edit, Patch, Proposal};
use crate::syntax::Source;

/// Why a change is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// It gives nothing where the function always gave something.
    AnotherKind,
    /// With it a function gives a kind of value that it was never seen to give.
    NeverGiven,
    /// It makes a condition that is always true or always false.
    Constant,
    /// It turns a condition around, so that every other input takes the other way.
    Inverted,
    /// It gives arguments in another order to what took them as they were.
    Swapped,
}

impl Doubt {
    /// Why, as the end of a sentence.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::AnotherKind => "gives None where the function always gives a value",
            Self::NeverGiven => "gives a kind of value that the function never gave in the tests",
            Self::Constant => "makes a condition that never changes",
            Self::Inverted => "turns a condition around, and no test calls the function",
            Self::Swapped => "swaps values, and no test calls the function",
        }
    }

    /// Whether it is only believed when tests of the project call the function and pass.
    pub(crate) const fn needs_tests(self) -> bool {
        match self {
            Self::Inverted | Self::Constant | Self::Swapped => true,
            Self::AnotherKind | Self::NeverGiven => false,
        }
    }
}

/// The gravest doubt about a proposal; none for one that undoes a commit.
pub(crate) fn doubt(proposal: &Proposal, read: &dyn Fn(&str) -> Option<String>) -> Option<Doubt> {
    let edits = match &proposal.patch {
        Patch::Edits(edits) => edits,
        Patch::Revert { .. } => return None,
    };
    if let [one, two] = edits.as_slice()
        && let Some(text) = read(&one.file)
        && text.get(one.start..one.end) == Some(two.text.as_str())
        && text.get(two.start..two.end) == Some(one.text.as_str())
    {
        return Some(Doubt::Swapped);
    }
    edits.iter().filter_map(|edit| of_edit(edit, &read(&edit.file)?)).max()
}

fn of_edit(edit: &Edit, text: &str) -> Option<Doubt> {
    let old = text.get(edit.start..edit.end)?.trim();
    let new = edit.text.trim();
    if is_inverted(old, new) {
        return Some(Doubt::Inverted);
    }
    if is_constant(new) && !is_constant(old) {
        return Some(Doubt::Constant);
    }
    let gives_none = new.contains("return None") || new.ends_with("else None");
    (gives_none && always_gives(text, edit.start)).then_some(Doubt::AnotherKind)
}

fn is_inverted(old: &str, new: &str) -> bool {
    const OPPOSITES: [(&str, &str); 3] = [("==", "!="), ("is", "is not"), ("in", "not in")];
    let plain = OPPOSITES.iter().any(|(one, two)| (old, new) == (*one, *two) || (old, new) == (*two, *one));
    let dropped =
        |long: &str, short: &str| long.strip_prefix("not ").is_some_and(|rest| rest.trim() == short);
    plain || dropped(old, new) || dropped(new, old)
}

/// A comparison of a length with what every length is, or a bare truth value as the condition.
fn is_constant(text: &str) -> bool {
    let compared = ["len(", "abs("].iter().any(|call| text.starts_with(call))
        && (text.ends_with(">= 0") || text.ends_with("< 0") || text.ends_with("> -1"));
    compared || matches!(text, "if True:" | "if False:" | "while False:")
}

/// Whether the function around a place gives a value wherever it returns.
fn always_gives(text: &str, at: usize) -> bool {
    let Some(source) = Source::parse(text) else { return false };
    let line = text.get(..at).map_or(0, |before| before.matches('\n').count());
    let Some(function) = source.function_node_at(u32::try_from(line).unwrap_or(u32::MAX).saturating_add(1))
    else {
        return false;
    };
    let returns: Vec<_> = source
        .walk(function)
        .into_iter()
        .filter(|node| node.kind() == "return_statement")
        .map(|node| node.named_child(0).map_or("None", |value| source.of(value)))
        .collect();
    let ends_with_return = function
        .child_by_field_name("body")
        .and_then(|body| body.named_children(&mut body.walk()).last())
        .is_some_and(|last| matches!(last.kind(), "return_statement" | "raise_statement"));
    ends_with_return && !returns.is_empty() && returns.iter().all(|value| *value != "None")
}

#[cfg(test)]
mod tests {
    use groundcrew_core::evidence::ChangeKind;

    use super::*;

    fn doubt_about(code: &str, old: &str, new: &str) -> Option<Doubt> {
        let start = code.find(old).unwrap();
        let edit = Edit { file: "a.py".into(), start, end: start + old.len(), text: new.into() };
        let proposal = Proposal {
            strategy: "operator",
            kind: ChangeKind::Cause,
            one_line_typo: false,
            explanation: String::new(),
            patch: Patch::Edits(vec![edit]),
        };
        doubt(&proposal, &|_| Some(code.to_owned()))
    }

    #[test]
    fn a_condition_turned_around_is_doubtful() {
        let code = "def f(x):\n    return x.a if x is None else x.b\n";
        assert_eq!(doubt_about(code, "is", "is not"), Some(Doubt::Inverted));
        let code = "def f(x):\n    if not x:\n        return 1\n    return 2\n";
        assert_eq!(doubt_about(code, "not x", "x"), Some(Doubt::Inverted));
        assert_eq!(doubt_about("def f(a, b):\n    return a < b\n", "<", "<="), None);
    }

    #[test]
    fn a_condition_that_never_changes_is_doubtful() {
        let code = "def f(x):\n    return len(x) > 0\n";
        assert_eq!(doubt_about(code, "len(x) > 0", "len(x) >= 0"), Some(Doubt::Constant));
    }

    #[test]
    fn nothing_in_place_of_a_value_is_doubtful_only_where_a_value_is_always_given() {
        let new = "if not x:\n        return None\n    y";
        let always = "def f(x):\n    y = x[0]\n    return y + 1\n";
        assert_eq!(doubt_about(always, "y", new), Some(Doubt::AnotherKind));
        let never = "def f(x):\n    y = x[0]\n    print(y)\n";
        assert_eq!(doubt_about(never, "y", new), None);
        let sometimes = "def f(x):\n    y = x[0]\n    if y:\n        return None\n    return y\n";
        assert_eq!(doubt_about(sometimes, "y", new), None);
    }
}
