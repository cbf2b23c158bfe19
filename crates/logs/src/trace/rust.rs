//! Panics of Rust programs, with and without a backtrace.
//!
//! Since Rust 1.73 the message stands on the lines behind the place; before, both stood on one. Most programs print no
//! backtrace, so the place of the panic is then the only frame.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Location, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, in_app, number, some};

/// Rust.
#[derive(Debug)]
pub(super) struct Rust;

const THREAD: &str = "thread '";
const PANICKED: &str = "panicked at ";
const BACKTRACE: &str = "stack backtrace:";
const NOTE: &str = "note: ";
/// What reporters print of errors that `main` returned, and of panics.
const ERROR: &str = "Error: ";
const CAUSED_BY: &str = "Caused by:";
const CRASHED: &str = "The application panicked (crashed).";
/// Lines of a message that may come without an indentation.
const MESSAGE_LINES: usize = 20;
impl Language for Rust {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let text = line.trim_end();
        if text == CRASHED {
            let follow = Box::new(Lines::Message(0));
            return Some(Beginning { place: Place::Here(0), own: true, follow });
        }
        if text == CAUSED_BY || text.eq_ignore_ascii_case(BACKTRACE) {
            let state = if text == CAUSED_BY { Lines::Message(0) } else { Lines::Backtrace };
            return Some(Beginning { place: Place::Before, own: false, follow: Box::new(state) });
        }
        // Behind other words only where the line ends as it must: looking into every line takes too long.
        if !line.starts_with(THREAD) && !line.ends_with(':') {
            return None;
        }
        let at = opening(line)?;
        let state = if complete(&line[at..]) { Lines::Message(0) } else { Lines::Opened };
        Some(Beginning { place: Place::Here(at), own: true, follow: Box::new(state) })
    }

    fn marks(&self) -> &'static [&'static str] {
        &[PANICKED]
    }

    fn starts(&self) -> &'static [&'static str] {
        &[CRASHED, CAUSED_BY, BACKTRACE, "Stack backtrace:"]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let Some(start) = opening(text) else { return crashed(text).or_else(|| returned(text)) };
        let rest = &text[start..];
        let rest = &rest[rest.find(PANICKED)? + PANICKED.len()..];
        let (place, message, behind) = match rest.strip_prefix('\'') {
            Some(quoted) => message_first(quoted)?,
            None => place_first(rest)?,
        };
        let (file, line) = file_and_line(place)?;
        let mut frames = frames(behind);
        if frames.is_empty() {
            frames.push(at_place(None, file, line));
        }
        Some(Trace {
            exception: Some("panic".to_owned()),
            message: some(message.trim_end()),
            frames,
            location: Some(Location { file: file.to_owned(), line: Some(line) }),
            causes: Vec::new(),
        })
    }

    fn endings(&self) -> &'static [&'static str] {
        &["rs"]
    }

    fn is_thrown(&self, _trace: &Trace) -> bool {
        true
    }

    /// The hash that the compiler puts behind a name, and the numbers of closures, change with every build.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let hash = |text: &str| text.len() == 17 && text[1..].bytes().all(|b| b.is_ascii_hexdigit());
        let name = match function.rsplit_once("::") {
            Some((name, last)) if last.starts_with('h') && hash(last) => name,
            Some(_) | None => function,
        };
        match name.find("{closure#") {
            Some(_) => {
                let mut pieces = name.split("{closure#");
                let first = pieces.next().unwrap_or_default().to_owned();
                Cow::Owned(pieces.fold(first, |sum, piece| {
                    sum + "{{closure}}" + piece.split_once('}').map_or(piece, |(_, rest)| rest)
                }))
            }
            None => Cow::Borrowed(name),
        }
    }
}

/// A panic as a report hook prints it: the message and the place on a line each.
fn crashed(text: &str) -> Option<Trace> {
    let behind = &text[text.find(CRASHED)? + CRASHED.len()..];
    let (_, behind) = behind.split_once("Message: ")?;
    let (message, behind) = behind.split_once("\nLocation: ")?;
    let (place, behind) = behind.split_once('\n').unwrap_or((behind, ""));
    let (file, line) = file_and_line(place.trim())?;
    let mut frames =
        numbered(behind.lines().skip_while(|line| function(line).is_none() || !is_numbered(line)));
    if frames.is_empty() {
        frames.push(at_place(None, file, line));
    }
    Some(Trace {
        exception: Some("panic".to_owned()),
        message: some(message.trim()),
        frames,
        location: Some(Location { file: file.to_owned(), line: Some(line) }),
        causes: Vec::new(),
    })
}

