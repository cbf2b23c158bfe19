//! A repository, a database and a crew of their own for one test.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::contract::{Dossier, Fix, Reproduction, ReviewContext, VerifyFixContext};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::message::{Message, MessageType};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, ProjectId, Status, Task, TaskId};
use groundcrew_crew::brain::Brain;
use groundcrew_crew::supervisor::{Crew, Terms};
use groundcrew_crew::tools::Tools;
use groundcrew_crew::trust::TrustStore;
use groundcrew_store::{Clock, MessageFilter, Options, Store, TaskFilter, open_with_clock};
use groundcrew_workbench::sandbox::testing::launcher_for_tests;
use groundcrew_workbench::sandbox::{Sandbox, SandboxConfig};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::PATIENCE;

/// A program with a defect: a name that was not seen before crashes.
pub(crate) const PROGRAM: &str = "def visit(seen, name):\n    seen[name] += 1\n    return 'ok'\n";

/// Its tests, which do not meet the defect.
pub(crate) const TESTS: &str = "import unittest\n\nimport shop\n\n\nclass ShopTest(unittest.TestCase):\n    def test_known(self):\n        seen = {'bob': 1}\n        self.assertEqual(shop.visit(seen, 'bob'), 'ok')\n\n    def test_counts(self):\n        seen = {'bob': 1}\n        shop.visit(seen, 'bob')\n        self.assertEqual(seen, {'bob': 2})\n";

/// The defect as a log shows it.
pub(crate) const CRASH: &str = "Traceback (most recent call last):\n  File \"/srv/app/shop.py\", line 2, in visit\n    seen[name] += 1\nKeyError: 'ann'";

/// The defect mended at its cause.
pub(crate) const MENDED: &str =
    "def visit(seen, name):\n    seen[name] = seen.get(name, 0) + 1\n    return 'ok'\n";

/// A reproduction of the crash, as a developer would hand it over.
pub(crate) fn reproduction(base: &str) -> Reproduction {
    Reproduction {
        kind: "generated_call".into(),
        origin: "made for this test".into(),
        script: "import shop\nresult = shop.visit({}, 'ann')\n".into(),
        call: "shop.visit({}, 'ann')".into(),
        regression_test: None,
        test_id: None,
        fails_on: base.into(),
        exception: "KeyError".into(),
        file: "shop.py".into(),
        function: "visit".into(),
    }
}

/// Everything of one test.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) project: ProjectId,
    folder: tempfile::TempDir,
}

