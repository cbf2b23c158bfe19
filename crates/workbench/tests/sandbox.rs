//! What a sandboxed command can do to its limits, and what is left of it afterwards.

use std::path::Path;
use std::time::Duration;

use groundcrew_workbench::CancelToken;
use groundcrew_workbench::sandbox::{Ended, Level, Request, Sandbox, SandboxConfig};

fn sandboxes() -> Vec<Sandbox> {
    let launcher = vec![env!("CARGO_BIN_EXE_groundcrew-sandbox").into()];
    let mut found = Vec::new();
    for level in [Level::Strict, Level::Landlock] {
        let config = SandboxConfig { only: Some(level), ..SandboxConfig::new(launcher.clone()) };
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
    request.limits.wall = Duration::from_secs(30);
    request
}

#[test]
fn a_command_reads_its_input_and_its_output_is_kept() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = Request::new(folder.path(), ["sh", "-c", "cat; echo oops >&2; exit 7"]);
        request.stdin = b"hello".to_vec();
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(
            (output.ended, output.stdout, String::from_utf8_lossy(&output.stderr).into_owned()),
            (Ended::Exited(7), b"hello".to_vec(), "oops\n".to_owned())
        );
        eprintln!("{:?} {} {:?}", output.level, output.limits, output.wall);
    }
}
