//! Errors of PHP programs: as the engine prints them, as text of an exception, and as Monolog writes them.
//!
//! A frame names the function that was called and the place of the call, so the place of the error itself stands apart,
//! in the head. What caused an exception comes before it in the engine's form (`Next`) and after it in Monolog's.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Location, Trace};

use super::{Beginning, Follow, Language, Next, Place, head, in_app, number, some};

/// PHP.
#[derive(Debug)]
pub(super) struct Php;

const KINDS: [&str; 4] =
    ["Fatal error: ", "Parse error: ", "Recoverable fatal error: ", "Catchable fatal error: "];
const UNCAUGHT: &str = "Uncaught ";
const STACK: &str = "Stack trace:";
const MONOLOG_STACK: &str = "[stacktrace]";
const NEXT: &str = "Next ";
const PREVIOUS: &str = "[previous exception] ";
const OBJECT: &str = "[object] (";
const QUOTED: &str = "exception '";

impl Language for Php {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let beginning = |place, own, state| Some(Beginning { place, own, follow: Box::new(state) });
        if let Some(at) = fatal(line) {
            return beginning(Place::Here(at), true, Lines::Head(0));
        }
        if line.starts_with(QUOTED) && line.contains("' with message '") {
            return beginning(Place::Here(0), true, Lines::Head(0));
        }
        if line.contains(OBJECT) && line.contains(" at ") && line.trim_end().ends_with([')', '}']) {
            return beginning(Place::Here(0), false, Lines::Head(0));
        }
        let text = line.trim();
        let found =
            text == STACK || text == MONOLOG_STACK || text == "PHP Stack trace:" || frame(line).is_some();
        if found { beginning(Place::Before, false, Lines::Frames) } else { None }
    }

    fn marks(&self) -> &'static [&'static str] {
        &["rror: ", STACK, MONOLOG_STACK, OBJECT]
    }

    fn starts(&self) -> &'static [&'static str] {
        &[QUOTED, "#", "PHP "]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let is_stack = |line: &&str| matches!(line.trim(), STACK | MONOLOG_STACK | "PHP Stack trace:");
        let mut chain: Vec<Trace> = Vec::new();
        let mut at = 0;
        let mut monolog = false;
        while let Some(found) = lines[at..].iter().position(is_stack) {
            let stack = at + found;
            monolog |= lines[stack].trim() == MONOLOG_STACK;
            let Some(mut trace) = head_of(&lines[at..stack]) else { break };
            let length = lines[stack + 1..].iter().take_while(|line| is_inside(line)).count();
            trace.frames =
                lines[stack + 1..stack + 1 + length].iter().filter_map(|line| frame(line)).collect();
            // Xdebug begins with the outermost call.
            if lines[stack].trim() == "PHP Stack trace:" {
                trace.frames.reverse();
            }
            chain.push(trace);
            at = stack + 1 + length;
        }
        if chain.is_empty() {
            return without_stack(&lines);
        }
        if monolog {
            chain.iter_mut().for_each(unescape);
        } else {
            chain.reverse();
        }
        let mut chain = chain.into_iter();
        let mut top = chain.next()?;
        top.causes = chain.collect();
        (!top.frames.is_empty() || top.location.is_some()).then_some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["php", "phtml", "inc", "phar"]
    }

    /// The frames say nothing of the `throw`.
    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_ENGINE: [&str; 6] = [
            "Error",
            "TypeError",
            "DivisionByZeroError",
            "ArgumentCountError",
            "ValueError",
            "UnhandledMatchError",
        ];
        !trace.frames.is_empty() && !BY_THE_ENGINE.contains(&trace.exception.as_deref().unwrap_or_default())
    }

    /// `{closure:Shop\Cart::add():12}` and anonymous classes carry a line or a path.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        if let Some((before, rest)) = function.split_once("{closure:") {
            let rest = rest.split_once('}').map_or("", |(_, rest)| rest);
            return Cow::Owned(format!("{before}{{closure}}{rest}"));
        }
        match function.split_once("@anonymous") {
            Some((before, rest)) => {
                let method = rest.find("->").or_else(|| rest.find("::")).map_or("", |at| &rest[at..]);
                Cow::Owned(format!("{before}@anonymous{method}"))
            }
            None => Cow::Borrowed(function),
        }
    }
}

