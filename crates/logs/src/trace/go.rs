//! Panics and fatal errors of Go programs.
//!
//! A panic names its reason first, then one block per goroutine; the first block is the one that crashed. A panic
//! during a panic is indented below it: the last is the one that ended the program, those before it led to it.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, in_app, number, some};

/// Go.
#[derive(Debug)]
pub(super) struct Go;

const PANIC: &str = "panic: ";
const FATAL: &str = "fatal error: ";
/// How the server of the standard library reports a panic that it caught.
const CAUGHT: &str = "http: panic serving ";
/// How frameworks end the line in which they report one that they caught.
const RECOVERED: &str = "panic recovered:";
/// Lines between the reason and the first goroutine.
const MESSAGE_LINES: usize = 20;

impl Language for Go {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let starts = || [PANIC, FATAL, CAUGHT].iter().any(|start| line.starts_with(start));
        if line.starts_with('\t') && place(line).is_some() {
            return Some(Beginning { place: Place::Before, own: false, follow: Box::new(Lines::Frames) });
        }
        let (own, state) = if is_goroutine(line) {
            (false, Lines::Frames)
        } else if line.ends_with(RECOVERED) || returned(line).is_some() {
            (false, Lines::Reason(0))
        } else if starts() {
            (true, Lines::Reason(0))
        } else {
            return None;
        };
        Some(Beginning { place: Place::Here(0), own, follow: Box::new(state) })
    }

    fn marks(&self) -> &'static [&'static str] {
        &[RECOVERED, ".go:", ".s:"]
    }

    fn starts(&self) -> &'static [&'static str] {
        &[PANIC, FATAL, CAUGHT, "goroutine "]
    }

    fn may_precede(&self, line: &str) -> bool {
        is_function(line)
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let Some(start) = lines.iter().position(|line| is_goroutine(line)) else {
            return recovered(&lines).or_else(|| without_goroutine(&lines));
        };
        let mut chain = reasons(&lines[..start]);
        let mut top = chain.pop().unwrap_or_default();
        top.causes = chain.into_iter().rev().collect();
        top.frames = frames(&lines[start + 1..]);
        (!top.frames.is_empty() || top.exception.is_some()).then_some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["go"]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        trace.exception.as_deref() == Some("panic")
    }

    /// Functions without a name are numbered within the one around them: `main.run.func2.1`.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let numbered = |part: &str| {
            let digits = ["func", "gowrap", "deferwrap"]
                .iter()
                .find_map(|kind| part.strip_prefix(kind))
                .unwrap_or(part);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        let mut name = function;
        while let Some((outer, _)) = name.rsplit_once('.').filter(|(_, last)| numbered(last)) {
            name = outer;
        }
        if name.len() == function.len() { Cow::Borrowed(name) } else { Cow::Owned(format!("{name}.func")) }
    }
}

/// `goroutine 7 [running]:`.
fn is_goroutine(line: &str) -> bool {
    let state = line.strip_prefix("goroutine ").and_then(|rest| rest.trim_end().strip_suffix("]:"));
    state
        .and_then(|rest| rest.split_once(" ["))
        .is_some_and(|(id, _)| number(id.split(' ').next().unwrap_or(id)).is_some())
}

/// The panics before the first goroutine, in the order in which they happened.
fn reasons(lines: &[&str]) -> Vec<Trace> {
    let mut found: Vec<Trace> = Vec::new();
    let mut in_message = false;
    for line in lines {
        let text = line.trim();
        if let Some(trace) = reason(text) {
            found.push(trace);
            in_message = true;
        } else if text.is_empty() || text.starts_with("[signal ") || text.starts_with("[originating ") {
            in_message = false;
        } else if in_message && let Some(last) = found.last_mut() {
            // Since Go 1.18 further lines of a message are indented.
            let message = last.message.get_or_insert_default();
            message.push('\n');
            message.push_str(line.strip_prefix('\t').unwrap_or(line).trim_end());
        }
    }
    for trace in &mut found {
        let message = trace.message.take().unwrap_or_default();
        let end = message.rfind(" [recovered").filter(|_| message.ends_with(']')).unwrap_or(message.len());
        trace.message = some(&message[..end]);
    }
    found
}

fn reason(text: &str) -> Option<Trace> {
    let (kind, message) = match text.find(CAUGHT).map(|at| &text[at + CAUGHT.len()..]) {
        Some(client) => ("panic", client.split_once(": ")?.1),
        None => match text.strip_prefix(PANIC) {
            Some(message) => ("panic", message),
            None => ("fatal error", text.strip_prefix(FATAL)?),
        },
    };
    const RUNTIME: &str = "runtime error";
    let (kind, message) = match message.strip_prefix(RUNTIME).and_then(|rest| rest.strip_prefix(": ")) {
        Some(message) => (RUNTIME, message),
        None => (kind, message),
    };
    Some(Trace { exception: Some(kind.to_owned()), message: some(message), ..Trace::default() })
}

