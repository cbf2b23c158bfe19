//! The sandbox under attack and at its limits, under every level, as root and as a plain user.
//!
//! A level that cannot start is skipped with its reason, unless `CI` is set: then it must work.

#![allow(clippy::print_stderr, reason = "a skipped level must be loud")]

mod escape;
mod limits;
mod plain_user;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use groundcrew_workbench::sandbox::{Level, Request, Sandbox, SandboxConfig};

/// Names a launcher the plain user of a second run can start.
const LAUNCHER: &str = "GROUNDCREW_TEST_LAUNCHER";

fn launcher() -> Vec<OsString> {
    let built = || OsString::from(env!("CARGO_BIN_EXE_groundcrew-sandbox"));
    vec![std::env::var_os(LAUNCHER).unwrap_or_else(built)]
}

fn sandboxes() -> Vec<Sandbox> {
    let mut found = Vec::new();
    for level in Level::ALL {
        let config = SandboxConfig { only: Some(level), ..SandboxConfig::new(launcher()) };
        match Sandbox::detect(config) {
            Ok(sandbox) => found.push(sandbox),
            Err(reason) if std::env::var_os("CI").is_some() => {
                panic!("{level} must work where CI runs: {reason}")
            }
            Err(reason) => eprintln!("SKIPPED {level}: {reason}"),
        }
    }
    found
}

fn python(folder: &Path, script: &str) -> Request {
    let mut request = Request::new(folder, ["/usr/bin/python3", "-I", "-c", script]);
    request.limits.wall = Duration::from_secs(60);
    request
}