/// Where `PHP Fatal error:  ` begins, with or without the name of the engine.
fn fatal(line: &str) -> Option<usize> {
    let (at, kind) = KINDS.iter().find_map(|kind| line.find(kind).map(|at| (at, kind)))?;
    let before = &line[..at];
    let from = before.strip_suffix("PHP ").map_or(at, str::len);
    let own = kind.len() < line.len() - at && (from == 0 || before.ends_with([' ', '>', ']']) || from < at);
    // Other languages print the same two words; here a place follows on the line, or an exception.
    let rest = line[at + kind.len()..].trim_start();
    (own && (rest.starts_with(UNCAUGHT) || rest.contains(" on line ") || from < at)).then_some(from)
}

/// The exception that the lines before a stack name.
fn head_of(lines: &[&str]) -> Option<Trace> {
    let start = lines
        .iter()
        .rposition(|line| opens(line))
        .or_else(|| lines.iter().rposition(|l| head::is_head(l.trim_start())));
    let start = start.or_else(|| lines.iter().rposition(|line| !line.trim().is_empty()))?;
    let text = lines[start..].join("\n");
    Some(exception(text.trim_end()))
}

/// Whether a line opens the head of an exception in a way that only PHP has.
fn opens(line: &str) -> bool {
    line.contains(UNCAUGHT)
        || line.starts_with(NEXT)
        || line.contains(OBJECT)
        || line.contains(QUOTED)
        || fatal(line).is_some()
}

/// An exception out of its head: `Uncaught Shop\Missing: no such item in /srv/cart.php:12`.
fn exception(text: &str) -> Trace {
    if let Some(at) = text.rfind(OBJECT) {
        return monolog_object(&text[at + OBJECT.len()..]);
    }
    let text = fatal(text)
        .map_or(text, |at| text[at..].split_once(": ").map_or(text, |(_, rest)| rest.trim_start()));
    let text = text.find(UNCAUGHT).map_or(text, |at| &text[at + UNCAUGHT.len()..]);
    let text = text.strip_prefix(NEXT).unwrap_or(text).trim_start();
    let (said, location) = located(text);
    if let Some(quoted) = said.find(QUOTED).map(|at| &said[at + QUOTED.len()..])
        && let Some((name, message)) = quoted.split_once("' with message '")
    {
        let message = message.strip_suffix('\'').unwrap_or(message);
        return Trace { exception: some(name), message: some(message), location, ..Trace::default() };
    }
    let said = said.strip_prefix(QUOTED).and_then(|rest| rest.strip_suffix('\'')).unwrap_or(said);
    let (name, message) = said.split_once(": ").unwrap_or((said, ""));
    if is_class(name) {
        return Trace { exception: some(name), message: some(message), location, ..Trace::default() };
    }
    Trace { message: some(said), location, ..Trace::default() }
}

/// `Shop\Missing(code: 0): no such item at /srv/cart.php:12)`.
fn monolog_object(text: &str) -> Trace {
    let text = text.trim_end().trim_end_matches(['}', '"']);
    let text = text.strip_suffix(')').unwrap_or(text);
    let (name, rest) = text.split_once("(code: ").unwrap_or((text, ""));
    let rest = rest.split_once("): ").map_or("", |(_, rest)| rest);
    let (message, location) =
        match rest.rsplit_once(" at ").and_then(|(said, at)| Some((said, at, place(at)?))) {
            Some((said, _, place)) => (said, Some(place)),
            None => (rest, None),
        };
    Trace { exception: some(name), message: some(message), location, ..Trace::default() }
}

/// Monolog writes the exception as text within JSON, all but its line breaks escaped.
fn unescape(trace: &mut Trace) {
    let plain = |text: &mut String| {
        if text.contains('\\') {
            *text = text.replace("\\\\", "\\").replace("\\\"", "\"");
        }
    };
    trace.exception.as_mut().map(plain);
    trace.message.as_mut().map(plain);
    for frame in &mut trace.frames {
        frame.function.as_mut().map(plain);
    }
}

fn is_class(name: &str) -> bool {
    !name.is_empty()
        && name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '\\'))
        && name
            .split('@')
            .next()
            .unwrap_or(name)
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '\\'))
}

/// What was said, and the place behind it: ` in FILE:12` or ` in FILE on line 12`.
fn located(text: &str) -> (&str, Option<Location>) {
    let Some((said, at)) = text.rsplit_once(" in ") else {
        let place = text.strip_prefix("in ").and_then(place);
        return if place.is_some() { ("", place) } else { (text, None) };
    };
    match place(at) {
        Some(place) => (said, Some(place)),
        None => (text, None),
    }
}

fn place(text: &str) -> Option<Location> {
    let text = text.trim();
    let (file, line) = text.rsplit_once(" on line ").or_else(|| text.rsplit_once(':'))?;
    let line = number(line)?;
    (!file.is_empty() && !file.contains('\n')).then(|| Location { file: file.to_owned(), line: Some(line) })
}

