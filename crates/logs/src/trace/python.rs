//! Python tracebacks: plain, chained, groups and syntax errors.
//!
//! Python prints the outermost call first and the root cause before what came of it. Both are turned round here: the
//! top trace is the exception that ended the program, its frames run from the crash outwards, and its causes from the
//! next exception down to the root.

use std::cmp::Ordering;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, in_app, indentation};

/// Python.
#[derive(Debug)]
pub(super) struct Python;

/// The line that opens a traceback, after any indentation.
const OPENING: &str = "Traceback (most recent call last):";
/// The line that opens the traceback of an exception group, after its `+ ` mark.
const GROUP_OPENING: &str = "Exception Group Traceback (most recent call last):";
const LINKS: [&str; 2] = [
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
];
/// Lines that a message may add after the exception's line.
const MESSAGE_LINES: usize = 50;
/// Groups within groups that are looked into.
const NESTING: usize = 16;
/// Blank lines allowed between chained tracebacks.
const BLANK_LINES: usize = 3;

impl Language for Python {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let (from, state) = if is_opening(line) {
            (0, Lines::opened(line))
        } else if line.ends_with(OPENING) {
            (line.len() - OPENING.len(), Lines::Frames(0))
        } else if line.starts_with([' ', '\t']) && is_frame(line) {
            // A syntax error has a frame without a traceback around it.
            (0, Lines::Frames(0))
        } else {
            return None;
        };
        Some(Beginning { place: Place::Here(from), own: false, follow: Box::new(state) })
    }

    fn marks(&self) -> &'static [&'static str] {
        &[OPENING]
    }

    fn starts(&self) -> &'static [&'static str] {
        &["File \""]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let start = match lines.iter().position(|line| is_opening(line)) {
            Some(start) => start,
            None => syntax_error_start(&lines)?,
        };
        // Ruby's form with the error last opens with the same words.
        if lines.get(start + 1).is_some_and(|line| line.contains(": from ") && !is_frame(line)) {
            return None;
        }
        let mut chain: Vec<Trace> = Vec::new();
        let mut rest = &lines[start..];
        loop {
            let (trace, consumed) = single(rest, 0);
            chain.push(trace);
            rest = &rest[consumed..];
            let Some(next) = rest.iter().position(|line| is_opening(line)) else { break };
            rest = &rest[next..];
        }
        let mut chain = chain.into_iter().rev();
        let mut top = chain.next()?;
        for mut cause in chain {
            let nested = std::mem::take(&mut cause.causes);
            top.causes.push(cause);
            top.causes.extend(nested);
        }
        Some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["py", "pyx", "pyi"]
    }

    /// A traceback shows the `raise` itself, which is better.
    fn is_thrown(&self, _trace: &Trace) -> bool {
        false
    }
}

/// True for the sentence that joins two chained tracebacks.
fn is_link(line: &str) -> bool {
    LINKS.contains(&trim_margin(line))
}

/// True for a line that can only open a traceback.
fn is_opening(line: &str) -> bool {
    let line = trim_margin(line);
    line == OPENING || line == GROUP_OPENING
}

/// True for `File "…", line N`, with or without a function.
fn is_frame(line: &str) -> bool {
    frame(trim_margin(line)).is_some()
}

/// Which lines of a traceback come next.
#[derive(Debug)]
enum Lines {
    /// Before the exception; the number is the indentation of the opening line.
    Frames(usize),
    /// Behind the exception's line, with so many lines of message since.
    Message(usize, usize),
    /// Inside an exception group.
    Group,
    /// Behind a complete traceback and so many blank lines.
    Blank(usize),
    /// Behind the sentence that announces the next traceback of a chain.
    Linked,
}

impl Lines {
    fn opened(line: &str) -> Self {
        match line.trim_start().strip_prefix("+ ") {
            Some(_) => Self::Group,
            None => Self::Frames(indentation(line)),
        }
    }
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let blank = line.trim().is_empty();
        let (state, next) = match self {
            Self::Frames(margin) => {
                if blank || is_opening(line) {
                    return Next::End;
                }
                match indentation(line).cmp(margin) {
                    Ordering::Greater => return Next::Part,
                    Ordering::Equal => (Self::Message(*margin, 0), Next::Part),
                    Ordering::Less => return Next::End,
                }
            }
            Self::Message(..) | Self::Group if blank => (Self::Blank(1), Next::Perhaps),
            Self::Message(..) | Self::Blank(_) if is_link(line) => (Self::Linked, Next::Part),
            Self::Message(margin, lines) => {
                let goes_on = *lines < MESSAGE_LINES
                    && !is_opening(line)
                    && !line.ends_with(OPENING)
                    && indentation(line) >= *margin;
                if !goes_on {
                    return Next::End;
                }
                (Self::Message(*margin, *lines + 1), Next::Text)
            }
            Self::Group => {
                let inside = line.starts_with([' ', '\t']) && line.trim_start().starts_with(['|', '+']);
                return if inside { Next::Part } else { Next::End };
            }
            Self::Blank(lines) if blank && *lines < BLANK_LINES => (Self::Blank(*lines + 1), Next::Perhaps),
            Self::Blank(_) => return Next::End,
            Self::Linked if is_opening(line) => (Self::opened(line), Next::Part),
            Self::Linked if blank => return Next::Perhaps,
            Self::Linked => return Next::End,
        };
        *self = state;
        next
    }
}

