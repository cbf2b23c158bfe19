//! Temporary folders that name their owner, so that those of a killed process can be found and removed later.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "groundcrew-tmp-";

/// A temporary folder only this user can enter, removed on drop.
pub(crate) fn folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir()
}

/// Removes the folders of this user whose process is gone.
pub(crate) fn sweep() {
    sweep_in(&std::env::temp_dir(), |pid| !Path::new("/proc").join(pid).exists());
}

fn sweep_in(place: &Path, gone: impl Fn(&str) -> bool) {
    let own = nix::unistd::geteuid().as_raw();
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|name| name.split('-').next());
        let Some(pid) = owner.filter(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        // Anybody can make a folder of this name beside ours; only what is ours is touched, and no link is followed.
        let ours = fs::symlink_metadata(entry.path()).is_ok_and(|meta| meta.is_dir() && meta.uid() == own);
        if ours && gone(pid) {
            // What cannot be removed now is tried again by the next process.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_ended_processes_are_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let names = [
            "groundcrew-tmp-1-a",
            "groundcrew-tmp-2-b",
            "groundcrew-tmp--c",
            "groundcrew-tmp-1x-d",
            "other-1-e",
        ];
        for name in names {
            fs::create_dir(place.path().join(name)).expect("a folder");
        }
        std::os::unix::fs::symlink("/", place.path().join("groundcrew-tmp-1-link")).expect("a link");
        sweep_in(place.path(), |pid| pid == "1");
        let mut left: Vec<_> = fs::read_dir(place.path())
            .expect("a folder")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        let expected = [
            "groundcrew-tmp--c",
            "groundcrew-tmp-1-link",
            "groundcrew-tmp-1x-d",
            "groundcrew-tmp-2-b",
            "other-1-e",
        ];
        assert_eq!(left, expected);
    }
}