/// An error of the engine itself, which has no stack: its kind is its type.
fn without_stack(lines: &[&str]) -> Option<Trace> {
    const LESSER: [&str; 4] = ["Warning: ", "Notice: ", "Deprecated: ", "Strict Standards: "];
    let (line, kind) = lines.iter().find_map(|line| {
        let lesser = || LESSER.iter().find_map(|kind| line.find(&format!("PHP {kind}")).map(|at| at + 4));
        let at =
            fatal(line).map(|at| at + if line[at..].starts_with("PHP ") { 4 } else { 0 }).or_else(lesser)?;
        Some((&line[at..], line[at..].split(':').next()?))
    })?;
    let text = line[kind.len() + 1..].trim_start();
    if text.starts_with(UNCAUGHT) {
        return Some(exception(text)).filter(|trace| trace.location.is_some());
    }
    let (said, location) = located(text);
    location.as_ref()?;
    Some(Trace { exception: some(kind), message: some(said), location, ..Trace::default() })
}

/// Whether a line belongs to the frames.
fn is_inside(line: &str) -> bool {
    frame(line).is_some() || line.trim().is_empty()
}

/// `#1 /srv/cart.php(12): Shop\Cart->add(Array)`, `#2 [internal function]: run()`, `#3 {main}`, and Xdebug's
/// `PHP   2. Shop\Cart->add($sku = 'a') /srv/cart.php:12`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim_start();
    if let Some(rest) = text.strip_prefix("PHP ") {
        return xdebug(rest.trim_start());
    }
    let rest = text.strip_prefix('#')?;
    let (count, rest) = rest.split_once(' ')?;
    number(count)?;
    let rest = rest.trim_end();
    // What Monolog prints behind the last frame may stand on its line.
    if rest.strip_prefix("{main}").is_some_and(|rest| rest.bytes().all(|b| b"\"})".contains(&b))) {
        return Some(Frame { function: Some("{main}".to_owned()), ..Frame::default() });
    }
    let (place, call) = match rest.strip_prefix("[internal function]: ") {
        Some(call) => (None, call),
        None => {
            let at = rest.find("): ")?;
            let (file, line) = rest[..at].rsplit_once('(')?;
            (Some((file, number(line)?)), &rest[at + 3..])
        }
    };
    let file = place.map(|(file, _)| file);
    Some(Frame {
        in_app: in_app::php(file),
        file: file.map(str::to_owned),
        line: place.map(|(_, line)| line),
        function: some(called(call)),
        module: None,
        source: None,
    })
}

fn xdebug(text: &str) -> Option<Frame> {
    let (count, rest) = text.split_once(". ")?;
    number(count)?;
    let (call, place) = rest.trim_end().rsplit_once(' ')?;
    let (file, line) = place.rsplit_once(':')?;
    Some(Frame {
        in_app: in_app::php(Some(file)) && !call.starts_with("{main}"),
        file: some(file),
        line: Some(number(line)?),
        function: some(called(call.trim_end())),
        module: None,
        source: None,
    })
}

/// The function of a call, up to its arguments; closures have brackets in their names.
fn called(call: &str) -> &str {
    let mut depth = 0_usize;
    for (at, byte) in call.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 => return &call[..at],
            _ => {}
        }
    }
    call
}

#[derive(Debug)]
enum Lines {
    /// Before the stack, behind so many lines of message.
    Head(usize),
    /// Inside the stack or behind it.
    Frames,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let text = line.trim();
        if matches!(text, STACK | MONOLOG_STACK | "PHP Stack trace:") || frame(line).is_some() {
            *self = Self::Frames;
            return Next::Part;
        }
        match self {
            Self::Head(lines) if *lines < head::MESSAGE_LINES && fatal(line).is_none() => {
                *lines += 1;
                Next::Perhaps
            }
            Self::Head(_) => Next::End,
            Self::Frames if line.starts_with(NEXT) || line.starts_with(PREVIOUS) => {
                *self = Self::Head(0);
                Next::Part
            }
            Self::Frames if line.starts_with("  thrown in ") || is_end_of_json(text) => Next::Part,
            Self::Frames if text.is_empty() => Next::Perhaps,
            Self::Frames => Next::End,
        }
    }
}

/// What Monolog prints behind the last frame: the end of the context and what is extra.
fn is_end_of_json(text: &str) -> bool {
    text.starts_with("\"}") || text.starts_with("\"} ")
}
