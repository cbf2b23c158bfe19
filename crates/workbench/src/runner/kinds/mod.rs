//! The runners whose tests are told by a report: one table, one file for each.
//!
//! A [`Runner`] says by which words of a command it is known, what is added to the command so that it leaves a report,
//! where that report is, how single tests are selected, and how the report is read. Reading is a plain function of the text:
//! hostile text costs linear time and makes at worst an incomplete suite. Where the runner can write a file, the report is
//! one, so that nothing a test prints is part of it; where only its output can be read, it is read strictly and what does
//! not add up is incomplete.

mod cargo;
mod go;
mod jest;
mod junit;
mod mocha;
mod nextest;
mod node;
mod tap;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use super::kind::{Kind, TestCommand};
use super::{Failure, TestOutcome, words};

/// Where a report is written. The null character stands for a folder that is made for the run, in arguments, variables and
/// files alike; no argument of a user's can hold one.
const REPORT: &str = "\0/report";
/// Bytes of one text of a failure that are kept.
const LONGEST: usize = 16 << 10;
/// Selected tests, beyond which all are run and the others left out of the report.
const MOST_SELECTED: usize = 200;
/// Bytes of the names of selected tests, likewise.
const LONGEST_SELECTION: usize = 32 << 10;

/// One runner.
pub(super) struct Runner {
    pub(super) kind: Kind,
    /// Where its options may be put, if the words run it; the number is that of the program.
    recognise: fn(&[String], usize) -> Option<usize>,
    /// Adds what makes it leave a report.
    ask: fn(&mut Call),
    /// Adds what makes it run these tests alone, or more than them.
    select: fn(&[String], &mut Call),
    /// Where its report is.
    pub(super) source: Source,
    read: fn(&str, &Place<'_>) -> Report,
}

/// Where the report of a run is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// In a file that the runner was told to write.
    File,
    /// On its standard output.
    Stdout,
    /// On both its outputs, in the order in which it was printed.
    Both,
    /// In files of the work tree that the settings name.
    Named,
}

const RUNNERS: [&Runner; 9] = [
    &node::RUNNER,
    &jest::JEST,
    &jest::VITEST,
    &mocha::RUNNER,
    &nextest::RUNNER,
    &cargo::RUNNER,
    &go::RUNNER,
    &tap::RUNNER,
    &junit::RUNNER,
];

/// What a command runs, by its words.
pub(super) fn recognise(words: &[String]) -> Kind {
    let Some(at) = words::program_at(words) else { return Kind::Other };
    let found = RUNNERS.iter().find(|runner| (runner.recognise)(words, at).is_some());
    found.map_or(Kind::Other, |runner| runner.kind)
}

/// The runner of a kind; none for those that a script of ours runs, and where only the exit code is told.
pub(super) fn runner(kind: Kind) -> Option<&'static Runner> {
    RUNNERS.into_iter().find(|runner| runner.kind == kind)
}

/// A command in the making.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Call {
    /// The words to run.
    pub(super) argv: Vec<String>,
    /// Variables besides those of the run.
    pub(super) env: Vec<(String, String)>,
    /// Texts to place in the folder of the report, by name.
    pub(super) files: Vec<(&'static str, String)>,
    /// Where options of the runner are put.
    at: usize,
    /// Whether a package manager hands the options on, so that none can be taken out or put elsewhere.
    handed_on: bool,
}

