//! Where evidence lies: in the user's data folder, a folder for each run, readable by the user alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Told;

/// Pages about one commit, at most.
const PAGES: u32 = 10_000;
/// Longest part of a name that strangers gave, in characters.
const LONGEST: usize = 60;

/// What is written.
pub(super) struct Files {
    pub(super) html: String,
    pub(super) markdown: String,
    pub(super) json: String,
}

/// Where it was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Kept {
    /// For people.
    pub(crate) html: PathBuf,
    /// For people, as Markdown.
    pub(crate) markdown: PathBuf,
    /// For programs, with everything.
    pub(crate) json: PathBuf,
}

/// The name of a run's folder: what was done, and on which commit.
pub(super) fn name(told: &Told<'_>) -> String {
    let about = told.commit.or(told.base).unwrap_or("no-commit");
    let about = about.get(..10).unwrap_or(about);
    match (told.verb, told.commit) {
        ("fix", None) => format!("not-fixed-{about}"),
        (verb, _) => format!("{verb}-{about}"),
    }
}

/// The last part of a path as a name of plain letters.
pub(super) fn plain_name(path: &str) -> String {
    let last = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("repository");
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = last.chars().take(LONGEST).map(plain).collect();
    // A name of dots would be another folder, one that begins with a dot would be hidden.
    if name.starts_with('.') { format!("-{name}") } else { name }
}

/// Writes the files into a new folder; one of an earlier run stays as it is.
pub(super) fn keep(folder: &Path, name: &str, files: &Files) -> io::Result<Kept> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let own = new_folder(folder, name)?;
    let kept = Kept {
        html: own.join("evidence.html"),
        markdown: own.join("evidence.md"),
        json: own.join("evidence.json"),
    };
    for (path, text) in
        [(&kept.html, &files.html), (&kept.markdown, &files.markdown), (&kept.json, &files.json)]
    {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())?;
    }
    Ok(kept)
}

fn new_folder(folder: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 1..=PAGES {
        let own = folder.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        match DirBuilder::new().mode(0o700).create(&own) {
            Ok(()) => return Ok(own),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, format!("there are {PAGES} pages about this commit")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_takes_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let files = |word: &str| Files { html: word.into(), markdown: word.into(), json: word.into() };
        let kept: Vec<Kept> = ["one", "two", "three"]
            .into_iter()
            .map(|word| keep(folder.path(), "verify-abc", &files(word)).unwrap())
            .collect();
        let names: Vec<_> = kept.iter().map(|kept| kept.html.strip_prefix(folder.path()).unwrap()).collect();
        let expected =
            ["verify-abc", "verify-abc-2", "verify-abc-3"].map(|name| format!("{name}/evidence.html"));
        assert_eq!(names, expected.iter().map(Path::new).collect::<Vec<_>>());
        let read: Vec<_> = kept.iter().map(|kept| std::fs::read_to_string(&kept.json).unwrap()).collect();
        assert_eq!(read, ["one", "two", "three"]);
    }

    #[test]
    fn the_name_of_a_repository_leads_nowhere_else() {
        let names = ["/a/shop", "/a/..", "/", "/a/.git", "/a/x\n<b>\u{202e}é"].map(plain_name);
        assert_eq!(names, ["shop", "-..", "repository", "-.git", "x--b---"]);
    }
}
