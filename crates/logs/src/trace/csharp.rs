//! Stack traces of .NET: the modern runtime, the Framework and Mono.
//!
//! What caused an exception is named before the frames and its frames are printed first, up to a line that says so. Of an
//! aggregate's members the first is the cause: that is where the work went wrong.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, head, in_app, number, some};

/// C#, F# and Visual Basic.
#[derive(Debug)]
pub(super) struct CSharp;

/// How Mono and the Framework announce what ended the program, alone on a line.
const UNHANDLED: &str = "Unhandled Exception:";
const INNER: &str = "---> ";
const INNER_END: &str = "--- End of inner exception stack trace ---";
const MEMBER: &str = "---> (Inner Exception #";
const MEMBER_END: &str = "<---";

impl Language for CSharp {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let state = |frames| Box::new(Lines { frames, message: head::MESSAGE_LINES });
        if line.trim_end() == UNHANDLED {
            return Some(Beginning { place: Place::Here(0), own: true, follow: state(false) });
        }
        let text = line.trim_start();
        let found = (text.starts_with("at ") && frame(text).is_some())
            || (text.starts_with(INNER) && text.len() < line.len());
        found.then(|| Beginning { place: Place::Before, own: false, follow: state(true) })
    }

    fn starts(&self) -> &'static [&'static str] {
        &["at ", INNER, UNHANDLED]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let framed = lines.iter().position(|line| frame(line).is_some())?;
        let inner = lines[..framed].iter().position(|line| line.trim_start().starts_with(INNER));
        let first = inner.unwrap_or(framed);
        let start = lines[..first].iter().rposition(|line| line.trim_end() == UNHANDLED);
        let before = &lines[start.map_or(0, |at| at + 1)..];
        let (top, _) = head::before(before, first - (lines.len() - before.len()))?;
        let mut chain = sections(top, &lines[first..]).into_iter();
        let mut top = chain.next()?;
        top.causes = chain.collect();
        Some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["cs", "csharp", "fs", "vb", "razor", "cshtml"]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_RUNTIME: [&str; 8] = [
            "NullReferenceException",
            "DivideByZeroException",
            "IndexOutOfRangeException",
            "InvalidCastException",
            "OverflowException",
            "StackOverflowException",
            "OutOfMemoryException",
            "AccessViolationException",
        ];
        let name = trace.exception.as_deref().unwrap_or_default();
        trace.frames.first().is_some_and(|frame| frame.in_app)
            && !BY_THE_RUNTIME.iter().any(|known| name.ends_with(known))
    }

    /// State machines, closures and local functions are numbered: `<Pay>d__12.MoveNext`, `<>c__DisplayClass3_0.<Pay>b__1`.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let name = function.strip_suffix(".MoveNext").filter(|name| name.contains('<')).unwrap_or(function);
        let generated = |part: &str| part.starts_with("<>c") || part.starts_with("__");
        if !name.contains(['<', '@', '`', '[']) {
            return Cow::Borrowed(name);
        }
        let parts = name.split(['.', '+']).filter(|part| !part.is_empty() && !generated(part));
        Cow::Owned(parts.map(without_numbers).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."))
    }
}

/// `<Pay>d__12` as `Pay`, `<Pay>g__Check|3_0` as `Pay.Check`, and generic types without their parameters.
fn without_numbers(part: &str) -> String {
    let made = part.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let Some((outer, rest)) = made else {
        let end = part.find(['`', '[', '@']).unwrap_or(part.len());
        return part[..end].to_owned();
    };
    match rest.strip_prefix("g__").and_then(|local| local.split_once('|')) {
        Some((local, _)) => format!("{outer}.{local}"),
        None => outer.to_owned(),
    }
}

/// The exception and what caused it, from the first line behind the outermost one's message.
fn sections(mut top: Trace, lines: &[&str]) -> Vec<Trace> {
    // Before .NET Core the causes stood on the same line.
    let message = top.message.take().unwrap_or_default();
    let mut heads = message.split(" ---> ");
    top.message = heads.next().and_then(some_trimmed);
    let mut chain = vec![named(top)];
    chain.extend(heads.map(|text| named(head::of(text))));
    // The exceptions whose frames are still to come, innermost last.
    let mut open: Vec<usize> = (0..chain.len()).collect();
    let (mut passing, mut in_message) = (false, true);
    for line in lines {
        let text = line.trim();
        if passing {
            passing = !text.ends_with(MEMBER_END);
        } else if text.starts_with(MEMBER) {
            // The first member has been told already, as the cause, but by the oldest runtimes.
            let told = chain.len() > 1 || !text.starts_with("---> (Inner Exception #0) ");
            passing = told && !text.ends_with(MEMBER_END);
            if !told && let Some((_, cause)) = text.split_once(") ") {
                open.push(chain.len());
                chain.push(named(head::of(cause)));
                in_message = true;
            }
        } else if let Some(cause) = text.strip_prefix(INNER) {
            for cause in cause.split(" ---> ") {
                open.push(chain.len());
                chain.push(named(head::of(cause)));
            }
            in_message = true;
        } else if text == INNER_END {
            if open.len() > 1 {
                open.pop();
            }
            in_message = false;
        } else if let Some(last) = open.last().and_then(|at| chain.get_mut(*at)) {
            let closes = text.strip_suffix(MEMBER_END);
            if let Some(found) = frame(closes.unwrap_or(text)) {
                last.frames.push(found);
                in_message = false;
            } else if in_message && !text.starts_with("--- End of stack trace") {
                let message = last.message.get_or_insert_default();
                message.push('\n');
                message.push_str(line.trim_end());
            }
            if closes.is_some() && open.len() > 1 {
                open.pop();
            }
        }
    }
    for trace in &mut chain {
        trace.message = trace.message.take().and_then(|message| some(message.trim_end()));
    }
    chain
}