/// `   6: shop::cart::find`.
fn is_numbered(line: &str) -> bool {
    line.trim().split_once(": ").is_some_and(|(count, _)| number(count).is_some())
}

/// An error that `main` returned, with what caused it and perhaps a backtrace.
fn returned(text: &str) -> Option<Trace> {
    let start = if text.starts_with(ERROR) { 0 } else { text.find("\nError: ")? + 1 };
    let mut lines = text[start + ERROR.len()..].lines().peekable();
    let said: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| !is_section(line))).collect();
    let mut causes: Vec<Trace> = Vec::new();
    if lines.next_if(|line| line.trim_end() == CAUSED_BY).is_some() {
        let told = std::iter::from_fn(|| lines.next_if(|line| !is_section(line)));
        for line in told.map(str::trim).filter(|line| !line.is_empty()) {
            let counted = line.split_once(": ").filter(|(count, _)| number(count).is_some());
            causes.push(Trace { message: some(counted.map_or(line, |(_, rest)| rest)), ..Trace::default() });
        }
    }
    let frames = numbered(lines.skip_while(|line| !line.trim_end().eq_ignore_ascii_case(BACKTRACE)).skip(1));
    if causes.is_empty() && frames.is_empty() {
        return None;
    }
    let message = some(said.join("\n").trim());
    Some(Trace { exception: Some("Error".to_owned()), message, frames, location: None, causes })
}

fn is_section(line: &str) -> bool {
    let text = line.trim_end();
    text == CAUSED_BY || text.eq_ignore_ascii_case(BACKTRACE)
}

/// Where `thread 'main' panicked at ` begins, on the first line that has it.
fn opening(text: &str) -> Option<usize> {
    let panicked = text.find(PANICKED)?;
    text[..panicked].rfind(THREAD).filter(|at| !text[*at..panicked].contains('\n'))
}

/// Whether the line of the old form has its place already.
fn complete(line: &str) -> bool {
    let quoted = line.split_once(PANICKED).and_then(|(_, rest)| rest.strip_prefix('\''));
    quoted.is_some_and(|text| message_first(text).is_some())
}

