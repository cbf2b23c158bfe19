//! cargo test: what it prints is read, since it writes no report.
//!
//! The harness keeps what a test prints through Rust's own output for itself, but a test can write to the descriptor. So a
//! suite adds up only if each program's tests are as many as it announced and its summary counts the same; of two
//! outcomes for one test the worse one counts, so that nothing a failing test prints makes it pass.

use std::collections::BTreeMap;

use super::{Call, Kind, Place, Report, Runner, Source, TestOutcome, failure, of_panic, skipped, words};

pub(super) const RUNNER: Runner =
    Runner { kind: Kind::Cargo, recognise, ask, select, source: Source::Both, read };

fn recognise(words: &[String], at: usize) -> Option<usize> {
    if words::name(&words[at]) != "cargo" {
        return None;
    }
    let test = words.iter().skip(at + 1).position(|word| !word.starts_with(['-', '+']))? + at + 1;
    let other = |word: &String| {
        matches!(
            word.as_str(),
            "--no-run" | "--list" | "--help" | "-h" | "-Z" | "--nocapture" | "--no-capture"
        ) || word.starts_with("--format")
            || word.starts_with("--message-format")
    };
    let plain = !words.iter().any(other);
    (matches!(words[test].as_str(), "test" | "t") && plain).then_some(test + 1)
}

/// Words by which cargo prints less than is read here.
pub(super) fn quiet(call: &mut Call) {
    call.argv.retain(|word| !matches!(word.as_str(), "-q" | "--quiet"));
    call.at = call.at.min(call.argv.len());
    call.env.push(("CARGO_TERM_COLOR".to_owned(), "never".to_owned()));
    call.env.push(("RUST_BACKTRACE".to_owned(), "1".to_owned()));
}

fn ask(call: &mut Call) {
    quiet(call);
    call.drop(&["--fail-fast"], &[]);
    call.add(["--no-fail-fast"]);
}

fn select(only: &[String], call: &mut Call) {
    // A test of the documents is named with its line, which is no part of its id here.
    let names: Option<Vec<&str>> = only
        .iter()
        .map(|test| test.split_once(' ').filter(|(target, _)| *target != DOC).map(|(_, name)| name))
        .collect();
    let Some(names) = names else { return };
    if !call.argv.iter().any(|word| word == "--") {
        call.argv.push("--".to_owned());
    }
    call.argv.push("--exact".to_owned());
    call.argv.extend(names.into_iter().map(str::to_owned));
}

/// What comes before the tests of documents.
const DOC: &str = "doc";

/// One program's tests, as they are read.
#[derive(Default)]
struct Program {
    target: String,
    /// Tests announced, told and counted in the summary; none before its line was read.
    announced: Option<usize>,
    told: Vec<(String, TestOutcome)>,
    summary: bool,
    /// Whether the text of failures is being read, and whose.
    failures: bool,
    whose: Option<String>,
    texts: BTreeMap<String, String>,
    adds_up: bool,
}

fn read(text: &str, _: &Place<'_>) -> Report {
    let mut report = Report { finished: true, ..Report::default() };
    let mut targets: BTreeMap<String, usize> = BTreeMap::new();
    let mut program: Option<Program> = None;
    let mut any = false;
    for line in text.lines() {
        let running = program.as_ref().is_some_and(|program| program.announced.is_some() && !program.summary);
        if let Some(target) = header(line).filter(|_| !running) {
            any = true;
            program.take().into_iter().for_each(|program| program.end(&mut report));
            let count = targets.entry(target.clone()).or_default();
            *count += 1;
            let target = if *count == 1 { target } else { format!("{target}#{count}") };
            program = Some(Program { target, ..Program::default() });
        } else if let Some(program) = &mut program {
            // The tests of documents may run in several parts.
            if program.summary && announced(line).is_some() {
                let target = program.target.clone();
                std::mem::replace(program, Program { target, ..Program::default() }).end(&mut report);
            }
            program.line(line);
        }
    }
    program.take().into_iter().for_each(|program| program.end(&mut report));
    report.finished &= any;
    report
}