impl Call {
    /// The call that runs these tests of a command, or all, and leaves a report.
    pub(super) fn of(runner: &Runner, command: &TestCommand, only: Option<&[String]>) -> Call {
        let mut call = Call { argv: command.words().to_vec(), ..Call::default() };
        // What a shell would take for variables.
        while call.argv.first().is_some_and(|word| words::is_assignment(word)) {
            let word = call.argv.remove(0);
            call.env.extend(word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let at = words::program_at(&call.argv).and_then(|at| (runner.recognise)(&call.argv, at));
        call.handed_on = at.is_none();
        if at.is_none() && call.argv.first().is_some_and(|program| words::name(program) == "npm") {
            call.argv.push("--".to_owned());
        }
        call.at = at.unwrap_or(call.argv.len());
        (runner.ask)(&mut call);
        let small = |only: &&[String]| {
            only.len() <= MOST_SELECTED && only.iter().map(String::len).sum::<usize>() <= LONGEST_SELECTION
        };
        if let Some(only) = only.filter(small) {
            (runner.select)(only, &mut call);
        }
        call
    }

    /// Puts options where the runner takes them.
    fn add<const N: usize>(&mut self, options: [&str; N]) {
        for option in options {
            self.argv.insert(self.at, option.to_owned());
            self.at += 1;
        }
    }

    /// Puts words at the end, before what a `--` hands on.
    fn add_last(&mut self, words: impl IntoIterator<Item = String>) {
        let end = self.argv.iter().position(|word| word == "--").filter(|_| !self.handed_on);
        let end = end.unwrap_or(self.argv.len());
        self.argv.splice(end..end, words);
    }

    /// Takes options out, with the word after them where they have a value of their own.
    fn drop(&mut self, alone: &[&str], with_value: &[&str]) {
        let mut at = self.at;
        while !self.handed_on && at < self.argv.len() && self.argv[at] != "--" {
            let word = self.argv[at].clone();
            let (name, joined) =
                word.split_once('=').map_or((word.as_str(), false), |(name, _)| (name, true));
            if with_value.contains(&name) {
                let end = (at + if joined { 1 } else { 2 }).min(self.argv.len());
                self.argv.drain(at..end);
            } else if alone.contains(&name) {
                self.argv.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Adds to a variable that holds a list of words.
    fn add_to_variable(&mut self, name: &str, words: &str) {
        match self.env.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = format!("{value} {words}"),
            None => self.env.push((name.to_owned(), words.to_owned())),
        }
    }
}

/// Where a run took place: its work tree, by every name that a report may have for it.
pub(super) struct Place<'a> {
    roots: Vec<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn new(roots: impl IntoIterator<Item = &'a Path>) -> Place<'a> {
        Place { roots: roots.into_iter().filter_map(Path::to_str).collect() }
    }

    /// A path as seen from the work tree.
    fn file(&self, path: &str) -> String {
        let path = path.strip_prefix("file://").unwrap_or(path);
        let below = self.roots.iter().find_map(|root| path.strip_prefix(root)?.strip_prefix('/'));
        below.unwrap_or(path.strip_prefix("./").unwrap_or(path)).to_owned()
    }

    /// A text in which files are named as paths and not as addresses, without colours.
    fn text(&self, text: &str) -> String {
        let mut text = without_colours(text);
        for root in &self.roots {
            text = text.replace(&format!("file://{root}/"), &format!("{root}/"));
        }
        cut(&text)
    }
}

/// What a report tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    /// Every test by its id; the worst outcome counts where one has several.
    pub(super) tests: BTreeMap<String, TestOutcome>,
    /// Whether it came to its end and adds up.
    pub(super) finished: bool,
}

impl Report {
    fn note(&mut self, id: String, outcome: TestOutcome) {
        let id = if id.len() > LONGEST { cut(&id) } else { id };
        match self.tests.entry(id) {
            Entry::Occupied(known) if known.get().rank() >= outcome.rank() => {}
            Entry::Occupied(mut known) => {
                known.insert(outcome);
            }
            Entry::Vacant(none) => {
                none.insert(outcome);
            }
        }
    }
}

/// Reads a report.
pub(super) fn read(runner: &Runner, text: &str, place: &Place<'_>) -> Report {
    (runner.read)(text, place)
}

fn skipped(reason: &str) -> TestOutcome {
    TestOutcome::Skipped { reason: cut(reason) }
}

fn failure(exception: &str, message: &str, traceback: &str) -> Failure {
    Failure { exception: cut(exception), message: cut(message), traceback: cut(traceback) }
}

/// A failure of JavaScript by its stack, which begins with the name of the error and its message.
fn of_stack(stack: &str) -> Failure {
    let stack = stack.trim_start();
    let head = stack.split("\n    at ").next().unwrap_or(stack).trim_end();
    let (name, message) = head.split_once(':').unwrap_or(("Error", head));
    // What an error of node says of itself: `AssertionError [ERR_ASSERTION]`.
    let name = name.split(" [").next().unwrap_or(name).trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_$.".contains(c));
    let (name, message) = if is_name { (name, message) } else { ("Error", head) };
    failure(name, message.trim(), stack)
}

/// A failure of Rust by what the test printed.
fn of_panic(text: &str) -> Failure {
    let Some((_, after)) = text.split_once("panicked at ") else {
        let text = text.trim();
        return failure("Error", text.strip_prefix("Error: ").unwrap_or(text), text);
    };
    let first = after.lines().next().unwrap_or_default();
    // Before Rust 1.73 the message stood on the line itself, in quotes.
    if let Some((message, _)) = first.strip_prefix('\'').and_then(|rest| rest.rsplit_once("', ")) {
        return failure("panic", message, text.trim());
    }
    let ends = |line: &&str| line.starts_with("stack backtrace:") || line.starts_with("note: ");
    let message: Vec<&str> = after.lines().skip(1).take_while(|line| !ends(line)).collect();
    failure("panic", message.join("\n").trim(), text.trim())
}

/// The text, with its middle left out where it is long.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let start = text.floor_char_boundary(LONGEST / 2);
    let end = text.ceil_char_boundary(text.len() - LONGEST / 2);
    format!("{}\n[...]\n{}", &text[..start], &text[end..])
}

/// The text without the sequences that colour a terminal.
fn without_colours(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut parts = text.split("\u{1b}[");
    clean.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |end| end + 1);
        clean.push_str(&part[end..]);
    }
    clean
}

/// The words of a regular expression that stand for themselves.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\^$.*+?()[]{}|/".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A regular expression for exactly these texts.
fn any_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut texts: Vec<String> = texts.into_iter().map(escaped).collect();
    texts.sort();
    texts.dedup();
    format!("^(?:{})$", texts.join("|"))
}

/// Between the parts of a test's name.
const WITHIN: &str = " > ";

/// The id of a test of JavaScript: its file, the groups it is in, its name.
fn id(file: &str, parts: &[&str]) -> String {
    [&[file], parts].concat().join(WITHIN)
}

/// Where options stand, if the words run one of these programs of JavaScript, by itself or by node.
fn javascript(words: &[String], at: usize, names: &[&str]) -> Option<usize> {
    let is = |word: &str| {
        let name = words::name(word);
        let stem = name.rsplit_once('.').filter(|(_, end)| matches!(*end, "js" | "mjs" | "cjs"));
        names.contains(&stem.map_or(name, |(stem, _)| stem))
    };
    if is(&words[at]) {
        return Some(at + 1);
    }
    let by_node = words::name(&words[at]) == "node";
    let found = words.iter().skip(at + 1).position(|word| word.contains("node_modules/") && is(word));
    found.filter(|_| by_node).map(|found| at + found + 2)
}

#[cfg(test)]
mod tests;