/// The frames of one goroutine, up to the blank line behind it.
fn frames(lines: &[&str]) -> Vec<Frame> {
    let block = lines.iter().take_while(|line| !line.trim().is_empty() && !is_goroutine(line));
    let block: Vec<&str> = block.copied().collect();
    let pairs = block.windows(2).filter(|pair| !pair[0].starts_with("created by "));
    pairs.filter_map(|pair| frame(pair[0], pair[1])).collect()
}

/// Frames as gin prints those of a panic that it caught: the place first, then the function and the text of the line.
fn recovered(lines: &[&str]) -> Option<Trace> {
    let start = lines.iter().position(|line| returned(line).is_some())?;
    let said = lines[..start].iter().rfind(|line| !line.trim().is_empty())?;
    let said = said.rsplit(RECOVERED).next().unwrap_or(said).trim();
    let mut top = reason(&format!("{PANIC}{said}"))?;
    let mut rest = lines[start..].iter().peekable();
    while let Some((file, line)) = rest.next().and_then(|line| returned(line)) {
        let call = rest.next_if(|line| line.starts_with('\t')).map_or("", |line| line.trim());
        let (function, source) = call.split_once(": ").unwrap_or((call, ""));
        top.frames.push(Frame {
            in_app: in_app::go(function, file),
            file: some(file),
            line: Some(line),
            function: some(function),
            module: None,
            source: some(source),
        });
    }
    Some(top)
}

/// `/srv/shop/api.go:33 (0x8d2a11)`.
fn returned(line: &str) -> Option<(&str, u32)> {
    let (place, address) = line.trim_end().strip_suffix(')')?.rsplit_once(" (0x")?;
    let hexadecimal = address.bytes().all(|b| b.is_ascii_hexdigit());
    let (file, line) = place.rsplit_once(':')?;
    (hexadecimal && (file.ends_with(".go") || file.ends_with(".s"))).then_some(())?;
    Some((file, number(line)?))
}

/// A function alone on its line, `example.com/shop/cart.(*Cart).Add`, as errors with a stack print it.
fn is_function(line: &str) -> bool {
    let name = line.rsplit('/').next().unwrap_or(line);
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._*()[]/-~$%@".contains(&b);
    line.len() < 512
        && !line.starts_with(['/', '.', '-', '('])
        && line.bytes().all(known)
        && name.split_once('.').is_some_and(|(package, function)| !package.is_empty() && !function.is_empty())
}

/// Frames as `%+v` and structured loggers write them: functions without arguments, no goroutine before them.
fn without_goroutine(lines: &[&str]) -> Option<Trace> {
    let start =
        lines.windows(2).position(|pair| is_function(pair[0]) && frame(pair[0], pair[1]).is_some())?;
    let frames = frames(&lines[start..]);
    let message = some(lines[..start].join("\n").trim());
    Some(Trace { location: None, exception: Some("error".to_owned()), message, frames, causes: Vec::new() })
}

/// A function and, on the next line behind a tab, its place.
fn frame(function: &str, place: &str) -> Option<Frame> {
    if function.starts_with(['\t', ' ']) {
        return None;
    }
    let (file, line) = self::place(place)?;
    let function = without_arguments(function);
    Some(Frame {
        module: None,
        in_app: in_app::go(function, file),
        file: Some(file.to_owned()),
        line: Some(line),
        function: Some(function.to_owned()),
        source: None,
    })
}

/// `/srv/shop/main.go:9 +0x1d`.
fn place(line: &str) -> Option<(&str, u32)> {
    let place = line.strip_prefix('\t').or_else(|| line.strip_prefix("    "))?;
    let dot = place.find(".go:").map(|at| at + 3).or_else(|| place.find(".s:").map(|at| at + 2))?;
    let digits = place[dot + 1..].bytes().take_while(u8::is_ascii_digit).count();
    let rest = &place[dot + 1 + digits..];
    let whole = rest.is_empty() || rest.starts_with(" +0x") || rest.starts_with(' ');
    whole.then_some((&place[..dot], number(&place[dot + 1..dot + 1 + digits])?))
}

/// `main.(*Router).Serve(0x1, {0x2, 0x3})` without its last brackets.
fn without_arguments(function: &str) -> &str {
    let function = function.trim_end();
    if !function.ends_with(')') {
        return function;
    }
    let mut depth = 0_usize;
    for (at, byte) in function.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth <= 1 => return &function[..at],
            b'(' => depth -= 1,
            _ => {}
        }
    }
    function
}

#[derive(Debug)]
enum Lines {
    /// Behind the reason, and so many lines.
    Reason(usize),
    /// Inside the block of a goroutine, or behind it.
    Frames,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        if is_goroutine(line) {
            *self = Self::Frames;
            return Next::Part;
        }
        let blank = line.trim().is_empty();
        match self {
            Self::Reason(_) if returned(line).is_some() => {
                *self = Self::Frames;
                Next::Part
            }
            Self::Reason(_) if line.starts_with('\t') || line.starts_with("[signal ") => Next::Part,
            Self::Reason(lines) if *lines < MESSAGE_LINES && !line.starts_with(PANIC) => {
                *lines += 1;
                Next::Perhaps
            }
            Self::Reason(_) => Next::End,
            Self::Frames if blank => Next::Perhaps,
            Self::Frames if line.starts_with('\t') || is_call(line) || returned(line).is_some() => Next::Part,
            Self::Frames if is_function(line) => Next::Perhaps,
            Self::Frames => Next::End,
        }
    }
}

