//! Git, always as the git program, never with the power to run what a repository asks for.
//!
//! A [`Repository`] reads the user's repository and writes only objects, refs nobody has checked out and work trees of
//! our own. The user's checkout, index and branches in use are never touched. Commits are made by plumbing, so that
//! equal input gives an equal commit id, and every ref moves by compare-and-swap.
//!
//! | file | what |
//! | --- | --- |
//! | `command` | the one function that builds a git command |
//! | `names` | [`Sha`], [`RepoPath`] |
//! | `open` | finding and opening a repository, refs and branches as they are |
//! | `read` | trees, files, history, the blame of a line |
//! | `blame` | the blame of a range of lines |
//! | `history` | lines with their commits, commits with their sizes, tags |
//! | `diff` | what changed between two commits |
//! | `write` | commits, reverts |
//! | `refs` | moving refs |
//! | `seen` | what was read of commits, kept while a repository is open |
//! | `uncommitted` | what the user's checkout has beyond its commit |
//! | `worktree` | work trees of our own |
//! | `create` | a whole new repository |

mod blame;
mod carry;
mod command;
mod create;
mod diff;
mod history;
mod names;
mod open;
mod read;
mod refs;
mod seen;
mod uncommitted;
mod worktree;
mod write;

use std::path::PathBuf;

pub use carry::{Carried, CarriedLine};
pub use create::{NewCommit, git_version};
pub use diff::{ChangeKind, Diff, FileChange};
pub use history::{Author, BlamedLine, Tag, Touch, Touching};
pub use names::{RepoPath, Sha};
pub use open::{Head, Repository};
pub use read::{CommitInfo, FileMode, TreeEntry};
pub use refs::Expected;
pub use worktree::{Refused, Worktree, WorktreeChanges, remove_folder};
pub use write::Change;

/// Why git could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The folder does not exist.
    #[error("no such folder: {0}")]
    NoFolder(PathBuf),
    /// Neither the folder nor one above it is a repository.
    #[error("{0} is not in a git repository; run `git init` there or name another folder")]
    NotARepository(PathBuf),
    /// The repository has no checkout.
    #[error("{0} is a bare repository; name a checkout of it")]
    Bare(PathBuf),
    /// A `.git` file does not lead to a git folder.
    #[error("{file} does not lead to a git folder: {reason}")]
    BrokenGitFile {
        /// The `.git` file.
        file: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no git program.
    #[error("git is not installed or not in PATH; install git 2.31 or newer")]
    NoGit,
    /// The git program lacks what is needed.
    #[error("git {found} is too old; install git {needed} or newer")]
    TooOld {
        /// The version found.
        found: String,
        /// The oldest version that works.
        needed: &'static str,
    },
    /// The repository has no commit yet.
    #[error("{0} has no commits yet; make one first")]
    NoCommits(PathBuf),
    /// A name does not lead to a commit.
    #[error("no such commit: {0}")]
    NoSuchCommit(String),
    /// Not an object id.
    #[error("not a full git object id: {0:?}")]
    BadSha(String),
    /// Not a path inside a repository.
    #[error("the path {path:?} is refused: {reason}")]
    BadPath {
        /// The path, cut to 200 characters.
        path: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// Not a ref name.
    #[error("the ref name {name:?} is refused: {reason}")]
    BadRef {
        /// The name, cut to 200 characters.
        name: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// A change cannot be made because of what is at its path.
    #[error("{path} cannot be changed: {reason}")]
    Refused {
        /// The path of the change.
        path: RepoPath,
        /// Why not.
        reason: &'static str,
    },
    /// The ref is not where the caller believed.
    #[error("{name} has moved: expected {expected}, found {}", found.as_ref().map_or("no such ref", Sha::as_str))]
    Moved {
        /// The ref.
        name: String,
        /// Where it was expected.
        expected: String,
        /// Where it is.
        found: Option<Sha>,
    },
    /// The branch is checked out, so moving it would change what the user sees.
    #[error("{branch} is checked out; switch to another branch first, or merge there by hand")]
    CheckedOut {
        /// Full name of the branch.
        branch: String,
    },
    /// The move would lose commits.
    #[error("{branch} at {from} is not an ancestor of {to}; merge or rebase first")]
    NotFastForward {
        /// Full name of the branch.
        branch: String,
        /// Where the branch is.
        from: Sha,
        /// Where it should go.
        to: Sha,
    },
    /// A work tree holds changes that are stored nowhere else.
    #[error("{path} holds {count} unsaved changes; store them with a snapshot first")]
    Unsaved {
        /// The work tree.
        path: PathBuf,
        /// Number of changes.
        count: usize,
    },
    /// The path is already taken.
    #[error("{0} already exists; name a path that does not exist")]
    Exists(PathBuf),
    /// The folder is not a work tree made here.
    #[error("{0} is not a work tree of this repository made by groundcrew")]
    NotOurWorktree(PathBuf),
    /// Something is larger than its cap.
    #[error("{what} is larger than {cap} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The cap in bytes.
        cap: u64,
    },
    /// A command took too long and was ended.
    #[error("git {command} took longer than {seconds} s and was ended")]
    TimedOut {
        /// The git command.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// A command failed.
    #[error("git {command} failed{}: {message}", code.map(|code| format!(" (exit code {code})")).unwrap_or_default())]
    Failed {
        /// The git command.
        command: String,
        /// Its exit code; none if a signal ended it.
        code: Option<i32>,
        /// What it printed on standard error, cut.
        message: String,
    },
    /// A command printed what cannot be understood.
    #[error("git {command} printed something unexpected: {what}")]
    Unexpected {
        /// The git command.
        command: &'static str,
        /// What was expected.
        what: &'static str,
    },
    /// A file operation failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> GitError {
    let what = what.into();
    move |source| GitError::Io { what, source }
}
