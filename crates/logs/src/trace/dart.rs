//! Errors of Dart and Flutter programs.
//!
//! The error is what its `toString` gives, with a type before it or without; frames are numbered, innermost first.
//! Flutter prints the same in a frame of its own, with the message first and the stack further below.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, head, in_app, some};

/// Dart.
#[derive(Debug)]
pub(super) struct Dart;

const UNHANDLED: [&str; 2] = ["Unhandled exception:", "Uncaught exception:"];
const SUSPENSION: &str = "<asynchronous suspension>";
/// How Flutter opens its report.
const CAUGHT_BY: &str = "EXCEPTION CAUGHT BY ";
const STACK: &str = "When the exception was thrown, this was the stack";
/// Lines of a report of Flutter before its stack.
const REPORT_LINES: usize = 60;

impl Language for Dart {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let beginning = |place, own, state| Some(Beginning { place, own, follow: Box::new(state) });
        if UNHANDLED.contains(&line.trim_end()) {
            return beginning(Place::Here(0), true, Lines::Message(0));
        }
        if line.contains(CAUGHT_BY) && line.contains('═') {
            return beginning(Place::Here(0), true, Lines::Report(0));
        }
        if frame(line).is_some() { beginning(Place::Before, false, Lines::Frames) } else { None }
    }

    fn marks(&self) -> &'static [&'static str] {
        &[CAUGHT_BY, "dart-sdk/", ".dart"]
    }

    fn starts(&self) -> &'static [&'static str] {
        &["#", "package:", "dart:", UNHANDLED[0], UNHANDLED[1], SUSPENSION]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|line| frame(line).is_some());
        if let Some(start) = lines.iter().position(|line| line.contains(CAUGHT_BY)) {
            let first = first.unwrap_or(lines.len()).max(start + 1);
            return Some(Trace { frames: frames(&lines[first..]), ..reported(&lines[start + 1..first]) });
        }
        let first = first?;
        let from = first.saturating_sub(head::MESSAGE_LINES + 1);
        let before = &lines[from..first];
        let start = before.iter().rposition(|line| UNHANDLED.contains(&line.trim_end()));
        let said = match start {
            Some(at) => &before[at + 1..],
            None => {
                let named = before.iter().rposition(|line| named(line.trim_start()).is_some());
                let last = before.iter().rposition(|line| !line.trim().is_empty());
                &before[named.or(last)?..]
            }
        };
        Some(Trace { frames: frames(&lines[first..]), ..error(&said.join("\n")) })
    }

    fn endings(&self) -> &'static [&'static str] {
        &["dart"]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_MACHINE: [&str; 6] = [
            "NoSuchMethodError",
            "RangeError",
            "_CastError",
            "_TypeError",
            "TypeError",
            "StackOverflowError",
        ];
        trace.frames.first().is_some_and(|frame| frame.in_app)
            && !BY_THE_MACHINE.contains(&trace.exception.as_deref().unwrap_or_default())
    }

    /// How deep a closure lies changes with every edit around it.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        const CLOSURES: [&str; 3] = [".<anonymous closure>", ".<fn>", ".<async>"];
        let end = CLOSURES.iter().filter_map(|closure| function.find(closure)).min();
        match end {
            Some(end) => Cow::Owned(format!("{}.<fn>", &function[..end])),
            None => Cow::Borrowed(function.strip_prefix("new ").unwrap_or(function)),
        }
    }
}

/// The type and the message of what an error's `toString` gave.
fn error(text: &str) -> Trace {
    let text = text.trim_end();
    match named(text) {
        Some((name, message)) => Trace { exception: some(name), message: some(message), ..Trace::default() },
        None => Trace { message: some(text), ..Trace::default() },
    }
}

/// `RangeError (index): message`, `Exception: message`, or a type alone.
fn named(text: &str) -> Option<(&str, &str)> {
    let text = ["Unhandled Exception: ", "Unhandled exception: ", "Uncaught "]
        .iter()
        .fold(text, |text, prefix| text.find(prefix).map_or(text, |at| &text[at + prefix.len()..]));
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')).count();
    let (name, rest) = text.split_at(length);
    if !name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') {
        return None;
    }
    // What is wrong with an argument stands behind the type: `RangeError (index)`, `DioException [bad response]`.
    let rest = match rest.strip_prefix(" (").and_then(|rest| rest.split_once(')')) {
        Some((what, rest)) if !what.contains(['\n', ':']) => rest,
        Some(_) | None => rest,
    };
    let rest = match rest.strip_prefix(" [").and_then(|rest| rest.split_once(']')) {
        Some((what, rest)) if !what.contains('\n') => rest,
        Some(_) | None => rest,
    };
    match rest.strip_prefix(':') {
        Some(message) => Some((name, message.strip_prefix([' ', '\n']).unwrap_or(message))),
        None => (rest.is_empty() && head::is_exception(name)).then_some((name, "")),
    }
}

