//! Finding and opening a repository, and what its refs say right now.
//!
//! The git folder is found by plain code, because git's own discovery believes whatever lies on the way up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::Recorder;
use tempfile::TempDir;

use super::command::{Base, Git, search_path, switch_off_drivers};
use super::seen::Seen;
use super::{GitError, Sha, io_error};

/// The oldest git that works, as major and minor number.
const OLDEST: (u32, u32) = (2, 31);

/// Largest list of commits at which the history is cut off, in bytes.
const CUTS_CAP: u64 = 16 << 20;

/// Where the user's checkout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit checked out.
    pub commit: Sha,
    /// Short name of the branch; none when the head is detached.
    pub branch: Option<String>,
}

/// A repository of the user, opened for reading and for work beside their checkout. Clones are cheap.
#[derive(Clone)]
pub struct Repository {
    pub(super) base: Arc<Base>,
    pub(super) scratch: Arc<TempDir>,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) version: (u32, u32),
    pub(super) seen: Arc<Seen>,
    top: PathBuf,
    pub(super) common: PathBuf,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("top", &self.top).finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens the repository that holds `path`, a folder of the user's checkout.
    ///
    /// # Errors
    /// Says which it is: no such folder, no repository, a bare one, no git program, or one too old.
    pub fn open(path: &Path, recorder: Arc<dyn Recorder>) -> Result<Repository, GitError> {
        let start = path.canonicalize().map_err(|_| GitError::NoFolder(path.to_owned()))?;
        if !start.is_dir() {
            return Err(GitError::NoFolder(path.to_owned()));
        }
        let (top, git_dir) = find(&start)?;
        let common = common_dir(&git_dir)?;
        let scratch = crate::scratch::folder().map_err(io_error("make a temporary folder for git"))?;
        let void = scratch.path().join("void");
        fs::create_dir(&void).map_err(io_error("make a temporary folder for git"))?;
        let mut base = Base { git_dir, void, path: search_path(&top), drivers: Vec::new() };
        let version = check_version(&base, recorder.as_ref())?;
        // Exit code 1 says that no driver is defined.
        let keys =
            Git::new(&base, &["config", "-z", "--name-only", "--get-regexp", "^(filter|diff|merge)\\..+\\."])
                .run_any(recorder.as_ref())?;
        base.drivers = switch_off_drivers(&keys.stdout);
        Ok(Repository {
            base: Arc::new(base),
            scratch: Arc::new(scratch),
            recorder,
            version,
            seen: Seen::of(&common),
            top,
            common,
        })
    }

    /// The same repository, telling another recorder what it does.
    pub fn with_recorder(&self, recorder: Arc<dyn Recorder>) -> Repository {
        Repository { recorder, ..self.clone() }
    }

    /// The top folder of the user's checkout.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The git folder that all work trees share; an identity of the repository on this machine.
    pub fn common_dir(&self) -> &Path {
        &self.common
    }

    /// The commit and branch of the user's checkout.
    ///
    /// # Errors
    /// [`GitError::NoCommits`] in a repository without any.
    pub fn head(&self) -> Result<Head, GitError> {
        let symbolic = self.git(&["symbolic-ref", "--quiet", "HEAD"]).run_any(self.recorder())?;
        let branch = text(&symbolic.stdout).strip_prefix("refs/heads/").map(str::to_owned);
        match self.resolve("HEAD") {
            Ok(commit) => Ok(Head { commit, branch }),
            Err(GitError::NoSuchCommit(_)) => Err(GitError::NoCommits(self.top.clone())),
            Err(error) => Err(error),
        }
    }

    /// The commit a revision names: a branch, a tag, an abbreviated id, `HEAD~2`.
    ///
    /// # Errors
    /// [`GitError::NoSuchCommit`] if it names none.
    pub fn resolve(&self, rev: &str) -> Result<Sha, GitError> {
        let missing = || GitError::NoSuchCommit(rev.chars().take(200).collect());
        if rev.is_empty() || rev.contains(['\0', '\n']) {
            return Err(missing());
        }
        let printed = self
            .git(&["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .arg(format!("{rev}^{{commit}}"))
            .run_any(self.recorder())?;
        // Older git repeats `--end-of-options` in the output; the id is the last line.
        match (printed.code, text(&printed.stdout).lines().last()) {
            (Some(0), Some(line)) => Sha::parse(line).map_err(|_| missing()),
            _ => Err(missing()),
        }
    }

    /// Whether `ancestor` can be reached from `descendant`; a commit is its own ancestor.
    pub fn is_ancestor(&self, ancestor: &Sha, descendant: &Sha) -> Result<bool, GitError> {
        let printed = self
            .git(&["merge-base", "--is-ancestor"])
            .arg(ancestor.as_str())
            .arg(descendant.as_str())
            .run_any(self.recorder())?;
        match printed.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            code => Err(GitError::Failed { command: "merge-base".to_owned(), code, message: printed.stderr }),
        }
    }

    /// The newest commit that both reach, or none where their histories have nothing in common.
    pub fn merge_base(&self, one: &Sha, other: &Sha) -> Result<Option<Sha>, GitError> {
        let printed =
            self.git(&["merge-base"]).arg(one.as_str()).arg(other.as_str()).run_any(self.recorder())?;
        match printed.code {
            Some(0) => text(&printed.stdout).lines().next().map(Sha::parse).transpose(),
            Some(1) => Ok(None),
            code => Err(GitError::Failed { command: "merge-base".to_owned(), code, message: printed.stderr }),
        }
    }

    /// Full names of all branches that some work tree has checked out or is rebasing.
    pub fn checked_out_branches(&self) -> Result<Vec<String>, GitError> {
        let listed = self.git(&["worktree", "list", "--porcelain"]).run(self.recorder())?;
        let mut branches: Vec<String> = text(&listed)
            .lines()
            .filter_map(|line| line.strip_prefix("branch "))
            .map(str::to_owned)
            .collect();
        let mut folders = vec![self.common.clone()];
        if let Ok(entries) = fs::read_dir(self.common.join("worktrees")) {
            folders.extend(entries.flatten().map(|entry| entry.path()));
        }
        for folder in folders {
            for busy in ["rebase-merge/head-name", "rebase-apply/head-name"] {
                if let Some(name) = small_text(&folder.join(busy)) {
                    branches.push(name);
                }
            }
        }
        branches.sort();
        branches.dedup();
        Ok(branches)
    }

    /// Short name of the branch the project treats as its main line; none if that cannot be told.
    pub fn default_branch(&self) -> Result<Option<String>, GitError> {
        let remote =
            self.git(&["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"]).run_any(self.recorder())?;
        if let Some(name) = text(&remote.stdout).strip_prefix("refs/remotes/origin/") {
            return Ok(Some(name.to_owned()));
        }
        for name in ["main", "master", "trunk", "develop"] {
            if self.ref_sha(&format!("refs/heads/{name}"))?.is_some() {
                return Ok(Some(name.to_owned()));
            }
        }
        match self.head() {
            Ok(head) => Ok(head.branch),
            Err(GitError::NoCommits(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the history is cut off, so that blame and history may end too early.
    pub fn is_shallow(&self) -> bool {
        self.common.join("shallow").is_file()
    }

    /// Whether the history is cut off at a commit: it is there, but what it changed cannot be told.
    pub fn is_cut_at(&self, commit: &Sha) -> bool {
        self.cuts().contains(commit.as_str())
    }

    /// Ids of the commits at which the history is cut off; none in a whole repository.
    pub(super) fn cuts(&self) -> BTreeSet<String> {
        let file = self.common.join("shallow");
        let text = if fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() <= CUTS_CAP) {
            fs::read_to_string(&file).unwrap_or_default()
        } else {
            String::new()
        };
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    pub(super) fn git(&self, args: &[&str]) -> Git<'_> {
        Git::new(&self.base, args)
    }

    pub(super) fn recorder(&self) -> &dyn Recorder {
        self.recorder.as_ref()
    }

    /// A path for an index of one operation, which no other operation uses.
    pub(super) fn scratch_index(&self) -> Result<TempDir, GitError> {
        tempfile::Builder::new()
            .prefix("index-")
            .tempdir_in(self.scratch.path())
            .map_err(io_error("make a folder for a temporary index"))
    }
}

/// Output as text without the line end.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\n', '\r']).to_owned()
}

/// The trimmed text of a small file of a git folder; none if it is missing, large or not a plain file.
pub(super) fn small_text(path: &Path) -> Option<String> {
    let meta = fs::symlink_metadata(path).ok()?;
    if !meta.is_file() || meta.len() > 16 * 1024 {
        return None;
    }
    fs::read_to_string(path).ok().map(|content| content.trim().to_owned())
}

/// The top folder and the git folder of the checkout that holds `start`.
fn find(start: &Path) -> Result<(PathBuf, PathBuf), GitError> {
    for folder in start.ancestors() {
        let dot_git = folder.join(".git");
        match fs::symlink_metadata(&dot_git) {
            Ok(meta) if meta.is_file() => return Ok((folder.to_owned(), follow_git_file(&dot_git, folder)?)),
            Ok(_) if looks_like_git_dir(&dot_git) => {
                let git_dir =
                    dot_git.canonicalize().map_err(io_error(format!("open {}", dot_git.display())))?;
                return Ok((folder.to_owned(), git_dir));
            }
            Ok(_) | Err(_) => {}
        }
        if looks_like_git_dir(folder) {
            return Err(GitError::Bare(folder.to_owned()));
        }
    }
    Err(GitError::NotARepository(start.to_owned()))
}

fn looks_like_git_dir(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// The git folder a `.git` file of a linked work tree or a submodule names.
fn follow_git_file(file: &Path, folder: &Path) -> Result<PathBuf, GitError> {
    let broken = |reason| GitError::BrokenGitFile { file: file.to_owned(), reason };
    let content = small_text(file).ok_or_else(|| broken("it cannot be read"))?;
    let target = content.strip_prefix("gitdir:").ok_or_else(|| broken("it has no `gitdir:` line"))?;
    let git_dir = folder
        .join(target.trim())
        .canonicalize()
        .map_err(|_| broken("the folder it names does not exist"))?;
    if !git_dir.join("HEAD").is_file() {
        return Err(broken("the folder it names is not a git folder"));
    }
    // A linked work tree is named from both ends; one that only claims to be linked is not believed.
    if git_dir.join("commondir").is_file() {
        let back =
            small_text(&git_dir.join("gitdir")).and_then(|path| git_dir.join(path).canonicalize().ok());
        if back.as_deref() != Some(file) {
            return Err(broken("the git folder it names does not name it back; run `git worktree repair`"));
        }
    }
    Ok(git_dir)
}

fn common_dir(git_dir: &Path) -> Result<PathBuf, GitError> {
    match small_text(&git_dir.join("commondir")) {
        Some(path) => git_dir.join(path).canonicalize().map_err(io_error("find the shared git folder")),
        None => Ok(git_dir.to_owned()),
    }
}

/// The version of the git program as it tells it, if it is new enough.
pub(super) fn version_text(base: &Base, recorder: &dyn Recorder) -> Result<String, GitError> {
    let printed = text(&Git::new(base, &["version"]).run(recorder)?);
    let found = printed.split_whitespace().nth(2).unwrap_or("").to_owned();
    if numbers(&found) < OLDEST {
        return Err(GitError::TooOld { found, needed: "2.31" });
    }
    Ok(found)
}

fn check_version(base: &Base, recorder: &dyn Recorder) -> Result<(u32, u32), GitError> {
    version_text(base, recorder).map(|found| numbers(&found))
}

fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
