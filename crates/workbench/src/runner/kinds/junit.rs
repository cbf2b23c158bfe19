//! JUnit XML: the form that most runners can write. Here also any command whose settings name the files it leaves.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Call, Kind, LONGEST, Place, Report, Runner, Source, TestOutcome, cut, failure, skipped};
use crate::runner::Failure;

/// Nothing is added to the command: the settings say where it writes.
pub(super) const RUNNER: Runner = Runner {
    kind: Kind::Junit,
    recognise: |_, _| None,
    ask: |_: &mut Call| {},
    select: |_, _| {},
    source: Source::Named,
    read,
};

/// One test of a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    pub(super) file: Option<String>,
    pub(super) class: String,
    pub(super) name: String,
    /// What the failure or the reason says.
    pub(super) text: String,
    message: Option<String>,
    kind: Option<String>,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Told {
    #[default]
    Passed,
    Skipped,
    Failed,
    Error,
}

impl Case {
    /// The outcome, with a failure made of its message and the name of its kind.
    pub(super) fn outcome(self, described: impl FnOnce(&str, &str) -> Failure) -> TestOutcome {
        let message = self.message.as_deref().unwrap_or_default();
        let kind = self.kind.as_deref().unwrap_or("Error");
        match self.told {
            Told::Passed => TestOutcome::Passed,
            Told::Skipped if message.is_empty() => skipped(self.text.trim()),
            Told::Skipped => skipped(message),
            Told::Failed => TestOutcome::Failed { failure: described(kind, message) },
            Told::Error => TestOutcome::Error { failure: described(kind, message) },
        }
    }
}

fn read(text: &str, place: &Place<'_>) -> Report {
    cases(text, |case| {
        let file = case.file.as_deref().map(|file| place.file(file));
        let named = [file.as_deref().unwrap_or_default(), &case.class, &case.name];
        let id: Vec<&str> = named.into_iter().filter(|part| !part.is_empty()).collect();
        let id = id.join(super::WITHIN);
        let text = case.text.clone();
        let outcome = case.outcome(|kind, message| {
            let message =
                if message.is_empty() { text.trim().lines().next().unwrap_or_default() } else { message };
            failure(kind, message, &place.text(text.trim()))
        });
        (id, outcome)
    })
}

/// Every test of some documents, one after another.
///
/// A document type is passed over and its entities stay names, so that nothing grows. Text that is no XML ends the reading,
/// and what was read before is not complete.
pub(super) fn cases(text: &str, mut told: impl FnMut(Case) -> (String, TestOutcome)) -> Report {
    let mut report = Report::default();
    let mut reader = Reader::from_str(text);
    let (mut suites, mut depth) = (0_usize, 0_usize);
    let mut case: Option<Case> = None;
    let mut inside = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                depth += 1;
                suites += usize::from(is(&start, "testsuite") || is(&start, "testsuites"));
                inside |= open(&start, &mut case);
            }
            Ok(Event::Empty(start)) => {
                suites += usize::from(is(&start, "testsuite") || is(&start, "testsuites"));
                open(&start, &mut case);
                if is(&start, "testcase") {
                    close(&mut case, &mut report, &mut told);
                }
            }
            Ok(Event::End(end)) => {
                depth = depth.saturating_sub(1);
                match end.local_name().as_ref() {
                    "testcase" => close(&mut case, &mut report, &mut told),
                    "failure" | "error" | "skipped" => inside = false,
                    _ => {}
                }
            }
            Ok(Event::Text(text)) if inside => add(&mut case, &text),
            Ok(Event::CData(text)) if inside => add(&mut case, &text),
            Ok(Event::GeneralRef(name)) if inside => {
                let known = name.resolve_char_ref().ok().flatten().map(String::from);
                let known = known.or_else(|| entity(&name).map(str::to_owned));
                add(&mut case, &known.unwrap_or_default());
            }
            Ok(Event::Eof) => {
                report.finished = suites > 0 && depth == 0 && case.is_none();
                return report;
            }
            Ok(
                Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_),
            ) => {}
            Err(_) => return report,
        }
    }
}

fn entity(name: &str) -> Option<&'static str> {
    quick_xml::escape::resolve_predefined_entity(name)
}

fn is(start: &BytesStart<'_>, name: &str) -> bool {
    start.local_name().as_ref() == name
}

/// Takes an element in; whether the text within it is kept.
fn open(start: &BytesStart<'_>, case: &mut Option<Case>) -> bool {
    if is(start, "testcase") {
        *case = Some(Case {
            file: attribute(start, "file"),
            class: attribute(start, "classname").or_else(|| attribute(start, "class")).unwrap_or_default(),
            name: attribute(start, "name").unwrap_or_default(),
            ..Case::default()
        });
        return false;
    }
    let Some(case) = case else { return false };
    let told = match start.local_name().as_ref() {
        "failure" => Told::Failed,
        "error" => Told::Error,
        "skipped" => Told::Skipped,
        _ => return false,
    };
    // Of several the first is told, unless a later one is worse.
    if (told as u8) <= (case.told as u8) {
        return false;
    }
    case.told = told;
    case.text.clear();
    case.message = attribute(start, "message");
    case.kind = attribute(start, "type");
    true
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    // Looking for a name that stands twice would take quadratic time.
    let found = start.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == name)?;
    let value = found.normalized_value(XmlVersion::Implicit1_0).unwrap_or(Cow::Borrowed(""));
    Some(cut(&value))
}

fn add(case: &mut Option<Case>, text: &str) {
    if let Some(case) = case
        && case.text.len() + text.len() <= 4 * LONGEST
    {
        case.text.push_str(text);
    }
}

fn close(case: &mut Option<Case>, report: &mut Report, told: &mut impl FnMut(Case) -> (String, TestOutcome)) {
    if let Some(case) = case.take() {
        let (id, outcome) = told(case);
        report.note(id, outcome);
    }
}
