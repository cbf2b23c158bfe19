//! Runs a program of the user's own, such as a hook, outside the sandbox and with bounds.
//!
//! The program comes from settings that the user trusted, never from a repository: its name must be absolute or be found in
//! the user's `PATH`, where folders of the repository do not count. It gets an environment of its own, so that no secret
//! of this process passes on by accident.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::CancelToken;
use crate::process::{Patience, Stop, wait};

/// Bytes kept of each output stream.
const KEPT: usize = 4 * 1024;

/// Bytes of one stream at which the program is ended.
const FLOOD: u64 = 64 * 1024 * 1024;

/// Variables of this process that the program gets too.
const PASSED: [&str; 6] = ["HOME", "USER", "LOGNAME", "LANG", "TZ", "XDG_RUNTIME_DIR"];

/// A program with all that it gets.
#[derive(Debug)]
pub struct OwnProgram<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// Folder that it starts in.
    pub folder: &'a Path,
    /// Repository whose folders do not count in `PATH`.
    pub repository: &'a Path,
    /// Further variables.
    pub env: &'a [(&'a str, &'a str)],
    /// What it reads.
    pub input: &'a [u8],
    /// Longest time it may take; then it and what it started are killed.
    pub limit: Duration,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRun {
    /// Whether it ended by itself with exit code 0.
    pub ok: bool,
    /// Whether it was ended because its token was cancelled.
    pub cancelled: bool,
    /// How it ended, in words.
    pub ended: String,
    /// The first and last of what it printed on both streams: untrusted text.
    pub output: String,
}

impl OwnProgram<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// It has no name, a relative one, or cannot be started.
    pub fn run(&self, cancel: &CancelToken) -> io::Result<OwnRun> {
        let (program, arguments) = self.argv.split_first().ok_or_else(|| invalid("the command is empty"))?;
        if program.contains('/') && !Path::new(program).is_absolute() {
            return Err(invalid("name the program by an absolute path, or by its name in PATH"));
        }
        let path = self.path();
        let program = find(program, &path).ok_or_else(|| invalid("there is no such program in PATH"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder).env_clear().env("PATH", &path).process_group(0);
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let group = Pid::from_raw(child.id().cast_signed());
        let patience = Patience { wall: self.limit, keep: KEPT, flood: Some(FLOOD), grace: Duration::ZERO };
        let waited = wait(child, self.input, patience, cancel)?;
        let (ok, ended) = match waited.stop {
            Stop::Ended(status) => (status.success(), status.to_string()),
            Stop::TimedOut => (false, format!("ended after {} s", self.limit.as_secs())),
            Stop::Cancelled | Stop::Stopped => (false, "ended because the crew stops".to_owned()),
            Stop::Flooded => (false, format!("ended since it printed more than {FLOOD} bytes")),
        };
        if !matches!(waited.stop, Stop::Ended(_)) {
            // What it started must not outlive it; a group without members is no error.
            killpg(group, Signal::SIGKILL).ok();
        }
        let mut output = waited.stdout.finish().0;
        output.extend(waited.stderr.finish().0);
        Ok(OwnRun {
            ok,
            cancelled: waited.stop == Stop::Cancelled,
            ended,
            output: String::from_utf8_lossy(&output).trim().to_owned(),
        })
    }

    fn path(&self) -> OsString {
        let wanted = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&wanted)
            .filter(|folder| folder.is_absolute() && !folder.starts_with(self.repository));
        std::env::join_paths(folders).unwrap_or_else(|_| OsString::from("/usr/local/bin:/usr/bin:/bin"))
    }
}

/// An absolute name as it stands, another one in the first folder that has it.
fn find(program: &str, path: &OsString) -> Option<std::path::PathBuf> {
    let named = Path::new(program);
    if named.is_absolute() {
        return Some(named.to_owned());
    }
    std::env::split_paths(path).map(|folder| folder.join(named)).find(|found| found.is_file())
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> OwnRun {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let program = OwnProgram {
            argv: &argv,
            folder: Path::new("/"),
            repository: Path::new("/nowhere"),
            env: &[("GREETING", "hello")],
            input: b"the input",
            limit,
        };
        program.run(&CancelToken::new()).expect("a shell")
    }

    #[test]
    fn a_program_gets_its_input_and_only_the_environment_meant_for_it() {
        let ran =
            run("read line; echo \"$line, $GREETING, ${CARGO_MANIFEST_DIR-unset}\"", Duration::from_secs(20));
        assert_eq!((ran.ok, ran.output.as_str()), (true, "the input, hello, unset"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let began = std::time::Instant::now();
        let ran = run("sleep 600 & echo $!; wait", Duration::from_millis(300));
        assert_eq!((ran.ok, ran.ended.as_str()), (false, "ended after 0 s"));
        assert!(began.elapsed() < Duration::from_secs(20));
        let stat = format!("/proc/{}/stat", ran.output);
        // It is gone, or only its entry waits for whoever adopted it.
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        while lives() {
            assert!(began.elapsed() < Duration::from_secs(20), "what it started went on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_prints_without_end_is_kept_short() {
        let ran = run("head -c 1000000 /dev/zero | tr '\\0' x; exit 3", Duration::from_secs(20));
        assert!(!ran.ok && ran.output.len() < 3 * KEPT, "{}", ran.output.len());
        assert!(ran.output.contains("bytes left out"));
    }

    #[test]
    fn a_relative_path_is_refused() {
        let argv = ["./hook.sh".to_owned()];
        let program = OwnProgram {
            argv: &argv,
            folder: Path::new("/"),
            repository: Path::new("/"),
            env: &[],
            input: b"",
            limit: Duration::from_secs(1),
        };
        assert!(program.run(&CancelToken::new()).is_err());
    }
}
