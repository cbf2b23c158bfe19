//! Log paths with wildcards: which files they name now.
//!
//! `*`, `?` and `[...]` stand for characters within one part of a path, `**` for any folders. What a pattern reaches is
//! bounded, in the same order every time, and stays where the pattern says: a relative one never leaves its root by a
//! link, and `**` follows no link to a folder. A file that is the rotation of another one found is left out, because it
//! was read, or will be, as that one's past.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use thiserror::Error;

use crate::rotated;

/// Files that one pattern names at most.
const FILES: usize = 10_000;
/// Entries of folders that are looked at for one pattern.
const ENTRIES: usize = 200_000;
/// Folders below each other that a pattern goes through.
const DEPTH: usize = 32;
/// Hidden files are named only where the pattern has the point.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The files that a pattern names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expanded {
    /// Their paths, sorted.
    pub files: Vec<PathBuf>,
    /// True when there were more than 10,000 of them or too many entries to look at, so that some are left out.
    pub truncated: bool,
}

/// Why a pattern could not be expanded.
#[derive(Debug, Error)]
pub enum ExpandError {
    /// It is no pattern.
    #[error("log pattern {pattern:?} cannot be read: {reason}; write `[[]` for a bracket")]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder could not be read.
    #[error("log folder {folder:?} cannot be read: {source}; check that it exists and may be read")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Files that the pattern names; a relative pattern counts from `root`.
///
/// A path without wildcards is returned as it is, whether or not the file exists, because a log may be created later.
///
/// # Errors
/// The pattern is none, or the folder before its first wildcard cannot be read.
pub fn expand(pattern: &Path, root: &Path) -> Result<Expanded, ExpandError> {
    let full = root.join(pattern);
    let text = full.to_string_lossy();
    if !text.contains(['*', '?', '[']) || full.symlink_metadata().is_ok() {
        return Ok(Expanded { files: vec![full], truncated: false });
    }
    let (base, steps) = steps(&full)?;
    std::fs::read_dir(&base).map_err(|source| ExpandError::Unreadable { folder: base.clone(), source })?;
    let leaves = pattern.is_absolute() || pattern.components().any(|part| part == Component::ParentDir);
    let within = if leaves { None } else { root.canonicalize().ok() };
    if within.as_ref().is_some_and(|root| !base.canonicalize().is_ok_and(|base| base.starts_with(root))) {
        return Ok(Expanded::default());
    }
    let mut walk = Walk { within, only: None, found: BTreeSet::new(), entries: 0, truncated: false };
    walk.visit(&base, &steps, 0);
    Ok(Expanded { files: without_rotations(&walk.found), truncated: walk.truncated })
}

/// Whether a pattern names a file that is there now, without looking at all others that it names.
///
/// A rotation of another log counts as named, and so does what is beyond the number that [`expand`] takes.
pub fn names(pattern: &Path, root: &Path, file: &Path) -> bool {
    let full = root.join(pattern);
    let text = full.to_string_lossy();
    if !text.contains(['*', '?', '[']) || full.symlink_metadata().is_ok() {
        return full == file;
    }
    let Ok((base, steps)) = steps(&full) else { return false };
    let leaves = pattern.is_absolute() || pattern.components().any(|part| part == Component::ParentDir);
    let within = if leaves { None } else { root.canonicalize().ok() };
    if within.as_ref().is_some_and(|root| !base.canonicalize().is_ok_and(|base| base.starts_with(root))) {
        return false;
    }
    let only = Some(file.to_owned());
    let mut walk = Walk { within, only, found: BTreeSet::new(), entries: 0, truncated: false };
    walk.visit(&base, &steps, 0);
    walk.found.contains(file)
}

/// One part of a pattern behind its first wildcard.
enum Step {
    Name(OsString),
    Wild(Pattern),
    /// `**`
    Folders,
}

/// The folder before the first wildcard, and the parts from there on.
fn steps(full: &Path) -> Result<(PathBuf, Vec<Step>), ExpandError> {
    let mut base = PathBuf::new();
    let mut steps = Vec::new();
    for component in full.components() {
        let part = component.as_os_str();
        let text = part.to_string_lossy();
        if text == "**" {
            if !matches!(steps.last(), Some(Step::Folders)) {
                steps.push(Step::Folders);
            }
        } else if text.contains(['*', '?', '[']) {
            let pattern = Pattern::new(&text).map_err(|error| ExpandError::Pattern {
                pattern: full.to_owned(),
                reason: error.msg.to_owned(),
            })?;
            steps.push(Step::Wild(pattern));
        } else if steps.is_empty() {
            base.push(part);
        } else {
            steps.push(Step::Name(part.to_owned()));
        }
    }
    if matches!(steps.last(), Some(Step::Folders)) {
        steps.push(Step::Wild(Pattern::new("*").expect("a star is a pattern")));
    }
    Ok((base, steps))
}

struct Walk {
    /// The folder that nothing found may lie outside of.
    within: Option<PathBuf>,
    /// The file that is looked for; none to find all.
    only: Option<PathBuf>,
    found: BTreeSet<PathBuf>,
    entries: usize,
    truncated: bool,
}

impl Walk {
    fn visit(&mut self, folder: &Path, steps: &[Step], depth: usize) {
        let Some((step, rest)) = steps.split_first() else { return };
        if depth > DEPTH {
            self.truncated = true;
            return;
        }
        match step {
            Step::Name(name) => self.enter(folder.join(name), rest, depth),
            Step::Wild(pattern) => {
                for name in self.names(folder) {
                    if pattern.matches_with(&name.to_string_lossy(), MATCHING) {
                        self.enter(folder.join(name), rest, depth);
                    }
                }
            }
            Step::Folders => {
                self.visit(folder, rest, depth);
                for name in self.names(folder) {
                    let path = folder.join(&name);
                    // A link to a folder may lead in a circle.
                    let real = path.symlink_metadata().is_ok_and(|data| data.is_dir());
                    if real && !name.to_string_lossy().starts_with('.') {
                        self.visit(&path, steps, depth + 1);
                    }
                }
            }
        }
    }