/// Where a syntax error without any traceback begins: a frame without a function, later a `…Error:` line.
fn syntax_error_start(lines: &[&str]) -> Option<usize> {
    let start =
        lines.iter().position(|line| frame(trim_margin(line)).is_some_and(|f| f.function.is_none()))?;
    const KINDS: [&str; 3] = ["SyntaxError:", "IndentationError:", "TabError:"];
    let ends = |line: &&str| KINDS.iter().any(|kind| trim_margin(line).starts_with(kind));
    lines[start..].iter().take(8).any(ends).then_some(start)
}

/// One traceback from its opening line to the end of its message, and how many lines it took.
fn single(lines: &[&str], depth: usize) -> (Trace, usize) {
    let margin = margin_of(lines[0]);
    let mut trace = Trace::default();
    let mut at = usize::from(is_opening(lines[0]));
    while at < lines.len() {
        let line = strip_margin(lines[at], margin);
        let text = line.trim_start();
        if let Some(found) = frame(text) {
            trace.frames.push(found);
        } else if text.is_empty() || is_repetition(text) || is_marker(text) {
            // nothing to keep
        } else if line.starts_with(' ') {
            if let Some(last) = trace.frames.last_mut().filter(|last| last.source.is_none()) {
                last.source = Some(text.trim_end().to_owned());
            }
        } else {
            break;
        }
        at += 1;
    }
    trace.frames.reverse();
    let start = at;
    while at < lines.len() && !is_link(lines[at]) && !is_opening(lines[at]) && !is_group_rule(lines[at]) {
        at += 1;
    }
    read_exception(&mut trace, &lines[start..at], margin);
    if lines.get(at).is_some_and(|line| is_group_rule(line)) {
        let (members, consumed) = group_members(&lines[at..], depth);
        trace.causes = members;
        at += consumed;
    }
    (trace, at.max(1))
}

fn read_exception(trace: &mut Trace, lines: &[&str], margin: &str) {
    let lines: Vec<&str> = lines.iter().map(|line| strip_margin(line, margin)).collect();
    let text = lines.join("\n");
    let text = text.trim_end();
    let (head, _) = text.split_once('\n').unwrap_or((text, ""));
    let (name, colon) = match head.split_once(':') {
        Some((name, _)) => (name, true),
        None => (head, false),
    };
    if is_type_name(name) {
        trace.exception = Some(name.to_owned());
        let message = if colon { &text[name.len() + 1..] } else { &text[name.len()..] };
        trace.message =
            Some(message.strip_prefix(' ').unwrap_or(message).to_owned()).filter(|m| !m.is_empty());
    } else if !text.is_empty() {
        trace.message = Some(text.to_owned());
    }
}

/// The first member of an exception group as a cause (it is where the work went wrong), and all lines of the group.
fn group_members(lines: &[&str], depth: usize) -> (Vec<Trace>, usize) {
    let inside = |line: &&&str| line.starts_with(' ') || line.trim_start().starts_with(['|', '+']);
    let consumed = lines.iter().take_while(inside).count().max(1);
    let body = &lines[1..consumed];
    let end = body.iter().position(|line| is_group_rule(line)).unwrap_or(body.len());
    let member = &body[..end];
    let start = member.iter().position(|line| !line.trim_matches(['|', ' ']).is_empty());
    let Some(start) = start.filter(|_| depth < NESTING) else {
        return (Vec::new(), consumed);
    };
    let (trace, _) = single(&member[start..], depth + 1);
    (vec![trace], consumed)
}

/// `File "path", line 12, in function`; the function is missing where a syntax error is reported.
fn frame(text: &str) -> Option<Frame> {
    let rest = text.strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let line = rest[..digits].parse().ok()?;
    let function = match rest[digits..].trim_end() {
        "" => None,
        tail => Some(tail.strip_prefix(", in ")?.to_owned()),
    };
    Some(Frame {
        module: None,
        in_app: in_app::python(file),
        file: Some(file.to_owned()),
        line: Some(line),
        function,
        source: None,
    })
}

fn is_type_name(name: &str) -> bool {
    let part = |part: &str| {
        part == "<locals>"
            || (part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    !name.is_empty() && name.split('.').all(part)
}

fn is_repetition(text: &str) -> bool {
    text.starts_with("[Previous line repeated ") && text.ends_with(']')
}

fn is_marker(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'^' | b'~' | b' '))
}

/// `+-+---------------- 1 ----------------` and its like.
fn is_group_rule(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("+-+--") || line.starts_with("+----")
}

/// What stands before the traceback on its opening line: blanks, and the bars of an exception group.
fn margin_of(line: &str) -> &str {
    &line[..line.len() - trim_margin(line).len()]
}

/// The line without the margin; bars and plus signs count as blanks, since a group's opening has `+` where its body has `|`.
fn strip_margin<'a>(line: &'a str, margin: &str) -> &'a str {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'|' | b'+');
    let length = line.bytes().take(margin.len()).take_while(blank).count();
    &line[length..]
}

fn trim_margin(line: &str) -> &str {
    line.trim_end().trim_start_matches([' ', '\t', '|', '+'])
}
