//! Making a whole new repository: its history, its branch and its checkout, where nothing was before.
//!
//! Only an absent or empty folder is taken, so this can touch nobody's work. The git folder is laid out by plain code,
//! the history goes in as one stream, and the files of the last commit are written by plain code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::Recorder;

use super::command::{Base, Git, search_path};
use super::names::check_ref;
use super::open::version_text;
use super::{Change, GitError, Repository, io_error};

/// A commit as its author made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Author's name.
    pub author: String,
    /// Author's address.
    pub email: String,
    /// When, in seconds since 1970 UTC.
    pub time: i64,
    /// The author's distance from UTC, in minutes.
    pub offset_minutes: i32,
    /// Message.
    pub message: String,
    /// What it changes; files are plain and not executable.
    pub changes: Vec<Change>,
}

const CONFIG: &str =
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";

impl Repository {
    /// Makes a repository of these commits, oldest first, with `branch` checked out at the last.
    ///
    /// Equal input gives equal commit ids.
    ///
    /// # Errors
    /// [`GitError::Exists`] if there is anything at `path` but an empty folder, [`GitError::NoCommits`] without commits,
    /// and whatever git refuses.
    pub fn create(
        path: &Path,
        branch: &str,
        commits: &[NewCommit],
        recorder: Arc<dyn Recorder>,
    ) -> Result<Repository, GitError> {
        let name = format!("refs/heads/{branch}");
        check_ref(&name)?;
        if commits.is_empty() {
            return Err(GitError::NoCommits(path.to_owned()));
        }
        let top = empty_folder(path)?;
        let git_dir = lay_out(&top, &name)?;
        let scratch = tempfile::tempdir().map_err(io_error("make a temporary folder for git"))?;
        let base = Base {
            git_dir: git_dir.clone(),
            void: scratch.path().to_owned(),
            path: search_path(&top),
            drivers: Vec::new(),
        };
        Git::new(&base, &["fast-import", "--quiet", "--date-format=raw"])
            .input(stream(&name, commits))
            .run(recorder.as_ref())?;
        Git::new(&base, &["read-tree", "--end-of-options"])
            .arg(&name)
            .env("GIT_INDEX_FILE", git_dir.join("index"))
            .run(recorder.as_ref())?;
        for (file, content) in last_contents(commits) {
            let at = top.join(file);
            let write = || {
                at.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(&at, content)
            };
            write().map_err(io_error(format!("write {}", at.display())))?;
        }
        Repository::open(&top, recorder)
    }
}

/// Version of the git program, such as `2.47.3`.
///
/// # Errors
/// There is none, or it is too old.
pub fn git_version(recorder: &dyn Recorder) -> Result<String, GitError> {
    let scratch = tempfile::tempdir().map_err(io_error("make a temporary folder for git"))?;
    let void = scratch.path().to_owned();
    let base = Base { git_dir: void.clone(), path: search_path(&void), void, drivers: Vec::new() };
    version_text(&base, recorder)
}

fn empty_folder(path: &Path) -> Result<PathBuf, GitError> {
    let taken = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::symlink_metadata(path).is_ok(),
    };
    if taken {
        return Err(GitError::Exists(path.to_owned()));
    }
    fs::create_dir_all(path).map_err(io_error(format!("make {}", path.display())))?;
    path.canonicalize().map_err(io_error(format!("open {}", path.display())))
}

/// What `git init` makes, without asking any configuration or template.
fn lay_out(top: &Path, head: &str) -> Result<PathBuf, GitError> {
    let git_dir = top.join(".git");
    let lay = || {
        for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
            fs::create_dir_all(git_dir.join(folder))?;
        }
        fs::write(git_dir.join("config"), CONFIG)?;
        fs::write(git_dir.join("HEAD"), format!("ref: {head}\n"))
    };
    lay().map_err(io_error(format!("make {}", git_dir.display())))?;
    Ok(git_dir)
}

