//! A small project with a history, and an incident of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_core::incident::Sample;
use groundcrew_core::trace::{Frame, Trace};
use groundcrew_repair::strategies::all;
use groundcrew_repair::{Bench, Facts, Progress, RepairOutcome, Repaired, repair};
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::git::{Change, NewCommit, Repository, Sha};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::TestCommand;
use groundcrew_workbench::sandbox::testing::launcher_for_tests;
use groundcrew_workbench::sandbox::{Limits, Sandbox, SandboxConfig};

/// A repository in a folder of its own, with a bench to work at.
pub(crate) struct Project {
    pub(crate) bench: Bench,
    pub(crate) head: Sha,
    _folder: tempfile::TempDir,
}

impl Project {
    /// Lays out commits, oldest first, each a list of paths and contents.
    pub(crate) fn new(commits: &[&[(&str, &str)]], test: Option<&[&str]>) -> Project {
        let named: Vec<String> = (1..=commits.len()).map(|number| format!("Commit {number}")).collect();
        let commits: Vec<(&str, &[(&str, &str)])> =
            named.iter().map(String::as_str).zip(commits.iter().copied()).collect();
        Project::with_messages(&commits, test)
    }

    /// The same, with what each commit says.
    pub(crate) fn with_messages(commits: &[(&str, &[(&str, &str)])], test: Option<&[&str]>) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
        let commits: Vec<NewCommit> = commits
            .iter()
            .zip(1i64..)
            .map(|((message, files), number)| NewCommit {
                author: "Ida".into(),
                email: "ida@example.org".into(),
                time: 1_700_000_000 + number * 86_400,
                offset_minutes: 0,
                message: format!("{message}\n"),
                changes: files
                    .iter()
                    .map(|(path, text)| Change::write(path.parse().unwrap(), text.as_bytes()))
                    .collect(),
            })
            .collect();
        let path = folder.path().join("project");
        let repository = Repository::create(&path, "main", &commits, recorder.clone()).unwrap();
        let sandbox = Sandbox::detect(SandboxConfig::new(launcher_for_tests())).unwrap();
        let python = Python::find(&sandbox, &recorder).unwrap();
        let tests = test.map(|argv| {
            let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
            TestCommand::parse(&argv).unwrap()
        });
        let head = repository.head().unwrap().commit;
        let bench = Bench {
            repository,
            sandbox,
            python,
            tests,
            limits: Limits { wall: Duration::from_secs(60), ..Limits::default() },
            time: Duration::from_secs(60),
            candidates: 10_000,
            folder: folder.path().join("work"),
            cancel: CancelToken::new(),
        };
        Project { bench, head, _folder: folder }
    }

    pub(crate) fn repair(&self, facts: &Facts) -> RepairOutcome {
        let mut progress = |step: Progress| eprintln!("{step:?}");
        repair(&self.bench, &self.head, facts, &all(), &mut progress).unwrap()
    }

    /// The patch, which must exist.
    pub(crate) fn repaired(&self, facts: &Facts) -> Repaired {
        match self.repair(facts) {
            RepairOutcome::Patch(repaired) => *repaired,
            other @ (RepairOutcome::NoRepro { .. }
            | RepairOutcome::NoFix { .. }
            | RepairOutcome::Refused { .. }
            | RepairOutcome::NotSupported { .. }) => panic!("no patch: {other:#?}"),
        }
    }

    /// A folder of the project's files that nothing of ours may leave behind in.
    pub(crate) fn top(&self) -> &Path {
        self.bench.repository.top()
    }
}

/// The only changed content of a patch, as text.
pub(crate) fn content(repaired: &Repaired) -> String {
    let [change] = repaired.chosen.changes.as_slice() else {
        panic!("one file: {:?}", repaired.chosen.changes)
    };
    String::from_utf8(change.content.clone().unwrap()).unwrap()
}

/// An incident as a log would show it: frames innermost first as (file, line, function, source).
pub(crate) fn incident(
    exception: &str,
    message: &str,
    frames: &[(&str, u32, &str, &str)],
    before: &[&str],
) -> Facts {
    let frames = frames
        .iter()
        .map(|(file, line, function, source)| Frame {
            module: None,
            file: Some(format!("/srv/app/{file}")),
            line: Some(*line),
            function: Some((*function).to_owned()),
            source: Some((*source).to_owned()),
            in_app: true,
        })
        .collect();
    Facts {
        trace: Trace {
            location: None,
            exception: Some(exception.into()),
            message: Some(message.into()),
            frames,
            causes: Vec::new(),
        },
        sample: Sample {
            text: format!(
                "ERROR unhandled error\nTraceback (most recent call last):\n{exception}: {message}"
            ),
            before: before.iter().map(|line| (*line).to_owned()).collect(),
            ..Sample::default()
        },
        ..Facts::default()
    }
}
