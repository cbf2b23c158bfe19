//! The brain that needs no model: tables and rules, the same answer for the same facts.
//!
//! Classification asks in this order: does the table of known kinds say what it is (`kinds`); is it the environment; is
//! there a frame of this repository, at the commit that fixes start from, to repair; else what the line alone says (`lines`),
//! and a person looks.

mod kinds;
mod limits;
mod lines;
mod lists;
mod priority;

use groundcrew_core::contract::{BrainId, Classification, Route};
use groundcrew_core::incident::Category;
use groundcrew_core::trace::{Frame, Trace};
use groundcrew_repair::strategies::Strategy;

use crate::brain::language::Language;
use crate::brain::{Brain, ErrorFacts};

pub(crate) use kinds::{short_name, telling};
pub(crate) use limits::stop_at;
use priority::{Urgency, priority, severity};

/// Score from which a commit counts as the one that introduced the error.
const LIKELY: f64 = 0.5;

/// Folders that hold other people's code within a repository.
const VENDORED: &[&str] =
    &["node_modules", "vendor", "third_party", "site-packages", "_vendor", "dist-packages"];

/// Parts of names of functions and files that decide who may do what; a defect in them may open a door.
const GATES: &[&str] = &[
    "authoris",
    "authoriz",
    "authenticat",
    "permission",
    "access_control",
    "accesscontrol",
    "csrf",
    "sanitiz",
    "sanitis",
    "verify_signature",
    "verifysignature",
    "verify_token",
    "verifytoken",
    "check_password",
    "checkpassword",
];

/// The rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

impl Brain for Rules {
    fn id(&self) -> BrainId {
        BrainId { kind: "rules".into(), name: "rules".into(), version: env!("CARGO_PKG_VERSION").into() }
    }

    fn classify(&self, facts: &ErrorFacts<'_>) -> Classification {
        let verdict = verdict(facts);
        let severity = severity(verdict.category, facts.sample.level.as_deref());
        let urgency = Urgency {
            severity,
            counts: facts.counts,
            idle_s: facts.idle_s,
            reason: facts.reason,
            new_in_release: facts.new_in_release,
            environment: facts.environment,
        };
        let mut found = Classification {
            priority: priority(&urgency),
            fixability: limits::fixability(facts, verdict.category, verdict.route),
            in_app_frame: facts.frame.cloned(),
            suspects: facts.suspects.to_vec(),
            counts: facts.counts,
            release: facts.release.map(str::to_owned),
            environment: facts.environment.map(str::to_owned),
            ..Classification::new(verdict.category, severity, verdict.route, verdict.reason)
        };
        found.stop_at = stop_at(facts, &found);
        if matches!(found.route, Route::Human | Route::Ignore) {
            found.not_fixable_reason = Some(found.reason.clone());
        }
        found
    }

    fn strategies(&self) -> Vec<Box<dyn Strategy>> {
        groundcrew_repair::strategies::all()
    }
}

/// What an error is.
struct Verdict {
    category: Category,
    route: Route,
    reason: String,
}

impl Verdict {
    fn new(category: Category, route: Route, reason: impl Into<String>) -> Self {
        Self { category, route, reason: reason.into() }
    }
}

fn verdict(facts: &ErrorFacts<'_>) -> Verdict {
    let trace = facts.sample.trace.as_ref();
    if trace.is_some_and(from_environment) {
        return Verdict::new(
            Category::Config,
            Route::Human,
            "a variable is missing in the environment of the program; mend the deployment, not the code",
        );
    }
    if let Some(name) = trace.and_then(unfit_setting) {
        return Verdict::new(
            Category::Config,
            Route::Human,
            format!(
                "the environment's value of {name} is none that the program can take; mend the deployment, or say in code \
                 what such a value means"
            ),
        );
    }
    let kind = if own_module_missing(facts) { None } else { kinds::find(facts.sample, facts.user_errors) };
    match (kind, trace) {
        (Some((kind, by)), _) if kind.category == Category::Security => with_care(facts, kind.why, &by),
        (Some((kind, by)), _) => {
            let by = if by.is_empty() { String::new() } else { format!(" ({by})") };
            Verdict::new(kind.category, kind.route, format!("{}{by}: {}", kind.why, kind.then))
        }
        (None, Some(trace)) => verdict_of_place(facts, telling(trace)),
        (None, None) => lines::verdict(facts.sample),
    }
}

/// An error of security goes through the same gates as a defect, if there is code to repair.
fn with_care(facts: &ErrorFacts<'_>, why: &str, by: &str) -> Verdict {
    let by = if by.is_empty() { "an error line" } else { by };
    match facts.frame {
        Some(frame) if repaired(frame) => {
            Verdict::new(Category::Security, Route::Security, format!("{why}: {by} at {}", place(frame)))
        }
        Some(frame) => Verdict::new(
            Category::Security,
            Route::Human,
            format!("{why}: {by} at {}; {}", place(frame), no_repair(frame)),
        ),
        None => Verdict::new(
            Category::Security,
            Route::Human,
            format!("{why} ({by}), and no frame of its stack lies in this repository"),
        ),
    }
}