/// The program whose tests come next.
fn header(line: &str) -> Option<String> {
    if let Some(name) = line.trim_start().strip_prefix("Doc-tests ").filter(|_| line.starts_with("   ")) {
        return Some(format!("{DOC} {}", name.trim()));
    }
    let rest = line.trim_start().strip_prefix("Running ").filter(|_| line.starts_with("     "))?;
    let path = rest.strip_suffix(')')?.rsplit_once('(')?.1;
    let name = words::name(path);
    // What follows the last dash is a hash that changes with the versions of everything.
    Some(name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned())
}

fn announced(line: &str) -> Option<usize> {
    let number = line.strip_prefix("running ")?;
    number.strip_suffix(" tests").or_else(|| number.strip_suffix(" test"))?.parse().ok()
}

impl Program {
    fn line(&mut self, line: &str) {
        if self.summary {
            return self.after(line);
        }
        if self.announced.is_none() {
            self.announced = announced(line);
            // A program without the harness tells nothing; cargo tells whether it failed.
            if self.announced.is_none() {
                self.after(line);
            }
            return;
        }
        if let Some(summary) = line.strip_prefix("test result: ") {
            self.summary = true;
            self.adds_up = self.is(summary);
        } else if self.failures {
            self.text(line);
        } else if line == "failures:" || line == "successes:" {
            self.failures = true;
        } else if let Some((name, told)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            let outcome = match told {
                "ok" => TestOutcome::Passed,
                "FAILED" => TestOutcome::Failed { failure: failure("Error", "the test failed", "") },
                _ if told == "ignored" => skipped("ignored"),
                _ if told.starts_with("ignored, ") => skipped(&told["ignored, ".len()..]),
                _ if told.starts_with("bench:") => TestOutcome::Passed,
                _ => return,
            };
            self.told.push((name.to_owned(), outcome));
        }
    }

    /// What cargo says after a program.
    fn after(&mut self, line: &str) {
        if line.starts_with("error: test failed, to rerun") && self.announced.is_none() {
            let failure = failure("Error", "the program failed", "");
            self.told.push((String::new(), TestOutcome::Failed { failure }));
        }
    }

    fn text(&mut self, line: &str) {
        let head = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" ----"));
        if let Some(name) = head.map(|head| head.strip_suffix(" stdout").unwrap_or(head)) {
            self.whose = Some(name.to_owned());
        } else if line == "failures:" {
            self.whose = None;
        } else if let Some(name) = &self.whose {
            let text = self.texts.entry(name.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }

    /// Whether a summary counts what was told.
    fn is(&self, summary: &str) -> bool {
        let count = |word: &str| {
            let parts = summary.split(['.', ';']).map(str::trim);
            parts.filter_map(|part| part.strip_suffix(word)?.trim().parse::<usize>().ok()).next()
        };
        let of = |wanted: fn(&TestOutcome) -> bool| {
            self.told.iter().filter(|(_, outcome)| wanted(outcome)).count()
        };
        let passed = of(|outcome| *outcome == TestOutcome::Passed);
        let ignored = of(|outcome| matches!(outcome, TestOutcome::Skipped { .. }));
        count("passed").zip(count("measured")).map(|(a, b)| a + b) == Some(passed)
            && count("failed") == Some(of(TestOutcome::is_bad))
            && count("ignored") == Some(ignored)
            && self.announced == Some(self.told.len())
    }

    fn end(self, report: &mut Report) {
        let Program { target, announced, told, adds_up, texts, .. } = self;
        report.finished &= adds_up || announced.is_none();
        if announced.is_none() {
            let outcome = told.into_iter().next().map_or(TestOutcome::Passed, |(_, outcome)| outcome);
            report.note(target, outcome);
            return;
        }
        for (name, outcome) in told {
            let outcome = match (outcome, texts.get(&name)) {
                (TestOutcome::Failed { .. }, Some(text)) => TestOutcome::Failed { failure: of_panic(text) },
                (outcome, _) => outcome,
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(&name);
            report.note(format!("{target} {}", without_line(name)), outcome);
        }
    }
}

/// The name of a test of the documents without its line, which moves with every change above it.
fn without_line(name: &str) -> &str {
    let doc =
        name.split_once(" (line ").filter(|(name, _)| name.contains(".rs - ") || name.contains(".md - "));
    doc.map_or(name, |(name, _)| name)
}
