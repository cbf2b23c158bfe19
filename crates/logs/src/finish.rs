//! From a finished draft to a record: its trace is read and its secrets are taken out.
//!
//! The draft's texts become the record's, without a copy where nothing has to be taken out. Errors come in floods of one
//! logger, host and thread, which are therefore looked at once for all that say the same.

use groundcrew_core::trace::Trace;

use crate::assemble::Draft;
use crate::context::Context;
use crate::opened::Opened;
use crate::record::{Record, Span};
use crate::redact::Redactor;
use crate::release;
use crate::trace;

/// Makes records of drafts.
#[derive(Debug)]
pub(crate) struct Finisher<'a> {
    redactor: &'a Redactor,
    /// What logger, host, process, thread and stream of a record said last in which nothing was found.
    harmless: [String; 5],
}

impl<'a> Finisher<'a> {
    pub(crate) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, harmless: Default::default() }
    }

    /// The record of a draft, without secrets and without its context; the draft's texts are gone.
    pub(crate) fn record(&mut self, draft: &mut Draft) -> Record {
        let redactor = self.redactor;
        let traced = draft.language.and_then(|language| Some((language, draft.trace_text()?)));
        let (text, redactions) = without_secrets(draft.take_text(), redactor);
        let trace = match (&draft.field, draft.language, traced) {
            (Some(field), ..) => trace::parse(&redactor.redacted(field).0),
            (None, Some(_), Some((language, text))) => read_trace(language, &redactor.redacted(&text).0),
            (None, Some(language), None) => read_trace(language, &text),
            (None, None, _) => trace::escaped::parse(&text),
        };
        let said = std::mem::take(&mut draft.header);
        let exception = trace.as_ref().filter(|_| !draft.headed).map(exception_line);
        let place = Place { line: draft.number, lines: draft.count, start: draft.start, end: draft.end };
        let record = self.made(place, (text, redactions), said, exception);
        Record { trace, truncated: draft.truncated, ..record }
    }

    /// The record of an error on a single line without a trace, which is given without what stood around it; `clean` says
    /// that nothing has to be taken out of its message, and `held` whether something may have to be taken out of the line.
    pub(crate) fn line(
        &mut self,
        line: &str,
        mut said: Opened,
        place: Place,
        clean: bool,
        held: bool,
    ) -> Record {
        let text = if held { without_secrets(line.to_owned(), self.redactor) } else { (line.to_owned(), 0) };
        let message = clean.then(|| std::mem::take(&mut said.message));
        self.made(place, text, said, message)
    }

    /// A record without a trace, whose message is given where it is not the one that was said.
    fn made(
        &mut self,
        place: Place,
        (text, redactions): (String, usize),
        said: Opened,
        message: Option<String>,
    ) -> Record {
        let redactor = self.redactor;
        let message = message.unwrap_or_else(|| without_secrets(said.message, redactor).0);
        let [logger, host, process, thread, stream] = &mut self.harmless;
        let clean = |text: Option<String>, harmless| Some(harmless_or_redacted(text?, harmless, redactor));
        Record {
            line: place.line,
            lines: place.lines,
            bytes: Span { start: place.start, end: place.end },
            time: said.time,
            level: said.level,
            logger: clean(said.logger, logger),
            host: clean(said.host, host),
            process: clean(said.process, process),
            thread: clean(said.thread, thread),
            stream: clean(said.stream, stream),
            release: release::named(&text),
            text,
            message,
            trace: None,
            context: Context::default(),
            truncated: false,
            redactions,
        }
    }
}

/// Where a record lies in its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Number of its first line.
    pub(crate) line: u64,
    pub(crate) lines: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The text with its secrets replaced, and how many those were.
fn without_secrets(text: String, redactor: &Redactor) -> (String, usize) {
    match redactor.redacted(&text) {
        (_, 0) => (text, 0),
        (redacted, count) => (redacted.into_owned(), count),
    }
}

fn harmless_or_redacted(text: String, harmless: &mut String, redactor: &Redactor) -> String {
    if text == *harmless {
        return text;
    }
    let (text, count) = without_secrets(text, redactor);
    if count == 0 {
        harmless.clone_from(&text);
    }
    text
}

/// The trace that a language prints; some languages share their opening lines, so that another may know the rest.
fn read_trace(language: &'static dyn trace::Language, text: &str) -> Option<Trace> {
    language.parse(text).or_else(|| trace::parse(text))
}

fn exception_line(trace: &Trace) -> String {
    let parts = [trace.exception.as_deref(), trace.message.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
