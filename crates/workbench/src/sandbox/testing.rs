//! Finding a launcher for the tests of other crates.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The launcher program of this crate in the target folder of the running test, built if it is not there.
///
/// # Panics
/// If it cannot be built, since no sandboxed test can then run.
pub fn launcher_for_tests() -> Vec<OsString> {
    let test = std::env::current_exe().expect("a running test knows its own path");
    let folder = test
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"))
        .and_then(|deps| deps.parent())
        .map_or_else(|| PathBuf::from("target/debug"), PathBuf::from);
    let program = folder.join("groundcrew-sandbox");
    if !program.is_file() {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "-p", "groundcrew-workbench", "--bin", "groundcrew-sandbox"]);
        if folder.file_name().is_some_and(|name| name == "release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo can be started by a test that cargo started");
        assert!(built.success(), "the launcher could not be built");
    }
    vec![program.into()]
}
