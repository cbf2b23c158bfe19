//! `logs`: how a log file is understood, without a crew and without a database.
//!
//! It goes through the same scan as the crew's own reading, secrets taken out, so that what is shown is what the crew
//! would see.

mod events;
mod input;
mod mine;
mod rows;
mod templates;

use std::collections::BTreeSet;

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_crew::config::{Config, LogsConfig};
use groundcrew_logs::{DropReason, Fingerprint, Judged, Keep, Record, Redactor, Rules, Scan, ScanOptions};
use serde::Serialize;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::{LogFile, Logs, LogsAction};
use crate::output::Style;
use input::Input;

/// Kinds of errors that are told apart in the summary.
const KINDS: usize = 100_000;
/// Frames of a stack that are shown without `-v`.
const FRAMES: usize = 8;
/// Characters of a message that are shown.
const BRIEF: usize = 200;

/// A record as `parse` gives it to programs.
#[derive(Serialize)]
struct Parsed<'a> {
    #[serde(flatten)]
    record: &'a Record,
    /// Which error it is; none for a record that is no error.
    fingerprint: Option<&'a Fingerprint>,
    /// The user's rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// Whether that rule hides the error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignored: bool,
}

/// A record as `assemble` gives it to programs.
#[derive(Serialize)]
struct Assembled<'a> {
    /// Number of the first line.
    line: u64,
    /// The lines, joined.
    text: &'a str,
    /// Whether something in the middle or at the end was left out.
    truncated: bool,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a log held.
#[derive(Default, Serialize)]
struct Summary {
    lines: u64,
    records: u64,
    errors: u64,
    /// Different errors.
    kinds: usize,
    /// Records without a time, level, structure or stack trace that is known.
    unparsed: u64,
    /// Errors that rules hide.
    #[serde(skip_serializing_if = "is_zero")]
    hidden: u64,
    /// Secrets taken out of the records that were wanted.
    redactions: usize,
    /// Bytes that are longer than is kept, or no text.
    left_out: u64,
    /// The log was not read to its end, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<String>,
    #[serde(skip)]
    seen: BTreeSet<String>,
    #[serde(skip)]
    no_text: bool,
}

/// Shows a log file.
pub(super) fn run(options: &Logs, at: &Invocation) -> Result<Done, Failure> {
    let (file, show): (&LogFile, Show) = match &options.action {
        LogsAction::Parse(file) => (file, parsed),
        LogsAction::Assemble(file) => (file, assembled),
        LogsAction::Mine(options) => return mine::run(options, at),
        LogsAction::Templates(options) => return templates::run(options, at),
    };
    let mut input = Input::open(&file.file)?;
    let keep = if file.errors { Keep::Errors } else { Keep::All };
    let options = ScanOptions { keep, ..ScanOptions::new(redactor(at)?) };
    let rules = rules(at)?;
    let source = file.file.to_string_lossy().into_owned();
    let mut summary = Summary::default();
    while let Some(read) = input.next(&options)? {
        summary.add(&read);
        for mut record in read.records {
            let judged = record.is_error().then(|| rules.judge(&mut record, &source));
            if let Some(judged) = &judged {
                summary.judge(judged);
            }
            show(at, &record, judged.as_ref())?;
        }
    }
    summary.kinds = summary.seen.len();
    if at.out.is_json() {
        at.out.record("summary", &summary)?;
    } else {
        at.out.note(summary.text());
    }
    Ok(Done::Clean)
}

/// How a record is shown.
type Show = fn(&Invocation, &Record, Option<&Judged>) -> Result<(), Failure>;

/// What the configuration file that was named says of logs, so that it can be tried before it counts anywhere.
fn settings(at: &Invocation) -> Result<LogsConfig, Failure> {
    let Some(path) = at.config_named() else { return Ok(LogsConfig::default()) };
    let wrong = |error: String| Failure::new(Kind::Usage, error);
    let read = Config::read(path).map_err(|error| wrong(error.to_string()))?;
    let (config, _) =
        read.ok_or_else(|| wrong(format!("there is no configuration file {}", path.display())))?;
    Ok(config.logs)
}

fn rules(at: &Invocation) -> Result<Rules, Failure> {
    let file = at.config_named().map(|path| path.display().to_string()).unwrap_or_default();
    let wrong = |error| Failure::new(Kind::Usage, format!("{file}: {error}"));
    Rules::new(&settings(at)?.rules).map_err(wrong)
}

/// Takes out secrets and what the settings name besides. Nothing is stored, so the key need not be secret: it only names
/// equal secrets alike.
fn redactor(at: &Invocation) -> Result<Redactor, Failure> {
    let settings = settings(at)?;
    let redactor = Redactor::new(&[0; 32]).also(&settings.redact, &settings.redact_patterns);
    redactor.map_err(|error| Failure::new(Kind::Usage, error.to_string()))
}