fn some_trimmed(text: &str) -> Option<String> {
    some(text.trim_end())
}

/// Takes the type out of the message where its name does not end as those of exceptions do.
fn named(mut trace: Trace) -> Trace {
    if trace.exception.is_some() {
        return trace;
    }
    let Some(message) = &trace.message else { return trace };
    let (name, rest) = message.split_once(": ").unwrap_or((message, ""));
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || "_`+".contains(c))
    };
    if name.contains('.') && name.split('.').all(part) {
        (trace.exception, trace.message) = (some(name), some(rest));
    }
    trace
}

#[derive(Debug)]
struct Lines {
    /// A frame has been seen.
    frames: bool,
    /// Lines of message that may still come.
    message: usize,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let text = line.trim();
        if text.starts_with(INNER) || text.starts_with("--- End of ") {
            self.message = if text.starts_with(INNER) { head::MESSAGE_LINES } else { 0 };
            self.frames = true;
            return Next::Part;
        }
        if frame(text.strip_suffix(MEMBER_END).unwrap_or(text)).is_some() {
            (self.frames, self.message) = (true, 0);
            return Next::Part;
        }
        let indented = line.starts_with([' ', '\t']) && !text.is_empty();
        if indented && self.frames {
            return Next::Part;
        }
        if text.is_empty() || (self.message > 0 && (!self.frames || !head::is_head(text))) {
            let first = !self.frames && self.message == head::MESSAGE_LINES;
            self.message = self.message.saturating_sub(1);
            return if first && !text.is_empty() { Next::Part } else { Next::Perhaps };
        }
        Next::End
    }
}

/// `at Shop.Cart.Add(String sku) in /srv/Cart.cs:line 12`, or Mono's `at Shop.Cart.Add (System.String sku) [0x0001] in F:12`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    // Mono says how native code was reached: `(wrapper managed-to-native) System.Object.Wait (…)`.
    let wrapper = if text.starts_with("(wrapper ") { text.find(") ")? + 2 } else { 0 };
    let opening = wrapper + text[wrapper..].find('(')?;
    let length = closing(&text[opening..])?;
    let (arguments, rest) = (&text[opening + 1..opening + length], &text[opening + length + 1..]);
    let function = text[..opening].trim_end();
    let bare = &function[wrapper..];
    let mono = function.len() < opening;
    if bare.is_empty() || bare.contains(char::is_whitespace) || arguments.contains([':', '/']) {
        return None;
    }
    let (file, line) = place(rest.trim(), mono && wrapper == 0)?;
    let declared = arguments.is_empty() || arguments.contains(' ') || mono || line.is_some();
    let known = bare.contains('.') && (declared || bare.starts_with("lambda_method"))
        || bare.starts_with("lambda_method");
    // What Java prints there.
    let foreign = !mono && matches!(arguments, "Native Method" | "Unknown Source");
    (known && !foreign).then(|| Frame {
        in_app: in_app::csharp(function),
        file: file.map(str::to_owned),
        line,
        function: Some(function.to_owned()),
        module: None,
        source: None,
    })
}

/// The offset of the bracket that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth <= 1 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What stands behind the arguments: nothing, ` in FILE:line N`, or Mono's ` [0x00021] in FILE:N`.
fn place(rest: &str, mono: bool) -> Option<(Option<&str>, Option<u32>)> {
    let rest = match rest.strip_prefix('[') {
        Some(offset) if offset.starts_with("0x") => offset.split_once(']')?.1.trim_start(),
        Some(_) => return None,
        None if mono => return None,
        None => rest,
    };
    if rest.is_empty() {
        return Some((None, None));
    }
    let (file, line) = rest.strip_prefix("in ")?.rsplit_once(':')?;
    let line = number(line.strip_prefix("line ").unwrap_or(line).trim())?;
    let known = !file.starts_with('<') && !file.is_empty();
    Some(if known { (Some(file), Some(line)) } else { (None, None) })
}
