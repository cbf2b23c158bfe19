//! A small service whose errors keep the crew busy: its repository, its log, what has been written to it, and the owner's
//! program that is told what happens.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;

use crate::support::Home;

/// Modules with one defect each.
pub(super) const PARTS: usize = 12;

/// The service, its owner's home, and how often each error was logged.
pub(super) struct Service {
    pub(super) home: Home,
    /// The program under test.
    program: PathBuf,
    /// Errors written per part, by number.
    pub(super) logged: BTreeMap<usize, u64>,
    /// Tasks whose creation was acknowledged.
    pub(super) created: Vec<i64>,
    /// Files of the owner that must stay as they are, with their content.
    pub(super) own_files: Vec<(PathBuf, String)>,
    rotations: usize,
}

impl Service {
    /// A repository that the crew knows, and a log without errors.
    pub(super) fn new(program: PathBuf) -> Self {
        let home = Home::new();
        let shop = home.shop();
        std::fs::create_dir_all(shop.join("parts")).unwrap();
        std::fs::create_dir_all(shop.join("tests")).unwrap();
        std::fs::write(shop.join("parts/__init__.py"), "").unwrap();
        std::fs::write(shop.join("tests/__init__.py"), "").unwrap();
        for part in 0..PARTS {
            std::fs::write(shop.join(format!("parts/part_{part}.py")), source(part)).unwrap();
            std::fs::write(shop.join(format!("tests/test_part_{part}.py")), tests(part)).unwrap();
        }
        std::fs::write(shop.join(".gitignore"), "*.log*\n__pycache__/\n").unwrap();
        home.git(&["init", "--quiet", "--initial-branch", "main"]);
        home.git(&["add", "."]);
        home.git(&["commit", "--quiet", "-m", "First"]);
        std::fs::write(home.shop().join("app.log"), "").unwrap();
        let mut service = Self {
            home,
            program,
            logged: BTreeMap::new(),
            created: Vec::new(),
            own_files: Vec::new(),
            rotations: 0,
        };
        service.ok(&["init"]);
        service.listen();
        service
    }

    /// The owner lets the crew work on while fixes wait for them, and has a program told what happens. It writes down each
    /// event in one piece; where the crew was killed before it could say what happened, or the program's own `cat` was, it
    /// says that it was told nothing.
    fn listen(&mut self) {
        let program = self.home.path().join("home/listen.sh");
        let script = format!(
            "line=$(cat) && [ -n \"$line\" ] || exit 1\nprintf '%s\\n' \"$line\" >> {}\n",
            quoted(&self.told())
        );
        std::fs::write(&program, script).unwrap();
        let settings = self.home.shop().join("groundcrew.toml");
        let mut text = std::fs::read_to_string(&settings).unwrap();
        text.push_str("\n[limits]\nopen_branches = 50\nbranches_per_day = 100\n");
        text.push_str(&format!("\n[hooks]\non_event = [\"sh\", {program:?}]\n"));
        std::fs::write(&settings, text).unwrap();
        self.ok(&["trust"]);
        let own = [settings, self.home.shop().join(".git/config"), self.home.path().join("home/listen.sh")];
        self.own_files = own.into_iter().map(|file| (file.clone(), read(&file))).collect();
    }

    /// What the owner's program was told, one event a line.
    pub(super) fn told(&self) -> PathBuf {
        self.home.path().join("home/told.jsonl")
    }

    fn ok(&self, arguments: &[&str]) {
        let ran = self.command(arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    /// A call of the program under test.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        let home = self.home.path().join("home");
        command
            .args(arguments)
            .current_dir(self.home.shop())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .stdin(Stdio::null());
        command
    }

    /// Starts a crew that nobody stops.
    pub(super) fn crew(&self) -> Child {
        self.command(&["up", "--quiet", "--lease", "2s"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub(super) fn sql(&self) -> Connection {
        self.home.sql()
    }

    /// The service fails once more.
    pub(super) fn fail(&mut self, part: usize) {
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f%:z").to_string();
        let record = format!(
            "{now} ERROR shop: request failed\nTraceback (most recent call last):\n  File \
             \"/srv/shop/parts/part_{part}.py\", line 6, in count_{part}\n    levels[name] += 1\nKeyError: 'ann'\n"
        );
        let mut log = OpenOptions::new().append(true).create(true).open(self.log()).unwrap();
        log.write_all(record.as_bytes()).unwrap();
        *self.logged.entry(part).or_default() += 1;
    }

    /// The log is renamed and begins anew, as a log rotation does it.
    pub(super) fn rotate(&mut self) {
        for number in (1..=self.rotations).rev() {
            let name = |number: usize| self.home.shop().join(format!("app.log.{number}"));
            std::fs::rename(name(number), name(number + 1)).unwrap();
        }
        std::fs::rename(self.log(), self.home.shop().join("app.log.1")).unwrap();
        std::fs::write(self.log(), "").unwrap();
        self.rotations += 1;
    }

    /// Another program puts work into the queue; what it has committed must be done.
    pub(super) fn create(&mut self) {
        let sql = self.sql();
        sql.execute(
            "INSERT INTO agent_tasks (task_type, assigned_to, context_json) VALUES ('check_health', 'monitor', '{}')",
            [],
        )
        .unwrap();
        self.created.push(sql.last_insert_rowid());
    }

    fn log(&self) -> PathBuf {
        self.home.shop().join("app.log")
    }
}

/// The text of a file; empty if it is gone.
pub(super) fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

fn source(part: usize) -> String {
    format!(
        "\"\"\"Part {part} of the shop.\"\"\"\n\n\ndef count_{part}(levels, name):\n    \"\"\"Count one more of name.\"\"\"\n    \
         levels[name] += 1\n    return levels[name]\n"
    )
}

fn tests(part: usize) -> String {
    format!(
        "import unittest\n\nfrom parts.part_{part} import count_{part}\n\n\nclass Part(unittest.TestCase):\n    \
         def test_known(self):\n        self.assertEqual(count_{part}({{'bob': 1}}, 'bob'), 2)\n"
    )
}
