//! Log paths with a `*` in their last part.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a pattern could not be expanded.
#[derive(Debug, Error)]
pub enum ExpandError {
    /// A `*` stands in a folder's name.
    #[error("log pattern {0:?} has a `*` before its last part; only file names may have one")]
    Folder(PathBuf),
    /// The folder could not be read.
    #[error("log folder {folder:?} cannot be read: {source}; check that it exists and may be read")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Files that the pattern names, sorted; a relative pattern counts from `root`.
///
/// `*` stands for any characters within the file name. A pattern without one is returned as it is, whether or not the
/// file exists, because a log may be created later.
pub fn expand(pattern: &Path, root: &Path) -> Result<Vec<PathBuf>, ExpandError> {
    let full = root.join(pattern);
    let (Some(folder), Some(name)) = (full.parent(), full.file_name()) else { return Ok(vec![full]) };
    if folder.to_string_lossy().contains('*') {
        return Err(ExpandError::Folder(full));
    }
    let name = name.to_string_lossy();
    if !name.contains('*') {
        return Ok(vec![full]);
    }
    let unreadable = |source| ExpandError::Unreadable { folder: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if matches(&name, &entry.file_name().to_string_lossy()) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the name fits the pattern; each `*` takes the shortest text that works, which is enough for `*` alone.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part_of_a_file_name() {
        for (pattern, name, expected) in [
            ("*.log", "app.log", true),
            ("*.log", "app.log.1", false),
            ("app-*-*.log", "app-1-2.log", true),
            ("app*app", "app", false),
            ("*", "anything", true),
            ("a*b*c", "abbc", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_lists_files_only_and_a_plain_path_stays_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("b.log"), "").unwrap();
        std::fs::write(root.path().join("a.log"), "").unwrap();
        std::fs::create_dir(root.path().join("c.log")).unwrap();
        let found = expand(Path::new("*.log"), root.path()).unwrap();
        assert_eq!(found, vec![root.path().join("a.log"), root.path().join("b.log")]);
        let later = expand(Path::new("later.log"), root.path()).unwrap();
        assert_eq!(later, vec![root.path().join("later.log")]);
        assert!(matches!(expand(Path::new("*/x.log"), root.path()), Err(ExpandError::Folder(_))));
    }
}
