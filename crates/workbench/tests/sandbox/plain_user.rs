//! The same tests once more as a plain user, since root and others take different ways.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::LAUNCHER;

/// No account has this id, so nothing on the machine belongs to it.
const USER: &str = "61234";

#[test]
fn a_plain_user_is_held_as_well() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: these tests run as a plain user already");
        return;
    }
    // The target folder may lie where only root can enter.
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    let open = || fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), open()).expect("a mode");
    let copy = |from: &std::path::Path, name: &str| {
        let to = folder.path().join(name);
        fs::copy(from, &to).expect("a copy");
        fs::set_permissions(&to, open()).expect("a mode");
        to
    };
    let test = copy(&std::env::current_exe().expect("a path"), "test");
    let launcher = copy(env!("CARGO_BIN_EXE_groundcrew-sandbox").as_ref(), "launcher");
    let output = Command::new("setpriv")
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"])
        .arg(test)
        .args(["--skip", "plain_user", "--test-threads", "1"])
        .env(LAUNCHER, launcher)
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .output()
        .expect("setpriv is installed");
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("a_hostile_command_gets_exactly_what_is_known_of_the_level ... ok"), "{told}");
}
