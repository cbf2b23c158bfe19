//! Where else the program does what was just repaired. Such places are told and never changed along with it: each may be
//! right where it stands, and a wide change is one that nobody reads.

use groundcrew_core::contract::Dossier;
use groundcrew_repair::edit::Edit;
use groundcrew_repair::same_shape::{PLACES, same_shape};
use groundcrew_workbench::git::RepoPath;

use crate::agent::Trouble;
use crate::agents::architect::{Sides, is_revert};
use crate::site::read_text;

/// Changed files whose change is looked for.
const MOST_CHANGED: usize = 3;

/// Files that are searched.
const MOST_FILES: usize = 1_000;

/// Bytes of text that are held at a time.
const HELD: usize = 4 << 20;

/// Longest statement that is told, in characters.
const STATEMENT: usize = 120;

/// Other places with the form of code that the change repaired, as `file:line: statement`.
pub(super) fn places(sides: &Sides<'_>, dossier: &Dossier) -> Result<Vec<String>, Trouble> {
    let mut found = Vec::new();
    // What a revert takes out is a commit and no form of code.
    if dossier.fix.is_none() || is_revert(dossier) {
        return Ok(found);
    }
    for (file, before, after) in sides.changed.iter().take(MOST_CHANGED) {
        let Some(edit) = edit_between(file, before, after) else { continue };
        let mut batch: Vec<(String, String)> = Vec::new();
        let mut held = 0;
        for path in sides.files.iter().take(MOST_FILES) {
            let Ok(parsed) = RepoPath::parse(path) else { continue };
            let Some(text) = read_text(sides.repository, sides.head, &parsed)? else { continue };
            held += text.len();
            batch.push((path.clone(), text));
            if held >= HELD {
                search(before, &edit, &batch, &mut found);
                batch.clear();
                held = 0;
            }
        }
        search(before, &edit, &batch, &mut found);
    }
    found.truncate(PLACES);
    Ok(found)
}

fn search(before: &str, edit: &Edit, files: &[(String, String)], found: &mut Vec<String>) {
    if found.len() >= PLACES {
        return;
    }
    for place in same_shape(before, edit, files) {
        let statement: String = place.statement.chars().take(STATEMENT).collect();
        let told = format!("{}:{}: {statement}", place.file, place.line);
        if !found.contains(&told) {
            found.push(told);
        }
    }
}

/// The one edit that leads from a text to another: what lies between their common start and their common end.
fn edit_between(file: &str, before: &str, after: &str) -> Option<Edit> {
    if before.is_empty() || before == after {
        return None;
    }
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs.take_while(|(old, new)| old == new).map(|(old, _)| old.len_utf8()).sum()
    };
    let start = same(&mut before.chars().zip(after.chars()));
    let (old, new) = (before.get(start..)?, after.get(start..)?);
    let tail = same(&mut old.chars().rev().zip(new.chars().rev()));
    let end = before.len() - tail;
    let text = new.get(..new.len() - tail)?.to_owned();
    Some(Edit { file: file.to_owned(), start, end, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_is_what_lies_between_the_common_start_and_end() {
        let edit = |before: &str, after: &str| {
            edit_between("a.py", before, after).map(|edit| (edit.start, edit.end, edit.text))
        };
        assert_eq!(edit("x += 1\n", "x -= 1\n"), Some((2, 3, "-".into())));
        assert_eq!(edit("äb\n", "äöb\n"), Some((2, 2, "ö".into())));
        assert_eq!(edit("aa", "aaa"), Some((2, 2, "a".into())));
        assert_eq!((edit("same", "same"), edit("", "new")), (None, None));
    }
}
