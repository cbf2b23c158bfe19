//! Work trees of our own, in which untrusted code runs.
//!
//! Git only registers them. The files are written by plain code from the object store, so no filter, hook or line-end
//! rule applies, and they are read back by plain code, so nothing that ran there (a replaced `.git` file, attributes,
//! links) can reach us through git. What is read back is either a plain change of a plain file or it is refused.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::diff::hex;
use super::open::small_text;
use super::read::{FileMode, TreeEntry};
use super::{Change, Expected, GitError, RepoPath, Repository, Sha, io_error};

/// Largest file that is read back, in bytes.
const FILE_CAP: u64 = 16 * 1024 * 1024;
/// Most bytes of changes that are read back.
const CHANGES_CAP: u64 = 128 * 1024 * 1024;
/// Most files and folders that are looked at.
const ENTRIES_CAP: usize = 500_000;
/// Deepest folder that is looked at.
const DEPTH_CAP: usize = 128;
/// Bytes of contents asked from git at once when the files are written.
const BATCH_BYTES: u64 = 32 * 1024 * 1024;
/// Marks a work tree of ours in git's folder for it; holds the base commit.
const MARKER: &str = "groundcrew";
/// The `.git` file of a folder that git does not know of.
const NOWHERE: &str = "gitdir: /nonexistent\n";

/// Something in a work tree that is not a plain change of a plain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it is, relative to the work tree; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Why it is refused.
    pub reason: &'static str,
}

/// What differs from the commit a work tree was made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorktreeChanges {
    /// Plain changes, by path.
    pub changes: Vec<Change>,
    /// Everything else that differs, by path. Non-empty means that somebody should look.
    pub refused: Vec<Refused>,
}

/// A detached work tree made by us. Dropping it leaves it on disk; [`Worktree::remove`] takes it away.
#[derive(Debug)]
pub struct Worktree {
    repository: Repository,
    path: PathBuf,
    admin: PathBuf,
    base: Sha,
    stored: Option<WorktreeChanges>,
}

impl Repository {
    /// Makes a work tree of a commit at `at`, which must not exist.
    ///
    /// Files whose names no [`RepoPath`] can hold are left out.
    pub fn add_worktree(&self, at: &Path, commit: &Sha) -> Result<Worktree, GitError> {
        if fs::symlink_metadata(at).is_ok() {
            return Err(GitError::Exists(at.to_owned()));
        }
        let parent = at.parent().ok_or_else(|| GitError::Exists(at.to_owned()))?;
        fs::create_dir_all(parent).map_err(io_error(format!("make {}", parent.display())))?;
        let parent = parent.canonicalize().map_err(io_error(format!("open {}", parent.display())))?;
        let path = parent.join(at.file_name().ok_or_else(|| GitError::Exists(at.to_owned()))?);
        self.git(&["worktree", "add", "--no-checkout", "--detach", "--quiet", "--end-of-options"])
            .arg(&path)
            .arg(commit.as_str())
            .run(self.recorder())?;
        let admin = self.admin_of(&path)?;
        fs::write(admin.join(MARKER), commit.as_str()).map_err(io_error("mark the work tree"))?;
        let worktree = Worktree { repository: self.clone(), path, admin, base: commit.clone(), stored: None };
        self.fill(&worktree.path, commit, &[])?;
        // With an index of its own the work tree looks clean to a person who enters it.
        self.git(&["read-tree", "--end-of-options"])
            .arg(commit.as_str())
            .env("GIT_INDEX_FILE", worktree.admin.join("index"))
            .run(self.recorder())?;
        Ok(worktree)
    }

