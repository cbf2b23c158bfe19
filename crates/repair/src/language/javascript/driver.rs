//! The scripts of ours that run a project's tests within Node, many times over in one process.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use groundcrew_workbench::runner::run_equipped;
use groundcrew_workbench::sandbox::{Ended, FILES, Limits};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bench::{Bench, RepairError};
use crate::matching::Raised;

/// The scripts, all placed together since they import each other.
const SCRIPTS: &[(&str, &str)] = &[
    ("drive.mjs", include_str!("../../../javascript/drive.mjs")),
    ("inputs.mjs", include_str!("../../../javascript/inputs.mjs")),
    ("load.mjs", include_str!("../../../javascript/load.mjs")),
    ("runners.mjs", include_str!("../../../javascript/runners.mjs")),
    ("suite.mjs", include_str!("../../../javascript/suite.mjs")),
    ("work.mjs", include_str!("../../../javascript/work.mjs")),
];
/// Most bytes of an answer.
const ANSWER: usize = 32 << 20;
/// Name of the driver in errors.
const NAME: &str = "node";
/// Time that one test may take while all are observed.
const OBSERVED: Duration = Duration::from_secs(2);
/// Wall clock beyond that of the tests.
const AROUND: Duration = Duration::from_secs(20);

/// What the scripts need to know of a project.
#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    /// Texts without types for the files that have some.
    pub(super) sources: BTreeMap<String, String>,
    /// Offsets of the places of each file, in units of UTF-16.
    pub(super) marks: BTreeMap<String, Vec<usize>>,
    /// Files with tests.
    pub(super) tests: Vec<String>,
    /// What the project runs them with.
    pub(super) runner: &'static str,
}

/// How the tests go.
#[derive(Debug, Deserialize)]
pub(super) struct Observed {
    pub(super) tests: Vec<Ran>,
    pub(super) broken: Vec<Broken>,
    pub(super) loaded: Vec<String>,
}

/// One test.
#[derive(Debug, Deserialize)]
pub(super) struct Ran {
    pub(super) test: String,
    pub(super) outcome: String,
    pub(super) error: Option<Vec<Raised>>,
    /// Numbers of the places that ran, by file.
    #[serde(default)]
    pub(super) ran: BTreeMap<String, Vec<usize>>,
    /// How long it took, where it came to its end.
    #[serde(default)]
    pub(super) milliseconds: f64,
}

/// A file whose top level did not come to its end.
#[derive(Debug, Deserialize)]
pub(super) struct Broken {
    pub(super) file: String,
    pub(super) error: Option<Vec<Raised>>,
}

/// One changed text.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Changed {
    pub(super) file: String,
    pub(super) text: String,
}

/// What candidates are tried with.
#[derive(Debug, Clone)]
pub(super) struct Trial<'a> {
    pub(super) failing: &'a [String],
    /// Passing tests that run a file, by file.
    pub(super) passing: &'a BTreeMap<String, Vec<String>>,
    pub(super) time: Duration,
    /// Time that a candidate may take without telling of another test.
    pub(super) patience: Duration,
    /// Candidates that are tried after the first that passes.
    pub(super) after: usize,
    /// Candidates that pass, after which none is tried.
    pub(super) plausible: usize,
}

/// What candidates made of the tests.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Tried {
    /// For each in order: `P` all pass, `F` and how many of the failing ones do, `B` another fails, `L` it does not end.
    pub(super) said: Vec<String>,
}

/// A function whose calls are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Function {
    pub(super) file: String,
    pub(super) name: String,
    /// The class that it is a method of.
    pub(super) class: Option<String>,
    pub(super) is_static: bool,
    /// Smaller for those that matter more; only the first that tests call are tried.
    pub(super) tier: u8,
    /// How many parameters it has.
    pub(super) parameters: usize,
}

/// An error that is looked for.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Wanted {
    pub(super) exception: String,
    pub(super) message: String,
    pub(super) file: String,
    /// First and last line of the function that raised it, and the line itself.
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) line: u32,
    /// Words of the log that may be values.
    pub(super) words: Vec<String>,
}

/// A call that raises it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Hit {
    /// The call as code.
    pub(super) call: String,
    /// Files with what the call needs of them.
    pub(super) imports: Vec<(String, String)>,
    /// The function that is called.
    pub(super) name: String,
    /// Where its values come from.
    pub(super) origin: String,
    /// 2 where the message is the same, 1 where it differs in its values.
    pub(super) same: u8,
    /// The function that raised it, as the stack names it.
    pub(super) place: String,
}

/// What a search for calls found.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Hunted {
    pub(super) found: Vec<Hit>,
    pub(super) tried: usize,
}

