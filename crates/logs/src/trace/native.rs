//! Crashes of native programs: reports of sanitizers, words of the C library, assertions, and stacks as debuggers and
//! libraries print them.
//!
//! A report says what happened on its first line and shows one stack for what happened and others for how it came to
//! that; only the first is the crash.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Location, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, head, in_app, number, some};

/// C and C++.
#[derive(Debug)]
pub(super) struct Native;

const SANITIZER: &str = "Sanitizer: ";
const UNDEFINED: &str = ": runtime error: ";
const GLIBC: &str = "*** Error in ";
const THROWN: &str = "terminate called ";
const WHAT: &str = "  what():  ";
const ASSERTION: &str = ": Assertion `";
const ASSERTION_MAC: &str = "Assertion failed: ";
/// What the C library and shells say of a process that ended by itself, at the start of the line.
const ABORTS: [&str; 12] = [
    "free(): ",
    "double free or corruption",
    "malloc(): ",
    "malloc_consolidate(): ",
    "realloc(): ",
    "munmap_chunk(): ",
    "corrupted size vs. prev_size",
    "corrupted double-linked list",
    "*** stack smashing detected ***",
    "*** buffer overflow detected ***",
    "Segmentation fault",
    "pure virtual method called",
];
const SIGNALS: [&str; 5] =
    ["*** SIG", "*** Aborted at ", "Received signal ", "Caught signal ", "Thread 1 \""];
/// The signals of a crash; others end a program that was told to.
const CRASHES: [&str; 7] =
    ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "Segmentation fault"];
/// Lines of a report before its first stack.
const REPORT_LINES: usize = 12;

impl Language for Native {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let beginning =
            |place, own| Some(Beginning { place, own, follow: Box::new(Lines { frames: false, before: 0 }) });
        if is_report(line) {
            return beginning(Place::Here(0), true);
        }
        if frame(line).is_some() { beginning(Place::Before, false) } else { None }
    }

    fn marks(&self) -> &'static [&'static str] {
        &[SANITIZER, UNDEFINED, ASSERTION, "(+0x", "[0x"]
    }

    fn starts(&self) -> &'static [&'static str] {
        const STARTS: [&str; 23] = [
            GLIBC,
            THROWN,
            ASSERTION_MAC,
            "free(): ",
            "double free or corruption",
            "malloc(): ",
            "malloc_consolidate(): ",
            "realloc(): ",
            "munmap_chunk(): ",
            "corrupted size vs. prev_size",
            "corrupted double-linked list",
            "*** stack smashing detected ***",
            "*** buffer overflow detected ***",
            "Segmentation fault",
            "pure virtual method called",
            "*** SIG",
            "*** Aborted at ",
            "Received signal ",
            "Caught signal ",
            "Thread 1 \"",
            "#",
            "0# ",
            "@ ",
        ];
        &STARTS
    }

    fn may_precede(&self, _line: &str) -> bool {
        false
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let Some(start) = lines.iter().position(|line| is_report(line)) else { return stack_alone(&lines) };
        let mut trace = report(&lines[start..])?;
        let first = lines[start..].iter().position(|line| frame(line).is_some());
        if let Some(first) = first {
            trace.frames = lines[start + first..].iter().map_while(|line| frame(line)).collect();
        } else if let Some(place) = &trace.location {
            trace.frames.push(Frame {
                in_app: in_app::native("", Some(&place.file), None),
                file: Some(place.file.clone()),
                line: place.line,
                function: asserted_in(lines[start]),
                ..Frame::default()
            });
        }
        Some(trace)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["c", "cc", "cpp", "cxx", "h", "hpp", "hh", "m", "mm"]
    }

    fn is_thrown(&self, _trace: &Trace) -> bool {
        false
    }

    /// Template arguments, clones that the optimiser makes, and arguments say less than the name.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let name = function.split_once(" [clone ").map_or(function, |(name, _)| name);
        let mut depth = 0_usize;
        let mut lasting = String::with_capacity(name.len());
        for (at, c) in name.char_indices() {
            match c {
                '<' if !name[..at].ends_with("operator") => depth += 1,
                '>' if depth > 0 => depth -= 1,
                '(' if depth == 0 && at > 0 && !name[at..].starts_with("(anonymous") => break,
                c if depth == 0 => lasting.push(c),
                _ => {}
            }
        }
        let end =
            [".part.", ".isra.", ".constprop.", ".cold"].iter().filter_map(|made| lasting.find(made)).min();
        lasting.truncate(end.unwrap_or(lasting.len()));
        Cow::Owned(lasting)
    }
}

