//! A small service whose errors keep the crew busy: its repository, its log, and what has been written to it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
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
        let service = Self { home, program, logged: BTreeMap::new(), created: Vec::new(), rotations: 0 };
        let ran = service.command(&["init"]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        service
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