/// A function with its arguments, or another line of a goroutine's block.
fn is_call(line: &str) -> bool {
    let function = without_arguments(line);
    let called = function.len() < line.trim_end().len() && !function.contains(' ');
    called || line.starts_with("created by ") || line.starts_with("exit status ") || line.starts_with("...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(function: &str, file: &str, line: u32, in_app: bool) -> Frame {
        let (file, function) = (Some(file.to_owned()), Some(function.to_owned()));
        Frame { module: None, file, line: Some(line), function, source: None, in_app }
    }

    #[test]
    fn the_first_goroutine_and_the_last_panic_count() {
        let text = "panic: cannot pay [recovered]\n\tpanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48]\n\ngoroutine 7 [running]:\npanic({0x45cb40?, 0x47ad70?})\n\t/usr/local/go/src/runtime/panic.go:770 +0x132\nexample.com/shop/cart.(*Cart).Add(0xc0000, {0x7ffd?, 0x4?})\n\t/srv/shop/cart/cart.go:26 +0x31\nmain.main.func2.1()\n\t/srv/shop/main.go:9 +0x12\nexample.org/gin-gonic/gin.(*Context).Next(...)\n\t/home/u/go/pkg/mod/example.org/gin-gonic/gin@v1.9.1/context.go:174\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/server.go:3086 +0x5cb\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/srv/shop/main.go:30 +0x1\nexit status 2\n";
        let trace = Go.parse(text).unwrap();
        let expected = Trace {
            location: None,
            exception: Some("runtime error".to_owned()),
            message: Some("invalid memory address or nil pointer dereference".to_owned()),
            frames: vec![
                place("panic", "/usr/local/go/src/runtime/panic.go", 770, false),
                place("example.com/shop/cart.(*Cart).Add", "/srv/shop/cart/cart.go", 26, true),
                place("main.main.func2.1", "/srv/shop/main.go", 9, true),
                place(
                    "example.org/gin-gonic/gin.(*Context).Next",
                    "/home/u/go/pkg/mod/example.org/gin-gonic/gin@v1.9.1/context.go",
                    174,
                    false,
                ),
            ],
            causes: vec![Trace {
                exception: Some("panic".to_owned()),
                message: Some("cannot pay".to_owned()),
                ..Trace::default()
            }],
        };
        assert_eq!(trace, expected);
    }

    #[test]
    fn caught_panics_fatal_errors_and_plain_stacks_are_read() {
        let block = "goroutine 7 [running]:\nmain.f()\n\t/srv/shop/main.go:9 +0x1\n";
        for (text, exception, message) in [
            (
                format!("http: panic serving 127.0.0.1:80: boom: bang\n{block}"),
                Some("panic"),
                Some("boom: bang"),
            ),
            (
                format!("fatal error: all goroutines are asleep - deadlock!\n\n{block}"),
                Some("fatal error"),
                Some("all goroutines are asleep - deadlock!"),
            ),
            (format!("panic: one\ntwo\n\n{block}"), Some("panic"), Some("one\ntwo")),
            (block.to_owned(), None, None),
            ("cannot pay\nmain.f\n\t/srv/shop/main.go:9".to_owned(), Some("error"), Some("cannot pay")),
        ] {
            let expected = Trace {
                location: None,
                exception: exception.map(str::to_owned),
                message: message.map(str::to_owned),
                frames: vec![place("main.f", "/srv/shop/main.go", 9, true)],
                causes: Vec::new(),
            };
            assert_eq!(Go.parse(&text), Some(expected), "{text}");
        }
        assert_eq!(Go.parse("panic: without a stack"), None);
    }

    #[test]
    fn the_standard_library_and_modules_are_not_the_application() {
        for (function, file, expected) in [
            ("net/http.serve", "/usr/local/go/src/net/http/server.go", false),
            ("net/http.serve", "net/http/server.go", false),
            ("example.com/a/net.serve", "/home/u/go/src/example.com/a/net/x.go", true),
            ("example.com/a.f", "example.com/a/x.go", true),
            ("example.com/b.f", "example.com/b@v1.2.0/x.go", false),
            ("main.f", "./main.go", true),
            ("main.f", "main.go", true),
            ("example.com/b.f", "/srv/shop/vendor/example.com/b/x.go", false),
        ] {
            assert_eq!(in_app::go(function, file), expected, "{file}");
        }
    }

    #[test]
    fn numbers_of_nameless_functions_are_left_out() {
        for (function, expected) in [
            ("main.run.func2.1", "main.run.func"),
            ("main.run.func1", "main.run.func"),
            ("main.run.gowrap3", "main.run.func"),
            ("main.function1", "main.function1"),
            ("main.run", "main.run"),
        ] {
            assert_eq!(Go.lasting_name(function), expected, "{function}");
        }
    }
}
