//! The brain that needs no model: tables and rules, the same answer for the same facts.
//!
//! Classification asks in this order: was the caller told that its own input was wrong; did another machine or a
//! resource fail; is the configuration at fault; is there a frame of this repository to repair; else a person looks.

use groundcrew_core::contract::{BrainId, Classification, Route};
use groundcrew_core::incident::{Category, Severity};
use groundcrew_core::trace::Trace;
use groundcrew_repair::strategies::Strategy;

use crate::brain::{Brain, ErrorFacts};

/// The rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

impl Brain for Rules {
    fn id(&self) -> BrainId {
        BrainId { kind: "rules".into(), name: "rules".into(), version: env!("CARGO_PKG_VERSION").into() }
    }

    fn classify(&self, facts: &ErrorFacts<'_>) -> Classification {
        let verdict = verdict(facts);
        let severity = severity(facts, verdict.category);
        Classification {
            category: verdict.category,
            severity,
            priority: priority(severity, facts),
            route: verdict.route,
            fixability: fixability(facts, &verdict),
            in_app_frame: facts.frame.cloned(),
            suspects: facts.suspects.to_vec(),
            reason: verdict.reason,
        }
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

/// Exceptions by which another machine, a network or a peer shows its failure.
const INFRASTRUCTURE: &[&str] = &[
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionAbortedError",
    "BrokenPipeError",
    "TimeoutError",
    "ConnectTimeout",
    "ReadTimeout",
    "URLError",
    "gaierror",
    "herror",
    "SSLError",
    "SSLCertVerificationError",
    "RemoteDisconnected",
    "IncompleteRead",
    "MaxRetryError",
    "NewConnectionError",
    "OperationalError",
    "ConnectError",
    "ServerDisconnectedError",
];

/// Exceptions by which memory, disk or handles show that they ran out.
const RESOURCE: &[&str] = &["MemoryError", "BlockingIOError", "DiskFull"];

/// Exceptions by which a missing installation, file or setting shows.
const CONFIGURATION: &[&str] = &[
    "ModuleNotFoundError",
    "FileNotFoundError",
    "PermissionError",
    "ImproperlyConfigured",
    "ConfigurationError",
    "ConfigError",
];

/// Parts of exception names by which a program tells its caller that the request was wrong.
const CALLER: &[&str] = &[
    "Validation",
    "BadRequest",
    "InvalidRequest",
    "InvalidInput",
    "NotFound",
    "Http404",
    "Unauthorized",
    "Forbidden",
    "PermissionDenied",
    "AuthenticationFailed",
    "JSONDecodeError",
    "UnprocessableEntity",
];

/// Words of a plain error line by which another machine shows its failure.
const INFRASTRUCTURE_WORDS: &[&str] = &[
    "connection refused",
    "connection reset",
    "timed out",
    "name or service not known",
    "unreachable",
    "bad gateway",
];

/// Words of a plain error line or an exception text by which a resource shows that it ran out.
const RESOURCE_WORDS: &[&str] =
    &["no space left", "too many open files", "cannot allocate memory", "out of memory"];

fn verdict(facts: &ErrorFacts<'_>) -> Verdict {
    match &facts.sample.trace {
        Some(trace) => verdict_of_trace(facts, trace),
        None => verdict_of_line(&facts.sample.text),
    }
}

fn verdict_of_trace(facts: &ErrorFacts<'_>, trace: &Trace) -> Verdict {
    let exception = trace.exception.as_deref().unwrap_or("an unnamed exception");
    let chain = std::iter::once(trace).chain(&trace.causes);
    let names: Vec<&str> = chain.filter_map(|link| link.exception.as_deref()).map(short_name).collect();
    let message = trace.message.as_deref().unwrap_or("").to_lowercase();
    if names.first().is_some_and(|name| tells_caller(name)) {
        return Verdict::new(
            Category::UserError,
            Route::Ignore,
            format!(
                "the caller sent something invalid and was told so ({exception}): the program did what it should"
            ),
        );
    }
    if RESOURCE_WORDS.iter().any(|words| message.contains(words))
        || names.iter().any(|name| RESOURCE.contains(name))
    {
        return Verdict::new(
            Category::Resource,
            Route::Human,
            format!("a resource of the machine ran out ({exception}); look at its limits, not at the code"),
        );
    }
    if let Some(name) = names.iter().find(|name| INFRASTRUCTURE.contains(name)) {
        return Verdict::new(
            Category::Infrastructure,
            Route::Ignore,
            format!(
                "another machine or service did not answer ({name}): no change of this code makes it answer"
            ),
        );
    }
    if names.iter().any(|name| CONFIGURATION.contains(name)) || from_environment(trace) {
        return Verdict::new(
            Category::Config,
            Route::Human,
            format!(
                "a setting, a file or an installed package is missing ({exception}); mend the deployment, not the code"
            ),
        );
    }
    verdict_of_place(facts, exception)
}

fn tells_caller(name: &str) -> bool {
    !CONFIGURATION.contains(&name) && CALLER.iter().any(|part| name.contains(part))
}

fn verdict_of_place(facts: &ErrorFacts<'_>, exception: &str) -> Verdict {
    let Some(frame) = facts.frame else {
        return Verdict::new(
            Category::Dependency,
            Route::Human,
            format!("no frame of the stack lies in this repository, so {exception} cannot be repaired here"),
        );
    };
    let place = format!(
        "{}:{} in {}",
        frame.file.as_deref().unwrap_or("?"),
        frame.line.unwrap_or(0),
        frame.function.as_deref().unwrap_or("?")
    );
    let recent = facts.suspects.first().filter(|suspect| suspect.score >= 0.5);
    let (category, reason) = match recent {
        Some(suspect) => (
            Category::Regression,
            format!("{exception} at {place}; {} of the stack: {}", suspect.evidence, suspect.subject),
        ),
        None => (Category::CodeBug, format!("{exception} at {place}, in code of this repository")),
    };
    Verdict::new(category, Route::Developer, reason)
}

fn verdict_of_line(text: &str) -> Verdict {
    let lower = text.to_lowercase();
    if RESOURCE_WORDS.iter().any(|words| lower.contains(words)) {
        return Verdict::new(Category::Resource, Route::Human, "a resource of the machine ran out");
    }
    if INFRASTRUCTURE_WORDS.iter().any(|words| lower.contains(words)) {
        return Verdict::new(
            Category::Infrastructure,
            Route::Ignore,
            "another machine or service did not answer: no change of this code makes it answer",
        );
    }
    Verdict::new(
        Category::Unknown,
        Route::Human,
        "the log has an error line without a stack trace, so there is no place to repair",
    )
}

/// A key missing in the process environment is raised by the standard library's `os` module on behalf of the program.
fn from_environment(trace: &Trace) -> bool {
    let key_error = trace.exception.as_deref().map(short_name) == Some("KeyError");
    key_error
        && trace.frames.first().is_some_and(|frame| {
            !frame.in_app && frame.file.as_deref().is_some_and(|file| file.ends_with("/os.py"))
        })
}

fn short_name(exception: &str) -> &str {
    exception.rsplit(['.', ':']).next().unwrap_or(exception)
}

fn severity(facts: &ErrorFacts<'_>, category: Category) -> Severity {
    let critical = facts.sample.level.as_deref() == Some("critical");
    match category {
        Category::UserError => Severity::Low,
        Category::Flaky | Category::Data => Severity::Medium,
        Category::Infrastructure | Category::Dependency | Category::Unknown => {
            if critical {
                Severity::High
            } else {
                Severity::Medium
            }
        }
        Category::CodeBug | Category::Regression | Category::Config => {
            if critical {
                Severity::Critical
            } else {
                Severity::High
            }
        }
        Category::Resource | Category::Security => Severity::Critical,
    }
}

fn priority(severity: Severity, facts: &ErrorFacts<'_>) -> u8 {
    let base = match severity {
        Severity::Critical => 8,
        Severity::High => 6,
        Severity::Medium => 4,
        Severity::Low => 2,
        Severity::Info => 1,
    };
    let often = match facts.occurrences {
        0..=1 => 0,
        2..=15 => 1,
        _ => 2,
    };
    let returned = u8::from(facts.reason == "returned");
    (base + often + returned).min(10)
}

fn fixability(facts: &ErrorFacts<'_>, verdict: &Verdict) -> f64 {
    if verdict.route != Route::Developer {
        return 0.0;
    }
    let deliberate = facts
        .frame
        .and_then(|frame| frame.source.as_deref())
        .is_some_and(|source| source.trim_start().starts_with("raise"));
    let mut score: f64 = if deliberate { 0.2 } else { 0.6 };
    if facts.has_tests {
        score += 0.2;
    }
    if verdict.category == Category::Regression {
        score += 0.1;
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;
    use groundcrew_core::incident::Sample;
    use groundcrew_core::trace::Frame;

    fn frame(source: &str) -> Frame {
        Frame {
            file: Some("app/pay.py".into()),
            line: Some(3),
            function: Some("pay".into()),
            source: Some(source.into()),
            in_app: true,
        }
    }

    fn classify(exception: &str, message: &str, frame: Option<&Frame>) -> Classification {
        let trace = Trace {
            exception: Some(exception.into()),
            message: Some(message.into()),
            frames: frame.cloned().into_iter().collect(),
            causes: Vec::new(),
        };
        let sample = Sample { trace: Some(trace), level: Some("error".into()), ..Sample::default() };
        Rules.classify(&ErrorFacts {
            sample: &sample,
            occurrences: 3,
            reason: "new",
            frame,
            suspects: &[],
            has_tests: true,
        })
    }

    #[test]
    fn a_defect_in_the_repository_goes_to_the_developer() {
        let frame = frame("total += row[7]");
        let found = classify("IndexError", "list index out of range", Some(&frame));
        assert_eq!((found.category, found.route, found.priority), (Category::CodeBug, Route::Developer, 7));
        assert!(found.reason.contains("app/pay.py:3 in pay"), "{}", found.reason);
    }

    #[test]
    fn what_no_code_change_cures_is_not_sent_to_the_developer() {
        let frame = frame("return urlopen(url)");
        for (exception, message, category, route) in [
            ("urllib.error.URLError", "<urlopen error timed out>", Category::Infrastructure, Route::Ignore),
            (
                "ConnectionRefusedError",
                "[Errno 111] Connection refused",
                Category::Infrastructure,
                Route::Ignore,
            ),
            ("shop.errors.ValidationError", "quantity must be positive", Category::UserError, Route::Ignore),
            ("OSError", "[Errno 28] No space left on device", Category::Resource, Route::Human),
            ("ModuleNotFoundError", "No module named 'redis'", Category::Config, Route::Human),
        ] {
            let found = classify(exception, message, Some(&frame));
            assert_eq!((found.category, found.route), (category, route), "{exception}");
            assert!(!found.reason.is_empty());
        }
    }

    #[test]
    fn a_stack_outside_the_repository_goes_to_a_person() {
        let found = classify("TypeError", "bad operand", None);
        assert_eq!((found.category, found.route), (Category::Dependency, Route::Human));
    }

    #[test]
    fn a_plain_error_line_is_never_guessed_into_a_code_bug() {
        for (text, category) in [
            ("ERROR payment gateway: Connection refused", Category::Infrastructure),
            ("ERROR write failed: No space left on device", Category::Resource),
            ("ERROR something odd", Category::Unknown),
        ] {
            assert_eq!(verdict_of_line(text).category, category, "{text}");
        }
    }
}