    /// Writes the files of a commit into a new folder that is no work tree: git does not know of it, and it has no `.git`.
    ///
    /// # Errors
    /// [`GitError::Exists`] if there is something at `at`.
    pub fn export(&self, at: &Path, commit: &Sha) -> Result<(), GitError> {
        if let Some(parent) = at.parent() {
            fs::create_dir_all(parent).map_err(io_error(format!("make {}", parent.display())))?;
        }
        match fs::create_dir(at) {
            Ok(()) => self.fill(at, commit, &[]),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(GitError::Exists(at.to_owned()))
            }
            Err(error) => Err(io_error(format!("make {}", at.display()))(error)),
        }
    }

    /// Writes the files of a commit, with changes to them, into a new folder that is thrown away after a run.
    ///
    /// Git does not know of it. A `.git` file that leads nowhere marks it as the top of a project, and keeps a git that is
    /// called inside from taking a repository further up for it.
    ///
    /// # Errors
    /// [`GitError::Exists`] if there is something at `at`, [`GitError::Refused`] for a change that is not a plain one of a
    /// plain file.
    pub fn lay_out(&self, at: &Path, commit: &Sha, changes: &[Change]) -> Result<(), GitError> {
        if fs::symlink_metadata(at).is_ok() {
            return Err(GitError::Exists(at.to_owned()));
        }
        fs::create_dir(at).map_err(io_error(format!("make {}", at.display())))?;
        fs::write(at.join(".git"), NOWHERE).map_err(io_error(format!("write in {}", at.display())))?;
        self.fill(at, commit, changes)
    }

    /// A work tree that was made earlier, perhaps by a process that has ended.
    ///
    /// # Errors
    /// [`GitError::NotOurWorktree`] if it was not made by [`Repository::add_worktree`].
    pub fn worktree(&self, at: &Path) -> Result<Worktree, GitError> {
        let not_ours = || GitError::NotOurWorktree(at.to_owned());
        let path = at.canonicalize().map_err(|_| GitError::NoFolder(at.to_owned()))?;
        let admin = self.admin_of(&path)?;
        let base = small_text(&admin.join(MARKER)).ok_or_else(not_ours)?;
        Ok(Worktree { repository: self.clone(), path, admin, base: Sha::parse(&base)?, stored: None })
    }

    /// Folders of all work trees made here that are still registered, whether or not they still exist.
    pub fn worktrees(&self) -> Vec<PathBuf> {
        self.ours().into_iter().map(|(path, _)| path).collect()
    }

    /// Forgets the work trees made here whose folder is gone; others, such as those on a disk that is not mounted, stay.
    ///
    /// One that was killed while it was made has no mark yet: it is ours if it was to lie beneath `beneath`.
    pub fn prune_worktrees(&self, beneath: &Path) -> Result<(), GitError> {
        for (path, admin) in self.registered() {
            let ours = admin.join(MARKER).is_file() || path.starts_with(beneath);
            if ours && fs::symlink_metadata(&path).is_err() {
                fs::remove_dir_all(&admin).map_err(io_error(format!("remove {}", admin.display())))?;
            }
        }
        Ok(())
    }

    /// Registered work trees with our mark: folder and git's folder for it.
    fn ours(&self) -> Vec<(PathBuf, PathBuf)> {
        self.registered().into_iter().filter(|(_, admin)| admin.join(MARKER).is_file()).collect()
    }

    fn registered(&self) -> Vec<(PathBuf, PathBuf)> {
        let Ok(entries) = fs::read_dir(self.common.join("worktrees")) else { return Vec::new() };
        let mut found: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let file = PathBuf::from(small_text(&entry.path().join("gitdir"))?);
                Some((file.parent()?.to_owned(), entry.path()))
            })
            .collect();
        found.sort();
        found
    }

    /// Git's folder for a work tree, found from git's side; the `.git` file in the work tree is not believed.
    fn admin_of(&self, path: &Path) -> Result<PathBuf, GitError> {
        let found = self.registered().into_iter().find(|(folder, _)| folder == path);
        found.map(|(_, admin)| admin).ok_or_else(|| GitError::NotOurWorktree(path.to_owned()))
    }
}

impl Worktree {
    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit it was made of.
    pub fn base(&self) -> &Sha {
        &self.base
    }