/// `message', file:1:2` and what is behind; the message may have several lines.
fn message_first(quoted: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    for line in quoted.split_inclusive('\n') {
        // The last of its line only: a message may hold the same marks.
        let place = line.rfind("', ").map(|mark| (at + mark, line[mark + 3..].trim_end()));
        if let Some((end, place)) = place.filter(|(_, place)| file_and_line(place).is_some()) {
            return Some((place, &quoted[..end], &quoted[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// `file:1:2:` and the message on the lines behind it.
fn place_first(rest: &str) -> Option<(&str, &str, &str)> {
    let (place, behind) = rest.split_once('\n').unwrap_or((rest, ""));
    let place = place.trim_end().strip_suffix(':')?;
    file_and_line(place)?;
    let mut end = 0;
    for line in behind.split_inclusive('\n') {
        if line.trim_end() == BACKTRACE || line.starts_with(NOTE) {
            break;
        }
        end += line.len();
    }
    Some((place, &behind[..end], &behind[end..]))
}

fn frames(text: &str) -> Vec<Frame> {
    numbered(text.lines().skip_while(|line| line.trim_end() != BACKTRACE).skip(1))
}

/// The frames up to the first line that is none.
fn numbered<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Frame> {
    let mut lines = lines.peekable();
    let mut frames = Vec::new();
    while let Some(line) = lines.next() {
        let Some(function) = function(line) else { break };
        let place = lines.peek().and_then(|line| line.trim().strip_prefix("at ")).and_then(file_and_line);
        frames.push(match place {
            Some((file, line)) => at_place(Some(function), file, line),
            None => Frame {
                function: Some(function.to_owned()),
                in_app: in_app::rust(Some(function), None),
                ..Frame::default()
            },
        });
        lines.next_if(|line| line.trim_start().starts_with("at "));
    }
    frames
}

/// The function of `  12: path::name`, of `  12: 0x55d0 - path::name`, and of a function inlined into the one before.
fn function(line: &str) -> Option<&str> {
    let text = line.trim();
    if text.len() == line.len() || text.is_empty() {
        return None;
    }
    let numbered = text.split_once(": ").filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()));
    let name = numbered.map_or(text, |(_, name)| name.trim_start());
    let address = name.split_once(" - ").filter(|(address, _)| address.starts_with("0x"));
    Some(address.map_or(name, |(_, name)| name))
}

fn at_place(function: Option<&str>, file: &str, line: u32) -> Frame {
    let in_app = in_app::rust(function, Some(file));
    let function = function.map(str::to_owned);
    Frame { module: None, file: Some(file.to_owned()), line: Some(line), function, source: None, in_app }
}

#[derive(Debug)]
enum Lines {
    /// Behind the opening line, whose message is still to come.
    Opened,
    /// Behind so many lines of message.
    Message(usize),
    /// Inside the backtrace or behind it.
    Backtrace,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let blank = line.trim().is_empty();
        if line.trim_end().eq_ignore_ascii_case(BACKTRACE) || line.starts_with(NOTE) {
            *self = Self::Backtrace;
            return Next::Part;
        }
        match self {
            Self::Opened => {
                *self = Self::Message(1);
                if blank { Next::Perhaps } else { Next::Part }
            }
            Self::Message(_) if line.starts_with(' ') && !blank => Next::Part,
            Self::Message(lines) if *lines < MESSAGE_LINES && opening(line).is_none() => {
                *lines += 1;
                Next::Perhaps
            }
            Self::Message(_) => Next::End,
            Self::Backtrace if line.starts_with(' ') && !blank => Next::Part,
            Self::Backtrace => Next::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(function: Option<&str>, file: &str, line: u32, in_app: bool) -> Frame {
        let function = function.map(str::to_owned);
        Frame { module: None, file: Some(file.to_owned()), line: Some(line), function, source: None, in_app }
    }

    #[test]
    fn both_message_styles_are_read() {
        for (text, message) in [
            (
                "thread 'main' panicked at src/cart.rs:12:5:\nno such item\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
                "no such item",
            ),
            (
                "thread 'main' (77) panicked at src/cart.rs:12:5:\nassertion `left == right` failed\n  left: 1\n right: 2",
                "assertion `left == right` failed\n  left: 1\n right: 2",
            ),
            (
                "thread 'main' panicked at 'no such item', src/cart.rs:12:5\nnote: run with `RUST_BACKTRACE=1`",
                "no such item",
            ),
            ("thread '<unnamed>' panicked at 'it's', gone', src/cart.rs:12:5", "it's', gone"),
            ("thread 'main' panicked at 'left\n  right', src/cart.rs:12:5", "left\n  right"),
        ] {
            let expected = Trace {
                location: Some(Location { file: "src/cart.rs".to_owned(), line: Some(12) }),
                exception: Some("panic".to_owned()),
                message: Some(message.to_owned()),
                frames: vec![place(None, "src/cart.rs", 12, true)],
                causes: Vec::new(),
            };
            assert_eq!(Rust.parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn backtraces_are_read_with_inlined_and_unknown_places() {
        let text = "thread 'w-1' panicked at src/cart.rs:12:5:\nboom\nstack backtrace:\n   0:     0x55d0 - core::panicking::panic_fmt\n             at /rustc/abc/library/core/src/panicking.rs:80:14\n   1: shop::cart::add\n             at ./src/cart.rs:12:5\n      shop::cart::inlined\n             at ./src/cart.rs:30:9\n   2: serde_json::de::from_str\n             at /home/u/.cargo/registry/src/index/serde_json-1.0/src/de.rs:5:1\n   3: <tokio::Task as core::Future>::poll\n   4: shop::main\nnote: Some details are omitted\n";
        let bare = |function: &str, in_app| Frame {
            function: Some(function.to_owned()),
            in_app,
            ..Frame::default()
        };
        let expected = vec![
            place(Some("core::panicking::panic_fmt"), "/rustc/abc/library/core/src/panicking.rs", 80, false),
            place(Some("shop::cart::add"), "./src/cart.rs", 12, true),
            place(Some("shop::cart::inlined"), "./src/cart.rs", 30, true),
            place(
                Some("serde_json::de::from_str"),
                "/home/u/.cargo/registry/src/index/serde_json-1.0/src/de.rs",
                5,
                false,
            ),
            bare("<tokio::Task as core::Future>::poll", false),
            bare("shop::main", true),
        ];
        assert_eq!(Rust.parse(text).unwrap().frames, expected);
    }

    #[test]
    fn hashes_and_closure_numbers_are_left_out_of_names() {
        for (function, expected) in [
            ("shop::cart::add::h0123456789abcdef", "shop::cart::add"),
            ("shop::run::{closure#3}::{closure#0}", "shop::run::{{closure}}::{{closure}}"),
            ("shop::run::{{closure}}", "shop::run::{{closure}}"),
            ("shop::hello", "shop::hello"),
        ] {
            assert_eq!(Rust.lasting_name(function), expected, "{function}");
        }
    }
}
