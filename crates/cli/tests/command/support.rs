//! Running the real program and looking at what it did.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything that is waited for may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The moment that ages in transcripts are shown from: 49 minutes after the tasks of the fixture were created.
pub(crate) const NOW: &str = "2026-03-01T10:00:00Z";

/// A user's home folder with a place to work in.
pub(crate) struct Home {
    folder: TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("groundcrew-test-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        Self { folder }
    }

    /// The folder above everything.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// The folder that commands run in.
    pub(crate) fn shop(&self) -> PathBuf {
        self.path().join("shop")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("home/.local/share/groundcrew/groundcrew.db")
    }

    pub(crate) fn sql(&self) -> Connection {
        let connection = Connection::open(self.database()).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }

    /// The program with nothing in its environment but `PATH` and `HOME`.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groundcrew"));
        command
            // As the shell calls it, so that the commands it prints are the same everywhere.
            .arg0("groundcrew")
            .args(arguments)
            .current_dir(self.shop())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Runs and demands success.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Runs with `--json` and demands success and one JSON document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut with_json = arguments.to_vec();
        with_json.push("--json");
        let ran = self.ok(&with_json);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
    }

    /// Runs and shows everything that came of it, with what differs from run to run replaced.
    /// Ages are as of [`NOW`].
    pub(crate) fn transcript(&self, arguments: &[&str]) -> String {
        let ran = Ran::of(&self.command(arguments).env("GROUNDCREW_SHOWN_NOW", NOW).output().unwrap());
        self.steady(&format!(
            "$ groundcrew {}\n{}[exit code {}]\n{}",
            arguments.join(" "),
            ran.stdout,
            ran.code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
            ran.stderr
        ))
    }

    /// The text with what differs from run to run replaced.
    pub(crate) fn steady(&self, text: &str) -> String {
        let text = text.replace(&*self.path().to_string_lossy(), "/TOP");
        let mut text = text;
        for (pattern, name) in [
            (r"\b[0-9a-f]{64}\b", "<hash>"),
            (r"\b[0-9a-f]{40}\b", "<commit>"),
            (r"\b20[2-9]\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"(?m)^\d\d:\d\d:\d\d  ", "<time>  "),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }

    /// Starts the program and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child: Some(child) }
    }

    /// Makes the shop a repository with one commit.
    pub(crate) fn repository(&self) {
        std::fs::write(self.shop().join("app.py"), "def price(bag):\n    return bag['price']\n").unwrap();
        std::fs::create_dir_all(self.shop().join("tests")).unwrap();
        std::fs::write(
            self.shop().join("tests/test_app.py"),
            "import unittest\nimport app\n\n\nclass Price(unittest.TestCase):\n    def test_price(self):\n        \
             self.assertEqual(app.price({'price': 3}), 3)\n",
        )
        .unwrap();
        std::fs::write(self.shop().join(".gitignore"), "*.log\n__pycache__/\n").unwrap();
        self.git(&["init", "--quiet", "--initial-branch", "main"]);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "-m", "First"]);
    }

    /// Plain git in the shop, as its owner uses it.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.shop(), arguments)
    }
}

/// Plain git in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Owner", "-c", "user.email=owner@shop.example"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_DATE", "2026-03-01T10:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-03-01T10:00:00Z")
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// The program while it runs. Dropping it kills it.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    pub(crate) fn of(child: Child) -> Self {
        Self { child: Some(child) }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was not waited for yet")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it was not waited for yet").id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child().try_wait().unwrap().is_some()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end and takes what it printed.
    pub(crate) fn end(mut self) -> Ran {
        until("the program ends", || self.has_ended());
        Ran::of(&self.child.take().expect("it was not waited for yet").wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Waits for a condition, looking often.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