/// `The following RangeError was thrown building Cart(dirty):` and the paragraph below it.
fn reported(lines: &[&str]) -> Trace {
    let head = lines.iter().position(|line| line.trim_start().starts_with("The following "));
    let Some(head) = head else { return error(&lines.join("\n")) };
    let kind = lines[head].trim_start().trim_start_matches("The following ");
    let kind = kind.split_once(" was thrown").map_or(kind, |(kind, _)| kind);
    let body: Vec<&str> =
        lines[head + 1..].iter().copied().take_while(|line| !line.trim().is_empty()).collect();
    let said = error(&body.join("\n"));
    let exception = match kind {
        "assertion" => some("AssertionError"),
        "message" => None,
        kind => some(kind.split(' ').next().unwrap_or(kind)),
    };
    match said.exception == exception {
        true => said,
        false => Trace { exception, message: some(body.join("\n").trim()), ..Trace::default() },
    }
}

/// The frames up to the first line that is none.
fn frames(lines: &[&str]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for line in lines {
        match frame(line) {
            Some(found) => frames.push(found),
            None if is_between(line) => {}
            None => break,
        }
    }
    frames
}

fn is_between(line: &str) -> bool {
    let text = line.trim();
    text == SUSPENSION
        || text == "..."
        || text.starts_with("(elided ")
        || text.starts_with("===== asynchronous gap")
}

/// `#0      Cart.add (package:shop/cart.dart:12:5)`, or `package:shop/cart.dart 12:5  Cart.add` as tools print it.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim();
    let (function, place) = match text.strip_prefix('#') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let rest = rest.get(digits..).filter(|rest| digits > 0 && rest.starts_with(' '))?.trim_start();
            let (function, place) = rest.strip_suffix(')')?.rsplit_once(" (")?;
            (function, place.to_owned())
        }
        None => terse(text)?,
    };
    let (file, line) = match file_and_line(&place) {
        Some((file, line)) => (file, Some(line)),
        None => (place.as_str(), None),
    };
    let known = file.starts_with("package:")
        || file.starts_with("dart:")
        || file.starts_with("file:")
        || file.starts_with("org-dartlang")
        || file.ends_with(".dart");
    (known && !file.contains(' ')).then(|| Frame {
        in_app: in_app::dart(file),
        file: Some(file.to_owned()),
        line,
        function: some(function.trim()),
        module: None,
        source: None,
    })
}

fn terse(text: &str) -> Option<(&str, String)> {
    let (file, rest) = text.split_once(' ')?;
    let library = file.starts_with("package:") || file.starts_with("dart:") || file.ends_with(".dart");
    let Some((place, function)) = rest.trim_start().split_once("  ").filter(|_| library) else {
        // The libraries of the language have no lines there.
        let function = rest.trim_start();
        let bare = library && rest.len() > function.len() && !function.contains(' ');
        return (bare && file.starts_with("dart:")).then(|| (function, file.to_owned()));
    };
    let digits = |c: char| c.is_ascii_digit() || c == ':';
    (place.contains(':') && place.chars().all(digits)).then(|| (function.trim(), format!("{file}:{place}")))
}

#[derive(Debug)]
enum Lines {
    /// Behind the announcement and so many lines of message.
    Message(usize),
    /// Inside a report of Flutter, before its stack.
    Report(usize),
    /// Inside the frames.
    Frames,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        if frame(line).is_some() {
            *self = Self::Frames;
            return Next::Part;
        }
        let text = line.trim();
        match self {
            Self::Message(0) => {
                *self = Self::Message(1);
                Next::Part
            }
            Self::Message(lines) if *lines < head::MESSAGE_LINES => {
                *lines += 1;
                Next::Perhaps
            }
            Self::Message(_) => Next::End,
            Self::Report(lines) if *lines < REPORT_LINES => {
                *lines += 1;
                let certain =
                    !text.is_empty() && (*lines == 1 || line.starts_with(' ') || text.starts_with(STACK));
                if certain || is_rule(text) { Next::Part } else { Next::Perhaps }
            }
            Self::Report(_) => Next::End,
            Self::Frames if is_between(line) || is_rule(text) => Next::Part,
            Self::Frames if text.is_empty() => Next::Perhaps,
            Self::Frames => Next::End,
        }
    }
}

fn is_rule(text: &str) -> bool {
    text.starts_with('═') && text.chars().all(|c| c == '═')
}