fn is_report(line: &str) -> bool {
    let text = line.trim_start();
    sanitized(text)
        || undefined(text).is_some()
        || text.starts_with(GLIBC)
        || text.starts_with(THROWN)
        || (text.contains(ASSERTION) && text.ends_with("failed."))
        || (text.starts_with(ASSERTION_MAC) && text.contains(", file "))
        || ABORTS.iter().any(|words| text.starts_with(words))
        || (SIGNALS.iter().any(|words| text.starts_with(words))
            && CRASHES.iter().any(|word| text.contains(word)))
}

/// `==4711==ERROR: AddressSanitizer: …`, `WARNING: ThreadSanitizer: …`, and without what may have been read as a header.
fn sanitized(text: &str) -> bool {
    let Some(tool) = text.split(SANITIZER).next().filter(|tool| tool.len() < text.len()) else {
        return false;
    };
    tool.starts_with("==") || tool.starts_with("WARNING: ") || tool.bytes().all(|b| b.is_ascii_alphabetic())
}

/// What a report says, without its frames.
fn report(lines: &[&str]) -> Option<Trace> {
    let text = lines.first()?.trim();
    let told = |exception: &str, message: &str| Trace {
        exception: some(exception),
        message: some(message.trim()),
        ..Trace::default()
    };
    if let Some((place, message)) = undefined(text) {
        let (file, line) = file_and_line(place)?;
        let location = Some(Location { file: file.to_owned(), line: Some(line) });
        return Some(Trace { location, ..told("UndefinedBehaviorSanitizer", message) });
    }
    if let Some((before, rest)) = text.split_once(SANITIZER) {
        let tool = before.rsplit(' ').next().unwrap_or(before);
        let (kind, detail) =
            rest.split_once(" on ").or_else(|| rest.split_once(" (pid")).unwrap_or((rest, ""));
        let access = lines.get(1).map_or("", |line| line.trim());
        let access = ["READ of", "WRITE of", "Write of", "Read of", "Atomic "]
            .iter()
            .any(|word| access.starts_with(word))
            .then_some(access);
        let message = access.unwrap_or(if rest.contains(" on ") { detail } else { "" });
        return Some(told(
            &format!("{tool}Sanitizer: {kind}"),
            message.split(" thread ").next().unwrap_or(message),
        ));
    }
    if let Some(rest) = text.strip_prefix(GLIBC) {
        let (_, message) = rest.split_once(": ")?;
        let message = message.trim_end_matches(['*', ' ']);
        let message = message.rsplit_once(": 0x").map_or(message, |(message, _)| message);
        return Some(told("abort", message));
    }
    if let Some(rest) = text.strip_prefix(THROWN) {
        let name = rest.split_once('\'').and_then(|(_, rest)| rest.split('\'').next());
        let what: Option<&str> = lines.get(1).and_then(|line| line.strip_prefix(WHAT));
        return Some(told(
            name.unwrap_or("terminate"),
            what.unwrap_or(if name.is_some() { "" } else { rest }),
        ));
    }
    if let Some((before, condition)) = text.split_once(ASSERTION) {
        // `till: src/till.cpp:12: int main(): Assertion `x > 0' failed.`
        let mut parts = before.splitn(3, ": ");
        let (first, second) = (parts.next()?, parts.next()?);
        let place = file_and_line(second).or_else(|| file_and_line(first));
        let location = place.map(|(file, line)| Location { file: file.to_owned(), line: Some(line) });
        let condition = condition.strip_suffix("' failed.").unwrap_or(condition);
        return Some(Trace { location, ..told("assertion failed", condition) });
    }
    if let Some(rest) = text.strip_prefix(ASSERTION_MAC) {
        // `Assertion failed: (x > 0), function main, file till.c, line 12.`
        let (condition, behind) = rest.split_once(", function ")?;
        let (file, line) = behind.split_once(", file ")?.1.split_once(", line ")?;
        let line = number(line.trim_end_matches('.'))?;
        let condition = condition.trim_start_matches('(').trim_end_matches(')');
        let location = Some(Location { file: file.to_owned(), line: Some(line) });
        return Some(Trace { location, ..told("assertion failed", condition) });
    }
    if let Some(signal) =
        text.split([' ', ';', ',', ':']).find(|word| word.starts_with("SIG") && word.len() > 4)
    {
        return Some(told(signal, ""));
    }
    let message = text.split(" (core dumped)").next().unwrap_or(text).trim_matches(['*', ' ']);
    Some(told(if text.contains("Segmentation") { "SIGSEGV" } else { "abort" }, message))
}