    /// What differs from the base commit, read by plain code: links are not followed, sizes are capped.
    pub fn changes(&self) -> Result<WorktreeChanges, GitError> {
        let mut missing: BTreeMap<String, TreeEntry> = self
            .repository
            .files(&self.base)?
            .into_iter()
            .map(|entry| (entry.path.as_str().to_owned(), entry))
            .collect();
        let mut found = WorktreeChanges::default();
        let mut walk = Walk { bytes: 0, entries: 0, sha256: self.base.as_str().len() == 64 };
        let mut folders = vec![(self.path.clone(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(io_error(format!("read {}", folder.display())))?;
            for entry in entries {
                let entry = entry.map_err(io_error(format!("read {}", folder.display())))?;
                walk.count(&self.path)?;
                let name = entry.file_name();
                let shown = format!("{prefix}{}", name.to_string_lossy());
                let Ok(path) = name.to_str().ok_or(()).and_then(|_| RepoPath::parse(&shown).map_err(drop))
                else {
                    // The `.git` of the work tree itself is git's, and nothing of ours ever reads it.
                    if shown != ".git" {
                        found.refuse(shown, "its name is not UTF-8, too long, or names a git folder");
                    }
                    continue;
                };
                let meta =
                    fs::symlink_metadata(entry.path()).map_err(io_error(format!("look at {shown}")))?;
                if meta.is_dir() && missing.get(&shown).is_some_and(|base| base.mode == FileMode::Gitlink) {
                    missing.remove(&shown);
                }
                if meta.is_dir() && depth < DEPTH_CAP {
                    folders.push((entry.path(), format!("{shown}/"), depth + 1));
                } else if meta.is_dir() {
                    found.refuse(shown, "it lies too deep");
                } else {
                    walk.compare(&entry.path(), &meta, path, missing.remove(&shown), &mut found)?;
                }
            }
        }
        for (shown, entry) in missing {
            match entry.mode {
                FileMode::File | FileMode::Executable => found.changes.push(Change::delete(entry.path)),
                FileMode::Symlink => found.refuse(shown, "a symbolic link was deleted"),
                FileMode::Gitlink => {}
            }
        }
        found.changes.sort_by(|a, b| a.path.cmp(&b.path));
        found.refused.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Stores the changes as a commit on the base commit and lets a ref beneath `refs/groundcrew/` hold it.
    ///
    /// Refused things are not stored. Without changes the base commit itself is held.
    ///
    /// # Errors
    /// [`GitError::BadRef`] for a ref elsewhere, [`GitError::Moved`] if the ref is not where it is expected.
    pub fn snapshot(&mut self, ref_name: &str, expected: &Expected, time: i64) -> Result<Sha, GitError> {
        if !ref_name.starts_with("refs/groundcrew/") {
            let reason = "a snapshot goes beneath `refs/groundcrew/`";
            return Err(GitError::BadRef { name: ref_name.to_owned(), reason });
        }
        let found = self.changes()?;
        let commit = if found.changes.is_empty() {
            self.base.clone()
        } else {
            self.repository.commit(&self.base, &found.changes, "Work in progress", time)?
        };
        self.repository.update_ref(ref_name, &commit, expected)?;
        self.stored = Some(found);
        Ok(commit)
    }

    /// Takes the work tree away.
    ///
    /// # Errors
    /// [`GitError::Unsaved`] if it holds changes that no snapshot stored; nothing is deleted then.
    pub fn remove(self) -> Result<(), GitError> {
        let found = self.changes()?;
        let saved = self.stored.as_ref().is_some_and(|stored| stored.changes == found.changes);
        if !found.changes.is_empty() && !saved {
            return Err(GitError::Unsaved { path: self.path.clone(), count: found.changes.len() });
        }
        self.discard()
    }

    /// Takes the work tree away with everything in it. For trees whose content is worthless, such as after a test run.
    pub fn discard(self) -> Result<(), GitError> {
        unlock_folders(&self.path);
        fs::remove_dir_all(&self.path).map_err(io_error(format!("remove {}", self.path.display())))?;
        fs::remove_dir_all(&self.admin).map_err(io_error(format!("remove {}", self.admin.display())))
    }
}

impl Repository {
    /// Writes the files of a commit; links come last, so that no file can be written through one.
    fn fill(&self, at: &Path, commit: &Sha, changes: &[Change]) -> Result<(), GitError> {
        let listed = self.listed(commit)?;
        let changed = |entry: &&TreeEntry| changes.iter().any(|change| change.path == entry.path);
        let (links, files): (Vec<_>, Vec<_>) = listed
            .iter()
            .filter(|entry| entry.mode != FileMode::Gitlink && !changed(entry))
            .cloned()
            .partition(|entry| entry.mode == FileMode::Symlink);
        for change in changes {
            let known = listed.iter().find(|entry| entry.path == change.path);
            write_change(at, change, known)?;
        }
        for group in [files, links] {
            let mut rest = group.as_slice();
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = rest.iter().take_while(|entry| {
                    bytes += entry.size;
                    bytes <= BATCH_BYTES
                });
                let (batch, after) = rest.split_at(fits.count().max(1));
                self.write_batch(at, batch)?;
                rest = after;
            }
        }
        Ok(())
    }

    fn write_batch(&self, at: &Path, batch: &[TreeEntry]) -> Result<(), GitError> {
        let unexpected =
            || GitError::Unexpected { command: "cat-file", what: "the blobs asked for, in order" };
        let write = |entry: &TreeEntry, content: &[u8]| {
            write_entry(at, entry, content)
                .map_err(io_error(format!("write {} to the work tree", entry.path)))
        };
        let mut batch_left = Vec::new();
        for entry in batch {
            match self.seen.known_blob(&entry.blob) {
                Some(content) => write(entry, &content)?,
                None => batch_left.push(entry),
            }
        }
        if batch_left.is_empty() {
            return Ok(());
        }
        let ids = batch_left.iter().map(|entry| format!("{}\n", entry.blob)).collect::<String>();
        let printed = self.git(&["cat-file", "--batch"]).input(ids.into_bytes()).run(self.recorder())?;
        let mut rest = printed.as_slice();
        for entry in batch_left {
            let line_end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(unexpected)?;
            let head = String::from_utf8_lossy(&rest[..line_end]);
            let size: usize = head
                .strip_prefix(&format!("{} blob ", entry.blob))
                .and_then(|size| size.parse().ok())
                .ok_or_else(unexpected)?;
            let content = rest.get(line_end + 1..line_end + 1 + size).ok_or_else(unexpected)?;
            rest = rest.get(line_end + 2 + size..).ok_or_else(unexpected)?;
            write(entry, content)?;
            self.seen.keep_blob(&entry.blob, &Arc::new(content.to_vec()));
        }
        Ok(())
    }
}

/// Writes a changed file before any other, so that no link is there yet through which it could be written.
fn write_change(at: &Path, change: &Change, known: Option<&TreeEntry>) -> Result<(), GitError> {
    let refuse = |reason| Err(GitError::Refused { path: change.path.clone(), reason });
    let mode = match known.map(|entry| entry.mode) {
        None if change.content.is_none() => return refuse("it does not exist"),
        None => 0o644,
        Some(FileMode::File) => 0o644,
        Some(FileMode::Executable) => 0o755,
        Some(FileMode::Symlink) => return refuse("it is a symbolic link"),
        Some(FileMode::Gitlink) => return refuse("it is another repository"),
    };
    let Some(content) = &change.content else { return Ok(()) };
    let path = change.path.beneath(at);
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?.write_all(content)
    });
    written.map_err(io_error(format!("write {} to the work tree", change.path)))
}

