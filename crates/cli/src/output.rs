//! What is printed, and where: data on standard output, progress and failures on standard error.
//!
//! Text of strangers goes through [`crate::escape`] before it comes here; JSON is made safe here.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use groundcrew_core::role::Role;
use serde::Serialize;

use crate::escape;
use crate::failure::{Failure, Kind};
use crate::invocation::Environment;
use crate::options::{ColorChoice, Global};

/// How a text stands out on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Strong,
    /// Less important.
    Dim,
    /// All is well; an added line.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong; a removed line.
    Bad,
    /// The mark of a role.
    Role(Role),
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Role(Role::Monitor) => "36",
            Self::Role(Role::Triage) => "35",
            Self::Role(Role::Developer) => "33",
            Self::Role(Role::Qa) => "32",
            Self::Role(Role::Security) => "31",
            Self::Role(Role::Architect) => "34",
        }
    }
}

/// Version of every JSON document and record; it grows when a key changes its meaning or goes away, not when one is added.
const SCHEMA_VERSION: u32 = 1;

/// A JSON document, or a record of a stream, with what all of them carry.
#[derive(Serialize)]
struct Versioned<'a, T> {
    schema_version: u32,
    /// What a record of a stream is about; a document has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'static str>,
    #[serde(flatten)]
    content: &'a T,
}

/// Where results go and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    /// Lines of the result are progress of something larger, and go where progress goes.
    progress: bool,
    color: bool,
    color_errors: bool,
    quiet: bool,
    verbose: u8,
    terminal: bool,
    /// Standard error is a terminal that lines can be redrawn on.
    redraws: bool,
}

impl Output {
    /// The output that the flags and the environment ask for.
    pub(crate) fn new(global: &Global, environment: &Environment) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let color = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => environment.color_forced || (terminal && environment.color_allowed),
        };
        Self {
            json: global.json,
            progress: false,
            color: color(terminal),
            color_errors: color(std::io::stderr().is_terminal()),
            quiet: global.quiet,
            verbose: global.verbose,
            terminal,
            redraws: std::io::stderr().is_terminal() && !environment.dumb_terminal,
        }
    }

    /// Output before the flags are known.
    pub(crate) const fn plain() -> Self {
        Self {
            json: false,
            progress: false,
            color: false,
            color_errors: false,
            quiet: false,
            verbose: 0,
            terminal: false,
            redraws: false,
        }
    }

    /// Output for lines that lead up to one JSON document: standard output belongs to the document.
    pub(crate) fn as_progress(&self) -> Self {
        if self.json {
            Self { json: false, progress: true, color: self.color_errors, ..*self }
        } else {
            *self
        }
    }

    /// Output that drops everything but warnings and failures.
    pub(crate) fn silent(&self) -> Self {
        Self { json: false, progress: true, quiet: true, ..*self }
    }

    /// Output whose painted texts are for standard error.
    pub(crate) fn on_errors(&self) -> Self {
        Self { color: self.color_errors, ..*self }
    }

    /// Whether results are for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether lines that are drawn again and again are wanted on standard error.
    pub(crate) fn shows_live_lines(&self) -> bool {
        self.redraws && !self.quiet && !self.json
    }

    /// Whether more detail was asked for.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Prints a line of the result; the text is safe already.
    ///
    /// # Errors
    /// The reader has gone, or the disk is full.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.progress {
            self.note(text);
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n"));
        written.and_then(|()| out.flush()).map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                Failure::new(Kind::BrokenPipe, "the reader has gone")
            } else {
                Failure::new(Kind::Failed, format!("cannot write to standard output: {error}"))
            }
        })
    }

    /// Prints several lines of the result.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn lines<T: AsRef<str>>(&self, lines: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        lines.into_iter().try_for_each(|line| self.line(line))
    }

    /// Prints the one JSON document of a verb.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn document<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let document = Versioned { schema_version: SCHEMA_VERSION, record: None, content: value };
        self.line(escape::json(&serde_json::to_string_pretty(&document).map_err(|error| unwritable(&error))?))
    }

    /// Prints a JSON document whose form others have laid down, so that nothing is added to it.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn foreign(&self, value: &serde_json::Value) -> Result<(), Failure> {
        self.line(escape::json(&serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))?))
    }

    /// Prints one line of a JSON stream; `kind` tells a program which of the stream's records it is.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn record<T: Serialize>(&self, kind: &'static str, value: &T) -> Result<(), Failure> {
        let record = Versioned { schema_version: SCHEMA_VERSION, record: Some(kind), content: value };
        self.line(escape::json(&serde_json::to_string(&record).map_err(|error| unwritable(&error))?))
    }

    /// Tells about progress on standard error; the text is safe already.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            tell(text.as_ref());
        }
    }

    /// Tells what to do with a result that a person will hardly want to read as it is.
    pub(crate) fn note_on_terminal(&self, text: impl AsRef<str>) {
        if self.terminal {
            self.note(text);
        }
    }

    /// Warns on standard error, also when progress is not wanted.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        tell(&format!("{} {}", self.stress(Style::Warn, "warning:"), text.as_ref()));
    }

    /// Tells why the verb failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.kind == Kind::BrokenPipe {
            return;
        }
        if self.json {
            return self.json_failure(failure);
        }
        tell(&format!("{} {}", self.stress(Style::Bad, "error:"), escape::lines(&failure.message)));
        for hint in &failure.hints {
            tell(&format!("{} {}", self.stress(Style::Strong, "hint:"), escape::lines(hint)));
        }
    }

    /// Tells why the verb failed, to a program.
    pub(crate) fn json_failure(&self, failure: &Failure) {
        let problem = failure.problem();
        let document = Versioned { schema_version: SCHEMA_VERSION, record: None, content: &problem };
        if let Ok(text) = serde_json::to_string(&document) {
            tell(&escape::json(&text));
        }
    }

    /// A text of the result that stands out where colour is wanted.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        painted(self.color, style, text)
    }

    /// Clears the terminal before a picture that is drawn again and again; an empty line elsewhere.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn next_picture(&self) -> Result<(), Failure> {
        self.line(if self.terminal { "\u{1b}[2J\u{1b}[H" } else { "" })
    }

    fn stress(&self, style: Style, text: &str) -> String {
        painted(self.color_errors, style, text)
    }
}

fn painted(color: bool, style: Style, text: &str) -> String {
    if color { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
}

/// Nobody is left to be told when standard error is closed.
fn tell(text: &str) {
    let mut err = std::io::stderr().lock();
    drop(err.write_all(text.as_bytes()).and_then(|()| err.write_all(b"\n")));
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(Kind::Failed, format!("the result cannot be written as JSON: {error}"))
}
