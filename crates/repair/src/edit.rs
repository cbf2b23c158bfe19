//! An edit of one file and the patch that edits make: pure text, checked before anything runs.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{Change, RepoPath, Sha};
use sha2::{Digest, Sha256};

use crate::allowed::{Permission, of_file};
use crate::language;

/// A replacement of some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// File beneath the repository.
    pub file: String,
    /// First byte that goes.
    pub start: usize,
    /// Byte after the last that goes.
    pub end: usize,
    /// What comes instead.
    pub text: String,
}

/// What a proposal does to the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// Replacements in files as they are on the base commit; they do not overlap.
    Edits(Vec<Edit>),
    /// Whole new contents that undo a commit.
    Revert {
        /// The commit that is undone.
        commit: Sha,
        /// The new contents.
        changes: Vec<Change>,
    },
}

/// A way to change the source that might repair the defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Family that made it.
    pub strategy: &'static str,
    /// What it does about the defect.
    pub kind: ChangeKind,
    /// Whether it is one line of a typo class.
    pub one_line_typo: bool,
    /// What it does, in one sentence.
    pub explanation: String,
    /// The change.
    pub patch: Patch,
}

/// Applies the edits of one file; none if they overlap, leave the text, or cut a character.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut result = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in edits {
        if edit.start < at || edit.end < edit.start {
            return None;
        }
        result.push_str(text.get(at..edit.start)?);
        result.push_str(&edit.text);
        at = edit.end;
        text.get(edit.start..edit.end)?;
    }
    result.push_str(text.get(at..)?);
    Some(result)
}

/// The new contents of a patch; none if it changes nothing, a file that is never changed, or breaks a file's syntax.
///
/// `read` gives the text of a file on the base commit.
pub fn resolve(patch: &Patch, read: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Change>> {
    let changes = match patch {
        Patch::Revert { changes, .. } => changes.clone(),
        Patch::Edits(edits) => {
            let mut files: Vec<&str> = edits.iter().map(|edit| edit.file.as_str()).collect();
            files.sort_unstable();
            files.dedup();
            let mut changes = Vec::new();
            for file in files {
                let before = read(file)?;
                let mine: Vec<Edit> = edits.iter().filter(|edit| edit.file == file).cloned().collect();
                let after = apply(&before, &mine)?;
                if after == before || (!is_broken(file, &before) && is_broken(file, &after)) {
                    return None;
                }
                changes.push(Change::write(RepoPath::parse(file).ok()?, after));
            }
            changes
        }
    };
    let refused = |change: &Change| {
        let path = change.path.as_str();
        matches!(of_file(path, read(path).as_deref()), Permission::Refused(_))
    };
    let allowed = !changes.iter().any(refused);
    (!changes.is_empty() && allowed).then_some(changes)
}

fn is_broken(path: &str, text: &str) -> bool {
    language::of_file(path).is_broken(path, text)
}

/// Hash that is equal for equal new contents of the same files.
pub fn patch_hash(changes: &[Change]) -> String {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| change.path.as_str());
    let mut hash = Sha256::new();
    for change in ordered {
        let content = change.content.as_deref();
        hash.update((change.path.as_str().len() as u64).to_be_bytes());
        hash.update(change.path.as_str().as_bytes());
        hash.update([u8::from(content.is_some())]);
        hash.update((content.unwrap_or_default().len() as u64).to_be_bytes());
        hash.update(content.unwrap_or_default());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { file: "a.py".into(), start, end, text: text.into() }
    }

    #[test]
    fn edits_apply_in_any_order_and_never_overlap() {
        assert_eq!(apply("abcdef", &[edit(4, 5, "E"), edit(0, 1, "A")]).as_deref(), Some("AbcdEf"));
        assert_eq!(apply("abcdef", &[edit(0, 3, "x"), edit(2, 4, "y")]), None);
        assert_eq!(apply("abc", &[edit(2, 9, "x")]), None);
        assert_eq!(apply("aé", &[edit(2, 3, "x")]), None);
    }

    #[test]
    fn a_patch_that_breaks_the_syntax_or_touches_a_protected_file_is_no_patch() {
        let read = |_: &str| Some("x = 1\n".to_owned());
        let patch = |file: &str, text: &str| {
            resolve(
                &Patch::Edits(vec![Edit { file: file.into(), start: 4, end: 5, text: text.into() }]),
                &read,
            )
        };
        assert!(patch("a.py", "2").is_some());
        assert_eq!(patch("a.py", "(2"), None);
        assert_eq!(patch("a.py", "1"), None, "no change");
        for file in ["tests/test_a.py", "conftest.py", ".github/workflows/ci.py", "vendor/x.py", "a_pb2.py"] {
            assert_eq!(patch(file, "2"), None, "{file}");
        }
    }

    #[test]
    fn equal_contents_have_equal_hashes_in_any_order() {
        let one = Change::write(RepoPath::parse("a.py").unwrap(), "1");
        let two = Change::delete(RepoPath::parse("b.py").unwrap());
        assert_eq!(patch_hash(&[one.clone(), two.clone()]), patch_hash(&[two.clone(), one.clone()]));
        assert_ne!(patch_hash(std::slice::from_ref(&one)), patch_hash(&[one, two]));
    }
}