fn write_entry(at: &Path, entry: &TreeEntry, content: &[u8]) -> std::io::Result<()> {
    let path = entry.path.beneath(at);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match entry.mode {
        FileMode::Symlink => {
            use std::os::unix::ffi::OsStrExt;
            std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(content), path)
        }
        FileMode::File | FileMode::Executable | FileMode::Gitlink => {
            let mode = if entry.mode == FileMode::Executable { 0o755 } else { 0o644 };
            OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(content)
        }
    }
}

impl WorktreeChanges {
    fn refuse(&mut self, path: String, reason: &'static str) {
        self.refused.push(Refused { path, reason });
    }

    /// Whether nothing differs at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.refused.is_empty()
    }
}

struct Walk {
    bytes: u64,
    entries: usize,
    sha256: bool,
}

impl Walk {
    fn count(&mut self, root: &Path) -> Result<(), GitError> {
        self.entries += 1;
        if self.entries > ENTRIES_CAP {
            return Err(GitError::TooLarge {
                what: format!("the number of files in {}", root.display()),
                cap: ENTRIES_CAP as u64,
            });
        }
        Ok(())
    }

    /// Looks at one thing that is no folder.
    fn compare(
        &mut self,
        file: &Path,
        meta: &fs::Metadata,
        path: RepoPath,
        base: Option<TreeEntry>,
        found: &mut WorktreeChanges,
    ) -> Result<(), GitError> {
        let shown = path.to_string();
        if meta.is_symlink() {
            let target = fs::read_link(file).map_err(io_error(format!("look at {shown}")))?;
            let same = base.is_some_and(|base| {
                base.mode == FileMode::Symlink
                    && self.id(target.as_os_str().as_encoded_bytes()) == base.blob.as_str()
            });
            if !same {
                found.refuse(shown, "a symbolic link is new or leads elsewhere");
            }
            return Ok(());
        }
        if !meta.is_file() {
            found.refuse(shown, "it is a pipe, a socket or a device");
            return Ok(());
        }
        if meta.nlink() > 1 {
            found.refuse(shown, "it is a hard link");
            return Ok(());
        }
        let executable = meta.permissions().mode() & 0o111 != 0;
        match base.as_ref().map(|base| base.mode) {
            Some(FileMode::Symlink | FileMode::Gitlink) => {
                found.refuse(shown, "a file took the place of a link");
                return Ok(());
            }
            Some(mode) if executable != (mode == FileMode::Executable) => {
                found.refuse(shown.clone(), "its permission to run was changed");
            }
            None if executable => {
                found.refuse(shown.clone(), "it is new and may be run; it is kept as a plain file");
            }
            Some(_) | None => {}
        }
        if meta.len() > FILE_CAP && base.as_ref().is_none_or(|base| base.size != meta.len()) {
            found.refuse(shown, "it is larger than 16 MiB");
            return Ok(());
        }
        let content = read_plain(file, meta.len())?;
        if base.as_ref().is_some_and(|base| self.id(&content) == base.blob.as_str()) {
            return Ok(());
        }
        if content.len() as u64 > FILE_CAP {
            found.refuse(shown, "it is larger than 16 MiB");
            return Ok(());
        }
        self.bytes += content.len() as u64;
        if self.bytes > CHANGES_CAP {
            return Err(GitError::TooLarge {
                what: "the changes of a work tree".to_owned(),
                cap: CHANGES_CAP,
            });
        }
        found.changes.push(Change::write(path, content));
        Ok(())
    }