    /// Takes a path that fits so far: as a file where nothing follows, else as a folder to go into.
    fn enter(&mut self, path: PathBuf, rest: &[Step], depth: usize) {
        let Ok(data) = path.metadata() else { return };
        if !self.is_within(&path) {
            return;
        }
        if !rest.is_empty() {
            if data.is_dir() {
                self.visit(&path, rest, depth + 1);
            }
        } else if data.is_file() {
            if self.found.len() == FILES {
                self.truncated = true;
            } else {
                self.found.insert(path);
            }
        }
    }

    fn is_within(&self, path: &Path) -> bool {
        let linked = path.symlink_metadata().is_ok_and(|data| data.is_symlink());
        match &self.within {
            Some(root) if linked => path.canonicalize().is_ok_and(|real| real.starts_with(root)),
            Some(_) | None => true,
        }
    }

    /// The names in a folder, sorted; none where it cannot be read.
    fn names(&mut self, folder: &Path) -> Vec<OsString> {
        if self.truncated {
            return Vec::new();
        }
        if let Some(file) = &self.only {
            let next = file.strip_prefix(folder).ok().and_then(|rest| rest.components().next());
            return next.map(|part| part.as_os_str().to_owned()).into_iter().collect();
        }
        let left = ENTRIES - self.entries;
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<OsString> = entries.take(left + 1).map(|entry| entry.file_name()).collect();
        self.truncated |= names.len() > left;
        names.truncate(left);
        self.entries += names.len();
        names.sort();
        names
    }
}

/// The files without those that are the rotation of another one among them.
fn without_rotations(found: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let is_rotation = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let marks = name.match_indices(['.', '-']).map(|(at, _)| at);
        marks
            .filter(|at| rotated::is_past(&name[*at..]))
            .any(|at| found.contains(&path.with_file_name(&name[..at])))
    };
    found.iter().filter(|path| !is_rotation(path)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Root(tempfile::TempDir);

    impl Root {
        fn new(files: &[&str]) -> Self {
            let root = Self(tempfile::tempdir().unwrap());
            for file in files {
                let path = root.0.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            root
        }

        fn found(&self, pattern: &str) -> Vec<String> {
            let found = expand(Path::new(pattern), self.0.path()).unwrap();
            assert!(!found.truncated);
            let name =
                |path: &PathBuf| path.strip_prefix(self.0.path()).unwrap().to_string_lossy().into_owned();
            found.files.iter().map(name).collect()
        }
    }

    #[test]
    fn wildcards_stand_in_any_part_of_a_path() {
        let root = Root::new(&[
            "b.log",
            "a.log",
            "x/a.log",
            "x/y/c.log",
            "x/y/d.txt",
            "x/.z/e.log",
            ".hid.log",
            "w/s1.log",
            "w/s2.log",
        ]);
        std::fs::create_dir(root.0.path().join("folder.log")).unwrap();
        for (pattern, expected) in [
            ("*.log", &["a.log", "b.log"][..]),
            ("*/a.log", &["x/a.log"]),
            ("**/*.log", &["a.log", "b.log", "w/s1.log", "w/s2.log", "x/a.log", "x/y/c.log"]),
            ("x/**", &["x/a.log", "x/y/c.log", "x/y/d.txt"]),
            ("x/**/**/c.log", &["x/y/c.log"]),
            ("w/s?.log", &["w/s1.log", "w/s2.log"]),
            ("w/s[2-9].log", &["w/s2.log"]),
            ("w/s[!2].log", &["w/s1.log"]),
            (".*.log", &[".hid.log"]),
            ("nothing*", &[]),
            ("later.log", &["later.log"]),
        ] {
            assert_eq!(root.found(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_file_is_named_by_a_pattern_that_finds_it_and_by_no_other() {
        let outside = Root::new(&["x.log"]);
        let root = Root::new(&["a.log", "x/y/c.log", "x/.z/e.log", ".hid.log", "w/s1.log"]);
        symlink(outside.0.path().join("x.log"), root.0.path().join("out.log")).unwrap();
        let all = ["a.log", "x/y/c.log", "x/.z/e.log", ".hid.log", "w/s1.log", "out.log", "none.log"];
        for pattern in ["*.log", "**/*.log", "x/**", "w/s[!2].log", ".*.log", "a.log", "*/../a.log"] {
            let found = expand(Path::new(pattern), root.0.path()).unwrap().files;
            for file in all {
                let path = root.0.path().join(file);
                let named = names(Path::new(pattern), root.0.path(), &path);
                assert_eq!(named, found.contains(&path), "{pattern} {file}");
            }
        }
    }

    #[test]
    fn a_name_with_a_bracket_that_exists_is_that_file() {
        let root = Root::new(&["a[1].log", "a1.log"]);
        assert_eq!(root.found("a[1].log"), ["a[1].log"]);
    }

    #[test]
    fn rotations_of_a_file_that_is_found_are_its_past() {
        let root = Root::new(&[
            "app.log",
            "app.log.1",
            "app.log.2.gz",
            "app.log-20261123",
            "app.log-20261122.xz",
            "app.log.bak",
            "old.log.1",
            "app-2026-11-23.log",
            "app.log.gz",
        ]);
        assert_eq!(root.found("*"), ["app-2026-11-23.log", "app.log", "app.log.bak", "old.log.1"]);
        assert_eq!(root.found("app.log.1"), ["app.log.1"]);
    }

    #[test]
    fn links_do_not_lead_out_of_the_root_nor_in_circles() {
        let outside = Root::new(&["secret.log", "deep/secret.log"]);
        let root = Root::new(&["in/a.log"]);
        let link = |to: &Path, name: &str| symlink(to, root.0.path().join(name)).unwrap();
        link(&outside.0.path().join("secret.log"), "out.log");
        link(outside.0.path(), "out");
        link(root.0.path(), "in/circle");
        link(&root.0.path().join("in/a.log"), "near.log");
        assert_eq!(root.found("**/*.log"), ["in/a.log", "near.log"]);
        assert_eq!(root.found("*/*.log"), ["in/a.log"]);
        assert_eq!(root.found("out/*.log"), Vec::<String>::new());
        let absolute = expand(&root.0.path().join("*.log"), Path::new("/nowhere")).unwrap();
        assert_eq!(
            absolute.files.len(),
            2,
            "whoever names a path from the top may name a link: {absolute:?}"
        );
    }

    #[test]
    fn too_many_files_are_bounded_and_said() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..=FILES {
            std::fs::File::create(root.path().join(format!("{n:05}.log"))).unwrap();
        }
        let found = expand(Path::new("*.log"), root.path()).unwrap();
        assert_eq!((found.files.len(), found.truncated), (FILES, true));
        assert_eq!(found.files[FILES - 1], root.path().join("09999.log"));
    }

    #[test]
    fn what_is_no_pattern_and_a_folder_that_is_not_there_are_refused() {
        let root = Root::new(&[]);
        let refused = |pattern: &str| expand(Path::new(pattern), root.0.path()).unwrap_err();
        assert!(matches!(refused("a[.log"), ExpandError::Pattern { .. }));
        assert!(matches!(refused("none/*.log"), ExpandError::Unreadable { .. }));
    }
}