/// Looks for calls of functions that raise an error, within the same bounds as [`behave`].
pub(super) fn hunt(
    bench: &Bench,
    checkout: &Path,
    program: &Program,
    variants: &Variants<'_>,
    wanted: &Wanted,
) -> Result<Hunted, RepairError> {
    let orders = json!({
        "root": checkout,
        "kind": program.runner,
        "sources": program.sources,
        "marks": {},
        "files": program.tests,
        "functions": variants.functions,
        "recording": variants.recording,
        "wanted": wanted,
        "milliseconds": OBSERVED.as_millis(),
        "most": variants.most,
        "seconds": variants.time.as_secs_f64(),
    });
    drive(bench, checkout, &orders, variants.time + AROUND)
}

/// What a call gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Given {
    /// A value, and what is left in the arguments.
    Value { value: String, left: String },
    /// An error, by its name.
    Raised { raised: String },
    /// Nothing, since it could not be made.
    None {
        #[serde(rename = "none")]
        _reason: String,
    },
}

/// What several variants of a program give for the same calls.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Behaved {
    /// The calls as they would be written.
    pub(super) calls: Vec<String>,
    /// By variant, what each call gives; nothing where the time was over.
    pub(super) given: Vec<Vec<Option<Given>>>,
}

/// What is called, in which variants.
pub(super) struct Variants<'a> {
    pub(super) functions: &'a [Function],
    /// Texts in which the functions tell their calls.
    pub(super) recording: &'a BTreeMap<String, String>,
    /// Texts of each variant, by file.
    pub(super) texts: &'a [BTreeMap<String, String>],
    /// Calls at most.
    pub(super) most: usize,
    pub(super) time: Duration,
}

/// Calls functions in each variant, with what the tests give them and its neighbours.
pub(super) fn behave(
    bench: &Bench,
    checkout: &Path,
    program: &Program,
    variants: &Variants<'_>,
) -> Result<Behaved, RepairError> {
    let orders = json!({
        "root": checkout,
        "kind": program.runner,
        "sources": program.sources,
        "marks": {},
        "files": program.tests,
        "functions": variants.functions,
        "recording": variants.recording,
        "variants": variants.texts,
        "milliseconds": OBSERVED.as_millis(),
        "most": variants.most,
        "seconds": variants.time.as_secs_f64(),
    });
    drive(bench, checkout, &orders, variants.time + AROUND)
}

/// Runs all tests once and says which places each runs.
pub(super) fn observe(bench: &Bench, checkout: &Path, program: &Program) -> Result<Observed, RepairError> {
    let orders = json!({
        "root": checkout,
        "kind": program.runner,
        "sources": program.sources,
        "marks": program.marks,
        "files": program.tests,
        "milliseconds": OBSERVED.as_millis(),
    });
    drive(bench, checkout, &orders, bench.limits.wall + AROUND)
}

/// Tries candidates in order.
pub(super) fn attempt(
    bench: &Bench,
    checkout: &Path,
    program: &Program,
    candidates: &[Changed],
    trial: &Trial<'_>,
) -> Result<Tried, RepairError> {
    let orders = json!({
        "root": checkout,
        "kind": program.runner,
        "sources": program.sources,
        "marks": {},
        "candidates": candidates,
        "failing": trial.failing,
        "passing": trial.passing,
        "milliseconds": trial.patience.as_millis(),
        "seconds": trial.time.as_secs_f64(),
        "after": trial.after,
        "plausible": trial.plausible,
    });
    drive(bench, checkout, &orders, trial.time + AROUND)
}

fn drive<T: for<'a> Deserialize<'a>>(
    bench: &Bench,
    checkout: &Path,
    orders: &serde_json::Value,
    wall: Duration,
) -> Result<T, RepairError> {
    bench.go_on()?;
    let mut request = bench.python.request(checkout, Vec::<String>::new());
    request.argv =
        ["node", "--experimental-vm-modules", "--experimental-import-meta-resolve", "--no-warnings"]
            .map(str::to_owned)
            .to_vec();
    request.argv.push(format!("{FILES}/drive.mjs"));
    let scripts = SCRIPTS.iter().map(|(name, text)| (Path::new(FILES).join(name), text.as_bytes().to_vec()));
    request.files.extend(scripts);
    let unreadable =
        |error: serde_json::Error| RepairError::Driver { driver: NAME, reason: error.to_string() };
    request.stdin = serde_json::to_vec(orders).map_err(unreadable)?;
    request.limits = Limits { wall, output_bytes: ANSWER, ..bench.limits.clone() };
    request.env.push(("NODE_ENV".to_owned(), "test".to_owned()));
    let output = run_equipped(&bench.sandbox, &bench.python, checkout, request, &bench.cancel)?;
    if output.ended == Ended::Cancelled {
        return Err(RepairError::Cancelled);
    }
    if output.ended.is_killed_from_outside(&output.hit) {
        return Err(RepairError::Killed(NAME));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let printed = String::from_utf8_lossy(&output.stderr);
        let tail: String = printed.chars().skip(printed.chars().count().saturating_sub(600)).collect();
        RepairError::Driver { driver: NAME, reason: format!("{}; {error}; {}", output.ended, tail.trim()) }
    })
}