impl Bench {
    /// A repository with these files, committed, and a database that knows it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::with_clock(files, Box::new(Timestamp::now))
    }

    /// The same, with a database whose time is this.
    pub(crate) fn with_clock(files: &[(&str, &str)], clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repo");
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let url = format!("sqlite:{}", folder.path().join("crew.db").display());
        let store = open_with_clock(&url, Options::default(), clock).unwrap();
        let root = root.canonicalize().unwrap();
        let project = store.add_project("shop", root.to_str().unwrap(), &json!({})).unwrap();
        let bench = Self { store, project, folder };
        bench.git(&["init", "--quiet", "--initial-branch=main"]);
        bench.git(&["add", "--all"]);
        bench.git(&["commit", "--quiet", "--message=First"]);
        bench
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("repo").canonicalize().unwrap()
    }

    /// Where runs make their work trees.
    pub(crate) fn work_folder(&self) -> PathBuf {
        let folder = self.folder.path().join("work");
        std::fs::create_dir_all(&folder).unwrap();
        folder.canonicalize().unwrap()
    }

    /// Writes the settings and trusts them.
    pub(crate) fn trust(&self, config: &str) {
        std::fs::write(self.root().join("groundcrew.toml"), config).unwrap();
        self.trust_store().trust(&self.root(), config).unwrap();
    }

    pub(crate) fn trust_store(&self) -> TrustStore {
        TrustStore::new(&self.folder.path().join("config"))
    }

    /// Starts a crew with a brain.
    pub(crate) fn crew(&self, brain: impl Brain + 'static) -> Working {
        let sandbox = Sandbox::detect(SandboxConfig::new(launcher_for_tests()));
        let tools =
            Tools::new(Arc::clone(&self.store), sandbox, self.trust_store(), self.work_folder()).unwrap();
        Working(Crew::start(tools, Box::new(brain), Terms::default()).unwrap())
    }

    pub(crate) fn task(&self, id: TaskId) -> Task {
        self.store.task(id).unwrap().unwrap()
    }

    pub(crate) fn status(&self, id: TaskId) -> Status {
        self.task(id).status
    }

    /// All tasks of a type, newest first.
    pub(crate) fn all(&self, task_type: &str) -> Vec<Task> {
        let mut tasks = self.store.tasks(&TaskFilter::default()).unwrap();
        tasks.retain(|task| task.task_type == task_type);
        tasks
    }

    /// The one task of a type.
    pub(crate) fn one(&self, task_type: &str) -> Task {
        let mut tasks = self.all(task_type);
        assert_eq!(tasks.len(), 1, "{task_type}: {tasks:#?}");
        tasks.remove(0)
    }

    /// Whether there is a task of a type in a status.
    pub(crate) fn open(&self, task_type: &str, status: Status) -> bool {
        self.all(task_type).iter().any(|task| task.status == status)
    }

    /// Answers the one open question.
    pub(crate) fn answer(&self, choice: &str) {
        self.answer_with(choice, Value::Null);
    }

    pub(crate) fn answer_with(&self, choice: &str, extra: Value) {
        let inbox = self.store.inbox().unwrap();
        assert_eq!(inbox.len(), 1, "{inbox:#?}");
        let answer = Command::Answer {
            question: inbox[0].message.id,
            by: Party::User,
            choice: choice.into(),
            comment: None,
            extra,
        };
        self.store.execute(answer).unwrap();
    }

    /// Answers the one open question with a reason.
    pub(crate) fn answer_because(&self, choice: &str, why: &str) {
        let inbox = self.store.inbox().unwrap();
        assert_eq!(inbox.len(), 1, "{inbox:#?}");
        let answer = Command::Answer {
            question: inbox[0].message.id,
            by: Party::User,
            choice: choice.into(),
            comment: Some(why.into()),
            extra: Value::Null,
        };
        self.store.execute(answer).unwrap();
    }

    /// The text of the one open question.
    pub(crate) fn question(&self) -> String {
        let inbox = self.store.inbox().unwrap();
        assert_eq!(inbox.len(), 1, "{inbox:#?}");
        inbox[0].message.content.clone()
    }

    /// What the person was told, oldest first.
    pub(crate) fn notes(&self) -> Vec<Message> {
        let filter = MessageFilter {
            to: Some(Party::User.to_string()),
            message_type: Some(MessageType::Notification),
            ..MessageFilter::default()
        };
        let mut notes = self.store.messages(&filter).unwrap();
        notes.reverse();
        notes
    }

    /// Puts a task into the queue.
    pub(crate) fn create(&self, task_type: &str, role: Role, context: Value) -> TaskId {
        let mut task = NewTask::new(task_type, role, Party::User, context);
        task.project = Some(self.project);
        let receipt = self.store.execute(Command::Create(Box::new(task))).unwrap();
        receipt.inserted[0]
    }

    /// A task that its role has done already with this result and these hand-offs, before any crew works.
    pub(crate) fn done(&self, task_type: &str, role: Role, result: Value, next: Vec<NewTask>) -> TaskId {
        let id = self.create(task_type, role, json!({}));
        let minute = jiff::SignedDuration::from_secs(60);
        let task = self.store.claim(role, Some(id), "the test", minute).unwrap().unwrap();
        let outcome = Outcome::Complete { result };
        let settlement = Settlement { hand_offs: next, ..Settlement::new(id, task.lease_token, outcome) };
        self.store.execute(Command::Settle(Box::new(settlement))).unwrap();
        id
    }

    /// A fix as the developer would hand it over.
    pub(crate) fn fix(&self, commit: &str) -> Fix {
        Fix {
            base_sha: self.head(),
            commit_sha: commit.into(),
            round: 1,
            strategy: "by hand".into(),
            kind: ChangeKind::Cause,
            one_line_typo: false,
            explanation: "breaks something".into(),
            patch_hash: "hash-of-the-broken-patch".into(),
            files_changed: vec!["shop.py".into()],
            reproduction: Some(reproduction(&self.head())),
            reverts: None,
            root_cause: Default::default(),
            candidates: Vec::new(),
            behaviour_notes: Vec::new(),
            as_likely: None,
            suspects: Vec::new(),
        }
    }

    /// A task of qa that verifies a fix.
    pub(crate) fn verify(&self, fix: Fix) -> TaskId {
        let dossier = Dossier { title: "a crash".into(), fix: Some(fix), ..Dossier::default() };
        self.create("verify_fix", Role::Qa, json!(VerifyFixContext { dossier }))
    }

    /// A task of a reviewer for a fix.
    pub(crate) fn review(&self, task_type: &str, role: Role, fix: Fix) -> TaskId {
        let context = ReviewContext {
            base_sha: fix.base_sha.clone(),
            head_sha: fix.commit_sha.clone(),
            dossier: Dossier { title: "a crash".into(), fix: Some(fix), ..Dossier::default() },
        };
        self.create(task_type, role, json!(context))
    }

    /// The result of a task that is done.
    pub(crate) fn result(&self, id: TaskId) -> Value {
        self.task(id).result.unwrap()
    }

    /// The commit that is checked out.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// A commit on the head with one changed file, on no branch; the checkout stays as it is.
    pub(crate) fn commit_hidden(&self, path: &str, text: &str) -> String {
        let head = self.head();
        std::fs::write(self.root().join(path), text).unwrap();
        self.git(&["commit", "--quiet", "--all", "--message=Hidden"]);
        let commit = self.head();
        self.git(&["reset", "--quiet", "--hard", &head]);
        commit
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }
}

fn git(at: &Path, args: &[&str]) -> String {
    let output = Process::new("git")
        .current_dir(at)
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.invalid"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A running crew; it stops at the end of the test.
pub(crate) struct Working(Crew);

impl Working {
    /// Waits for a condition.
    pub(crate) fn until(&self, what: &str, mut met: impl FnMut() -> bool) {
        let began = Instant::now();
        while !met() {
            assert!(began.elapsed() < PATIENCE, "after {PATIENCE:?} still not: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_idle().unwrap()
    }
}