/// `till.cpp:12:5: runtime error: signed integer overflow: …`.
fn undefined(text: &str) -> Option<(&str, &str)> {
    let (place, message) = text.split_once(UNDEFINED)?;
    file_and_line(place).filter(|(file, _)| !file.contains(' '))?;
    Some((place, message))
}

/// The function in which an assertion failed.
fn asserted_in(line: &str) -> Option<String> {
    if let Some((before, _)) = line.split_once(ASSERTION) {
        let function = before.splitn(3, ": ").nth(2)?;
        let function = function.split('(').next().unwrap_or(function);
        return some(function.rsplit(' ').next().unwrap_or(function));
    }
    some(line.split_once(", function ")?.1.split(',').next()?)
}

/// Frames without a report, as libraries print them below a message.
fn stack_alone(lines: &[&str]) -> Option<Trace> {
    let first = lines.iter().position(|line| frame(line).is_some())?;
    let frames: Vec<Frame> = lines[first..].iter().map_while(|line| frame(line)).collect();
    // One such line may be anything; two in a row are a stack.
    if frames.len() < 2 {
        return None;
    }
    let top = head::before(lines, first).map(|(trace, _)| trace).unwrap_or_default();
    Some(Trace { frames, ..top })
}

/// A frame in any of the forms of sanitizers, debuggers, the C library, Boost, Abseil and Android.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim();
    let first = text.bytes().next()?;
    match first {
        b'#' => hashed(text),
        b'@' => at_address(text),
        b'0'..=b'9' => boost(text),
        _ => symbols(text),
    }
}

/// `#1 0x4f in add /srv/till.c:12:3`, `#1  add (n=3) at till.c:12`, `#1 add till.c:12 (till+0x4f)`, `#00 pc 0004f /lib/x.so (add+4)`.
fn hashed(text: &str) -> Option<Frame> {
    let (count, rest) = text[1..].split_once(' ')?;
    number(count)?;
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix("pc ") {
        let (_, rest) = rest.trim_start().split_once(' ')?;
        let (module, symbol) = rest.trim().split_once(" (").unwrap_or((rest.trim(), ""));
        let function = symbol.split(['+', ')']).next().unwrap_or_default();
        return made(function, None, Some(module));
    }
    let named = match rest.strip_prefix("0x") {
        Some(address) => address.split_once(" in ").map(|(_, rest)| rest),
        None => Some(rest),
    };
    let Some(rest) = named else {
        // No symbol is known: `#3 0x7f (/lib/libc.so.6+0x2a)`.
        let module = rest.split_once(" (")?.1.split([')', '+']).next()?;
        return made("", None, Some(module));
    };
    if let Some((function, place)) = rest.rsplit_once(" at ") {
        return made(without_arguments(function), placed(place), None);
    }
    if let Some((function, module)) = rest.rsplit_once(" from ") {
        return made(without_arguments(function), None, Some(module));
    }
    let (before, module) = match rest.rsplit_once(" (").filter(|(_, module)| module.ends_with(')')) {
        Some((before, module))
            if module.contains("+0x") || module.contains("BuildId") || module.starts_with('<') =>
        {
            let before =
                before.rsplit_once(" (").filter(|(_, m)| m.contains("+0x")).map_or(before, |(b, _)| b);
            (before, Some(module.split(['+', ')']).next().unwrap_or(module)))
        }
        Some(_) | None => (rest, None),
    };
    match before.rsplit_once(' ').and_then(|(function, place)| Some((function, placed(place)?))) {
        Some((function, place)) => made(function, Some(place), module),
        None if module.is_some() || (text.contains("0x") && !before.contains('(')) => {
            let (function, file) = before.rsplit_once(" /").unwrap_or((before, ""));
            made(function, None, module.or_else(|| (!file.is_empty()).then_some(file)))
        }
        // `#1  main (argc=1)` says no more.
        None => None,
    }
}