impl Summary {
    fn add(&mut self, read: &Scan) {
        self.lines += read.lines;
        // Those that were not kept count, too.
        self.records += read.traffic.iter().map(|tally| tally.records).sum::<u64>();
        self.unparsed += read.unparsed;
        for dropped in &read.dropped {
            self.left_out += dropped.bytes;
            self.no_text |= dropped.reason == DropReason::Binary;
            if dropped.reason.is_loss() {
                self.lost = Some(dropped.to_string());
            }
        }
        for record in &read.records {
            self.redactions += record.redactions;
            if record.is_error() {
                self.errors += 1;
            }
        }
    }

    fn judge(&mut self, judged: &Judged) {
        if judged.ignored {
            self.hidden += 1;
        } else if self.seen.len() < KINDS {
            self.seen.insert(judged.fingerprint.key.clone());
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}, {}, {} of {}",
            number(self.lines, "line"),
            number(self.records, "record"),
            number(self.errors, "error"),
            number(self.kinds as u64, "kind")
        );
        for (count, what) in [
            (self.unparsed, "records of an unknown form"),
            (self.hidden, "errors hidden by rules"),
            (self.redactions as u64, "secrets taken out"),
            (
                self.left_out,
                if self.no_text { "bytes that are no text" } else { "bytes too long to be kept" },
            ),
        ] {
            if count > 0 {
                text.push_str(&format!(", {what}: {count}"));
            }
        }
        if let Some(lost) = &self.lost {
            text.push_str(&format!("; {lost}"));
        }
        text
    }
}

fn assembled(at: &Invocation, record: &Record, _: Option<&Judged>) -> Result<(), Failure> {
    if at.out.is_json() {
        let Record { line, text, truncated, .. } = record;
        return at.out.record("record", &Assembled { line: *line, text, truncated: *truncated });
    }
    let mut lines = record.text.lines();
    let first = lines.next().unwrap_or_default();
    at.out.line(format!("{:>6}  {}", record.line, escape::line(first)))?;
    at.out
        .lines(lines.map(|line| format!("        {} {}", at.out.paint(Style::Dim, "|"), escape::lines(line))))
}

fn parsed(at: &Invocation, record: &Record, judged: Option<&Judged>) -> Result<(), Failure> {
    if at.out.is_json() {
        let shown = Parsed {
            record,
            fingerprint: judged.map(|judged| &judged.fingerprint),
            rule: judged.and_then(|judged| judged.rule.as_deref()),
            ignored: judged.is_some_and(|judged| judged.ignored),
        };
        return at.out.record("record", &shown);
    }
    let time = record.time.map(|time| time.to_string());
    let level = record.level.map(|level| level.as_str().to_owned());
    let said = [time, level, record.logger.clone()].into_iter().flatten();
    let said = said.map(|part| escape::line(&part) + "  ").collect::<String>();
    let said = at.out.paint(Style::Dim, &said);
    at.out.line(format!("{:>6}  {said}{}", record.line, brief(&record.message)))?;
    if let Some(trace) = &record.trace {
        // Of a bare stack trace, the message is the line that names the exception.
        if title(trace) != record.message {
            at.out.line(format!("        {}", brief(&title(trace))))?;
        }
        print_frames(at, trace)?;
        for cause in &trace.causes {
            at.out.line(format!("        caused by {}", brief(&title(cause))))?;
            print_frames(at, cause)?;
        }
    }
    let Some(judged) = judged else { return Ok(()) };
    let by =
        judged.rule.as_ref().map(|rule| format!(", by {}", escape::brief(rule, BRIEF))).unwrap_or_default();
    let told = match judged.ignored {
        true => format!("        hidden{by}"),
        false => format!("        same error: {}{by}", judged.fingerprint.key),
    };
    at.out.line(at.out.paint(Style::Dim, &told))
}

/// The exception and its message, as a bare stack trace names them.
fn title(trace: &Trace) -> String {
    let parts = [trace.exception.as_deref(), trace.message.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The first line of a text, safe to print.
/// A number of things, with their name in the right number.
fn number(count: impl Into<u64>, name: &str) -> String {
    match count.into() {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

fn brief(text: &str) -> String {
    escape::brief(text.lines().next().unwrap_or("error"), BRIEF)
}

fn print_frames(at: &Invocation, trace: &Trace) -> Result<(), Failure> {
    let shown = if at.out.is_verbose() { trace.frames.len() } else { trace.frames.len().min(FRAMES) };
    at.out.lines(trace.frames[..shown].iter().map(|frame| frame_line(at, frame)))?;
    match trace.frames.len() - shown {
        0 => Ok(()),
        more => at.out.line(format!("          and {more} more; -v shows them")),
    }
}

/// A frame; those of the application stand out.
fn frame_line(at: &Invocation, frame: &Frame) -> String {
    let function = frame.function.as_deref().unwrap_or("(no name)");
    let place = match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!(" at {file}:{line}"),
        (Some(file), None) => format!(" at {file}"),
        (None, _) => String::new(),
    };
    let text = escape::line(&format!("{function}{place}"));
    let style = if frame.in_app { Style::Strong } else { Style::Dim };
    format!("        {} {}", if frame.in_app { ">" } else { " " }, at.out.paint(style, &text))
}