    /// The id git gives to a content.
    fn id(&self, content: &[u8]) -> String {
        let head = format!("blob {}\0", content.len());
        if self.sha256 {
            hex(&Sha256::new().chain_update(head).chain_update(content).finalize())
        } else {
            hex(&Sha1::new().chain_update(head).chain_update(content).finalize())
        }
    }
}

/// Reads a file that was seen to be plain; a link that took its place is an error, and growth past `size` is cut.
fn read_plain(file: &Path, size: u64) -> Result<Vec<u8>, GitError> {
    let failed = || io_error(format!("read {}", file.display()));
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = match File::options().read(true).custom_flags(flags.bits()).open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            // The owner took his own permission away; it is ours to give back.
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).map_err(failed())?;
            File::options().read(true).custom_flags(flags.bits()).open(file).map_err(failed())?
        }
        Err(error) => return Err(failed()(error)),
    };
    let mut content = Vec::new();
    opened.take(size).read_to_end(&mut content).map_err(failed())?;
    Ok(content)
}

/// Takes a folder away with everything in it, whatever permissions a command left there.
///
/// # Errors
/// Something in it cannot be removed.
pub fn remove_folder(folder: &Path) -> std::io::Result<()> {
    unlock_folders(folder);
    fs::remove_dir_all(folder)
}

/// Gives back the permission to list and empty folders, which a command may have taken away; errors show on removal.
fn unlock_folders(root: &Path) {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).ok();
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
}
