//! What cargo built of other people's packages, lent from one work tree to the next.
//!
//! Every work tree of a run is a fresh folder, and cargo would build all dependencies in each. After the first one what came of
//! packages with a source outside of the repository is copied aside, and into each later tree before it is first used. It is
//! a copy and no shared folder, so that a run cannot change what another one uses. What came of the repository's own
//! packages is left out: cargo tells by times alone whether those are to be built anew, and a fresh tree may have older
//! files than what was built of another.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The folder that cargo builds in.
const TARGET: &str = "target";
/// Folder within that of a run in which lies aside what was built for it.
pub const BUILT: &str = "built";
/// Largest lock file that is read, and what is copied at most.
const LOCK: u64 = 4 << 20;
const MOST_BYTES: u64 = 2 << 30;
const MOST_FILES: usize = 100_000;

/// The place aside for a work tree; none where its packages are not locked or it lies in no folder of a run.
struct Aside {
    at: PathBuf,
    /// Names of the packages that are not the repository's own.
    foreign: BTreeSet<String>,
}

impl Aside {
    fn of(worktree: &Path) -> Option<Aside> {
        let lock = worktree.join("Cargo.lock");
        let meta = fs::symlink_metadata(&lock).ok().filter(|meta| meta.is_file() && meta.len() <= LOCK)?;
        let text = fs::read_to_string(&lock).ok().filter(|_| meta.len() > 0)?;
        let foreign = foreign(&text);
        let run = run_of(worktree)?;
        let word = format!("{:x}", Sha256::digest(text.as_bytes()));
        (!foreign.is_empty()).then(|| Aside { at: run.join(BUILT).join(&word[..16]), foreign })
    }

    fn is_foreign(&self, name: &str) -> bool {
        self.foreign.contains(name)
    }
}

/// The folder of the run that a work tree belongs to: there each lies in a folder of its own.
fn run_of(worktree: &Path) -> Option<&Path> {
    let own = worktree.parent().filter(|_| worktree.ends_with("tree"))?;
    let is_ours = own.file_name()?.to_str()?.starts_with("repair-");
    own.parent().filter(|_| is_ours)
}

/// A folder of the run for what cargo takes for its home: where packages lie is part of what cargo knows them by, so that it
/// has to be the same for all work trees. None where a work tree lies in no run.
pub(super) fn home(worktree: &Path) -> Option<PathBuf> {
    let at = run_of(worktree)?.join(BUILT).join("home");
    fs::create_dir_all(&at).ok().map(|()| at)
}

/// Gives a work tree that has not been built yet what is known of its dependencies.
pub(super) fn lend(worktree: &Path) {
    let Some(aside) = Aside::of(worktree) else { return };
    let target = worktree.join(TARGET);
    if target.symlink_metadata().is_ok() || !aside.at.is_dir() {
        return;
    }
    let mut budget = Budget::default();
    if copy(&aside.at, &target, &mut budget, &|_| true).is_err() {
        // Half a copy is worse than none; cargo builds what is missing.
        fs::remove_dir_all(&target).ok();
    }
}

/// Keeps what was built of its dependencies, if nothing is kept yet.
pub(super) fn keep(worktree: &Path) {
    let Some(aside) = Aside::of(worktree) else { return };
    let target = worktree.join(TARGET);
    let is_folder = fs::symlink_metadata(&target).is_ok_and(|meta| meta.is_dir());
    if aside.at.exists() || !is_folder {
        return;
    }
    let Some(parent) = aside.at.parent() else { return };
    let kept = fs::create_dir_all(parent).and_then(|()| {
        let made = tempfile::Builder::new().prefix("making-").tempdir_in(parent)?;
        let to = made.path().join(TARGET);
        copy(&target, &to, &mut Budget::default(), &|path| is_kept(&aside, path))?;
        fs::rename(&to, &aside.at)
    });
    // Without it everything is only slower.
    kept.ok();
}