/// The history in the form of `git fast-import`. Contents and messages are counted, so they can hold anything.
fn stream(branch: &str, commits: &[NewCommit]) -> Vec<u8> {
    let mut stream = b"feature done\n".to_vec();
    for commit in commits {
        let who = person(commit);
        stream.extend_from_slice(format!("commit {branch}\nauthor {who}\ncommitter {who}\n").as_bytes());
        data(&mut stream, commit.message.as_bytes());
        for change in &commit.changes {
            let path = quoted(change.path.as_str());
            match &change.content {
                Some(content) => {
                    stream.extend_from_slice(format!("M 100644 inline {path}\n").as_bytes());
                    data(&mut stream, content);
                }
                None => stream.extend_from_slice(format!("D {path}\n").as_bytes()),
            }
        }
    }
    stream.extend_from_slice(b"done\n");
    stream
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend_from_slice(format!("data {}\n", bytes.len()).as_bytes());
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

fn person(commit: &NewCommit) -> String {
    let plain =
        |text: &str| text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect::<String>();
    let sign = if commit.offset_minutes < 0 { '-' } else { '+' };
    let minutes = commit.offset_minutes.unsigned_abs() % 1440;
    format!(
        "{} <{}> {} {sign}{:02}{:02}",
        plain(&commit.author),
        plain(&commit.email),
        commit.time.max(0),
        minutes / 60,
        minutes % 60
    )
}

fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The files of the last commit.
fn last_contents(commits: &[NewCommit]) -> BTreeMap<&str, &[u8]> {
    let mut files = BTreeMap::new();
    for change in commits.iter().flat_map(|commit| &commit.changes) {
        match &change.content {
            Some(content) => files.insert(change.path.as_str(), content.as_slice()),
            None => files.remove(change.path.as_str()),
        };
    }
    files
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use groundcrew_core::audit::NoRecorder;

    use super::super::RepoPath;
    use super::*;

    fn commit(number: i64, message: &str, changes: &[(&str, Option<&str>)]) -> NewCommit {
        let changes = changes.iter().map(|(path, content)| Change {
            path: RepoPath::parse(path).expect("a path"),
            content: content.map(|text| text.as_bytes().to_vec()),
        });
        NewCommit {
            author: "Mira <Anand>\n".into(),
            email: "mira@roastery.example".into(),
            time: 1_770_000_000 + number,
            offset_minutes: -90,
            message: message.into(),
            changes: changes.collect(),
        }
    }

    fn history() -> Vec<NewCommit> {
        vec![
            commit(0, "First\n\nWith a body\n", &[("a b/\"x\".txt", Some("1\n")), ("gone", Some("2"))]),
            commit(1, "Second\n", &[("a b/\"x\".txt", Some("data 3\n")), ("gone", None)]),
        ]
    }

    fn plain_git(folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git").args(args).current_dir(folder).output().expect("git is installed");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn plain_git_finds_the_history_and_a_clean_checkout() {
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path().join("new");
        let made = Repository::create(&top, "trunk", &history(), Arc::new(NoRecorder)).expect("it is made");
        assert_eq!(made.head().expect("a head").branch.as_deref(), Some("trunk"));
        assert_eq!(plain_git(&top, &["status", "--porcelain"]), "");
        assert_eq!(plain_git(&top, &["fsck", "--strict"]), "");
        assert_eq!(
            plain_git(&top, &["log", "--format=%an|%ae|%ad|%cd|%s", "--date=iso"]),
            "Mira Anand|mira@roastery.example|2026-02-02 01:10:01 -0130|2026-02-02 01:10:01 -0130|Second\n\
             Mira Anand|mira@roastery.example|2026-02-02 01:10:00 -0130|2026-02-02 01:10:00 -0130|First\n"
        );
        assert_eq!(fs::read_to_string(top.join("a b/\"x\".txt")).expect("a file"), "data 3\n");
        assert!(!top.join("gone").exists());
    }

    #[test]
    fn equal_input_gives_equal_commits() {
        let folder = tempfile::tempdir().expect("a folder");
        let heads = ["one", "two"].map(|name| {
            let made =
                Repository::create(&folder.path().join(name), "main", &history(), Arc::new(NoRecorder));
            made.and_then(|made| made.head()).expect("a head")
        });
        assert_eq!(heads[0], heads[1]);
    }

    #[test]
    fn a_folder_with_anything_in_it_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("mine"), "").expect("a file");
        let refused = Repository::create(folder.path(), "main", &history(), Arc::new(NoRecorder));
        assert!(matches!(refused, Err(GitError::Exists(_))), "{refused:?}");
        assert!(!folder.path().join(".git").exists());
    }
}