fn verdict_of_place(facts: &ErrorFacts<'_>, trace: &Trace) -> Verdict {
    let exception = trace.exception.as_deref().unwrap_or("an unnamed exception");
    let Some(frame) = facts.frame else {
        let why = match (facts.elsewhere, package(trace)) {
            (Some(elsewhere), _) => {
                format!("{exception} cannot be repaired at the commit that fixes start from: {elsewhere}")
            }
            (None, Some(package)) => format!(
                "{exception} was raised in the installed package {package}, and no frame of the stack lies in this \
                 repository, so it cannot be repaired here"
            ),
            (None, None) => format!(
                "no frame of the stack lies in this repository, so {exception} cannot be repaired here"
            ),
        };
        let category = if facts.elsewhere.is_some() { Category::Unknown } else { Category::Dependency };
        return Verdict::new(category, Route::Human, why);
    };
    let place = place(frame);
    if let Some(folder) = vendored(frame) {
        return Verdict::new(
            Category::Dependency,
            Route::Human,
            format!(
                "{exception} at {place} lies in {folder}, which holds other people's code: {}",
                "update it there"
            ),
        );
    }
    let (category, reason) = match facts.suspects.first().filter(|suspect| suspect.score >= LIKELY) {
        Some(suspect) => (
            Category::Regression,
            format!("{exception} at {place}; {} of the stack: {}", suspect.evidence, suspect.subject),
        ),
        None => (Category::CodeBug, format!("{exception} at {place}, in code of this repository")),
    };
    let reason = match package(trace) {
        Some(package) => format!("{reason}; the installed package {package}, which it calls, raised it"),
        None => reason,
    };
    if !repaired(frame) {
        return Verdict::new(category, Route::Human, format!("{reason}; {}", no_repair(frame)));
    }
    if is_gate(frame) {
        let reason = format!("{reason}; it lies where the program decides who may do what");
        return Verdict::new(Category::Security, Route::Security, reason);
    }
    Verdict::new(category, Route::Developer, reason)
}

fn place(frame: &Frame) -> String {
    let at = format!("{}:{}", frame.file.as_deref().unwrap_or("?"), frame.line.unwrap_or(0));
    match frame.function.as_deref() {
        Some(function) => format!("{at} in {function}"),
        None => at,
    }
}

/// The installed package whose code raised an exception.
fn package(trace: &Trace) -> Option<String> {
    const INSTALLED: [&str; 3] = ["node_modules", "site-packages", "dist-packages"];
    let in_file = |file: &&str| !file.starts_with("node:") && !file.starts_with('<') && *file != "native";
    let file = trace.frames.iter().filter_map(|frame| frame.file.as_deref()).find(in_file)?;
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    let at = parts.iter().rposition(|part| INSTALLED.contains(part))?;
    let (name, inner) = (parts.get(at + 1)?, parts.get(at + 2));
    Some(match inner {
        Some(inner) if name.starts_with('@') => format!("{name}/{inner}"),
        Some(_) => (*name).to_owned(),
        // A package of one file.
        None => name.rsplit_once('.').map_or(*name, |(name, _)| name).to_owned(),
    })
}

fn language(frame: &Frame) -> Language {
    Language::of_file(frame.file.as_deref().unwrap_or_default())
}

fn repaired(frame: &Frame) -> bool {
    language(frame).is_repaired()
}

fn no_repair(frame: &Frame) -> String {
    format!("no repair for {} yet", language(frame).name())
}

fn vendored(frame: &Frame) -> Option<&'static str> {
    let file = frame.file.as_deref()?;
    VENDORED.iter().find(|folder| file.split('/').rev().skip(1).any(|part| part == **folder)).copied()
}

fn is_gate(frame: &Frame) -> bool {
    let names = [frame.function.as_deref(), frame.file.as_deref()];
    let names = names.into_iter().flatten().map(str::to_lowercase).collect::<Vec<_>>();
    GATES.iter().any(|gate| names.iter().any(|name| name.contains(gate)))
}

/// A key missing in the process environment is raised by the standard library's `os` module on behalf of the program.
fn from_environment(trace: &Trace) -> bool {
    let key_error = trace.exception.as_deref().map(short_name) == Some("KeyError");
    key_error
        && trace.frames.first().is_some_and(|frame| {
            !frame.in_app
                && frame.file.as_deref().is_some_and(|file| file.ends_with("/os.py") || file == "<frozen os>")
        })
}

/// The variable of the environment whose value could not be converted where it was read.
fn unfit_setting(trace: &Trace) -> Option<&str> {
    let unfit = matches!(trace.exception.as_deref().map(short_name), Some("ValueError" | "InvalidOperation"));
    let source = trace.frames.first().filter(|frame| unfit && frame.in_app)?.source.as_deref()?;
    let read =
        ["os.environ", "os.getenv(", "getenv("].into_iter().find_map(|word| source.split_once(word))?.1;
    let quote = read.find(['"', '\''])?;
    let name = read[quote + 1..].split(['"', '\'']).next()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// A module that Node looks for by a relative path is a file of the program itself and no package.
fn own_module_missing(facts: &ErrorFacts<'_>) -> bool {
    let message = facts.sample.trace.as_ref().and_then(|trace| trace.message.as_deref()).unwrap_or_default();
    message.strip_prefix("Cannot find module '").is_some_and(|name| name.starts_with('.'))
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