/// Whether a path beneath the folder of cargo came of a package that is not the repository's own.
fn is_kept(aside: &Aside, path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let of = |name: &str| {
        let stem = name.split('.').next().unwrap_or(name);
        let name = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
        let plain = name.strip_prefix("lib").unwrap_or(name);
        aside.is_foreign(name) || aside.is_foreign(plain)
    };
    match parts.as_slice() {
        // The folder of a profile, and what cargo says of its compiler.
        [name] => matches!(*name, "debug" | "release" | ".rustc_info.json" | "CACHEDIR.TAG"),
        [_, folder] => matches!(*folder, ".fingerprint" | "build" | "deps"),
        [_, ".fingerprint" | "build" | "deps", name, ..] => of(name),
        _ => false,
    }
}

/// Names of the locked packages that come from elsewhere, as packages and as crates.
fn foreign(lock: &str) -> BTreeSet<String> {
    let (mut found, mut own) = (BTreeSet::new(), BTreeSet::new());
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line =
                package.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().trim_matches('"').to_owned())
        };
        let Some(name) = value("name") else { continue };
        let names = [name.replace('-', "_"), name];
        if value("source").is_some() { found.extend(names) } else { own.extend(names) }
    }
    // Of two packages of one name neither is sure to be the other one's.
    found.difference(&own).cloned().collect()
}

/// What may still be copied.
struct Budget {
    bytes: u64,
    files: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { bytes: MOST_BYTES, files: MOST_FILES }
    }
}

/// Copies folders and files with their times; links and everything else are left out.
fn copy(from: &Path, to: &Path, budget: &mut Budget, wanted: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    let mut open = vec![PathBuf::new()];
    fs::create_dir(to)?;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let meta = entry.metadata()?;
            if !wanted(&path) {
                continue;
            }
            if meta.is_dir() {
                fs::create_dir(to.join(&path))?;
                open.push(path);
            } else if meta.is_file() {
                let left = budget.bytes.checked_sub(meta.len()).zip(budget.files.checked_sub(1));
                let Some((bytes, files)) = left else {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "what was built is too large"));
                };
                (budget.bytes, budget.files) = (bytes, files);
                fs::copy(entry.path(), to.join(&path))?;
                File::options().write(true).open(to.join(&path))?.set_modified(meta.modified()?)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKED: &str = "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde-json\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n";

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    #[test]
    fn only_what_came_of_other_packages_is_lent_and_each_tree_has_its_own_copy() {
        let run = tempfile::tempdir().expect("a folder");
        let (first, second) = (run.path().join("repair-a/tree"), run.path().join("repair-b/tree"));
        for tree in [&first, &second] {
            write(&tree.join("Cargo.lock"), LOCKED);
        }
        for file in [
            ".rustc_info.json",
            "debug/shop",
            "debug/.fingerprint/serde-json-12ab/lib-serde_json",
            "debug/.fingerprint/shop-34cd/lib-shop",
            "debug/deps/libserde_json-12ab.rlib",
            "debug/deps/shop-34cd",
            "debug/incremental/shop-34cd/x",
        ] {
            write(&first.join("target").join(file), file);
        }
        std::os::unix::fs::symlink("/etc/passwd", first.join("target/debug/deps/libserde_json-1.so"))
            .expect("a link");
        lend(&second);
        assert!(!second.join("target").exists(), "nothing is known yet");
        keep(&first);
        lend(&second);
        let mut found = Vec::new();
        let mut open = vec![second.join("target")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(second.join("target")).expect("beneath").to_owned())
            .collect();
        assert_eq!(
            names,
            [
                ".rustc_info.json",
                "debug/.fingerprint/serde-json-12ab/lib-serde_json",
                "debug/deps/libserde_json-12ab.rlib"
            ]
            .map(PathBuf::from)
        );
        let times = |tree: &Path| {
            let file = tree.join("target/debug/deps/libserde_json-12ab.rlib");
            fs::metadata(file).and_then(|meta| meta.modified()).expect("a time")
        };
        assert_eq!(times(&first), times(&second));
        fs::write(second.join("target/debug/deps/libserde_json-12ab.rlib"), "other")
            .expect("it can be written");
        let third = run.path().join("repair-c/tree");
        write(&third.join("Cargo.lock"), LOCKED);
        lend(&third);
        let text =
            fs::read_to_string(third.join("target/debug/deps/libserde_json-12ab.rlib")).expect("it is there");
        assert_eq!(text, "debug/deps/libserde_json-12ab.rlib");
    }
}