/// `@     0x7f1e2d add()`, as Abseil and glog print it.
fn at_address(text: &str) -> Option<Frame> {
    let (address, function) = text[1..].trim_start().strip_prefix("0x")?.split_once(' ')?;
    let function = function.trim();
    let function = match function.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((size, rest)) if size.bytes().all(|b| b.is_ascii_digit()) => rest.trim(),
        Some(_) | None => function,
    };
    (address.bytes().all(|b| b.is_ascii_hexdigit())).then_some(())?;
    made(without_arguments(function), None, None)
}

/// `1# shop::add(int) at /srv/till.cpp:12` and `2# main in ./till`.
fn boost(text: &str) -> Option<Frame> {
    let (count, rest) = text.split_once("# ")?;
    number(count)?;
    if let Some((function, place)) = rest.rsplit_once(" at ") {
        return made(without_arguments(function), placed(place), None);
    }
    let (function, module) =
        rest.rsplit_once(" in ").map_or((rest, None), |(function, module)| (function, Some(module)));
    made(without_arguments(function), None, module)
}

/// `./till(add+0x3b)[0x55d0]` and `./till(+0x3b) [0x55d0]`, as the C library's `backtrace_symbols` gives it.
fn symbols(text: &str) -> Option<Frame> {
    let (before, address) = text.strip_suffix(']')?.rsplit_once("[0x")?;
    let (module, symbol) = before.trim_end().strip_suffix(')')?.split_once('(')?;
    let (function, offset) = symbol.rsplit_once("+0x").unwrap_or((symbol, "0"));
    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    (hexadecimal(address) && hexadecimal(offset) && !module.contains(' ')).then_some(())?;
    made(function, None, Some(module))
}

/// A place whose file looks like one.
fn placed(text: &str) -> Option<(&str, u32)> {
    file_and_line(text).filter(|(file, _)| file.contains(['.', '/', '\\']) && !file.contains(' '))
}

fn made(function: &str, place: Option<(&str, u32)>, module: Option<&str>) -> Option<Frame> {
    let function = without_arguments(function.trim());
    let function = if function == "??" { "" } else { function };
    if function.is_empty() && place.is_none() && module.is_none() {
        return Some(Frame::default());
    }
    let file = place.map(|(file, _)| file);
    Some(Frame {
        in_app: in_app::native(function, file, module),
        file: file.map(str::to_owned),
        line: place.map(|(_, line)| line),
        function: some(function),
        module: module.and_then(some),
        source: None,
    })
}

/// `shop::add(int, char const*)` and `add (n=3)` as the name alone.
fn without_arguments(function: &str) -> &str {
    let function = function.trim_end();
    let start = if function.starts_with("(anonymous") {
        "(anonymous namespace)".len().min(function.len())
    } else {
        0
    };
    match function.get(start..).and_then(|rest| rest.find('(')) {
        Some(at) if !function[start + at..].starts_with("(anonymous") => function[..start + at].trim_end(),
        Some(_) | None => function,
    }
}

#[derive(Debug)]
struct Lines {
    /// A frame has been seen.
    frames: bool,
    /// Lines since the report's first that were no frames.
    before: usize,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let text = line.trim();
        let rule = text.len() > 8 && text.bytes().all(|b| b == b'=');
        let known = frame(line).is_some()
            || text.starts_with("==")
            || rule
            || text.starts_with("SUMMARY: ")
            || line.starts_with(WHAT)
            || matches!(text, "Aborted (core dumped)" | "Aborted" | "Segmentation fault (core dumped)");
        if known {
            self.frames |= frame(line).is_some();
            return Next::Part;
        }
        if text.starts_with("PC: @")
            || text.starts_with("Shadow byte")
            || (line.starts_with([' ', '\t']) && !text.is_empty())
        {
            return Next::Part;
        }
        self.before += 1;
        // Reports have several stacks, each behind a sentence and a blank line.
        let sentence = text.is_empty() || text.ends_with(':') || text.starts_with("0x");
        if sentence || (!self.frames && self.before <= REPORT_LINES) { Next::Perhaps } else { Next::End }
    }
}
