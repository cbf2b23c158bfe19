//! Errors of Ruby programs: as the interpreter prints them, as loggers do, and as Rails does.
//!
//! The interpreter names the place before the message and the type behind it; loggers print `Type: message` or
//! `Type (message):` and bare places below. Hints that the interpreter adds to a message (the line of source with a mark
//! below it, a suggestion) are no part of what was said.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, head, in_app, number, some};

/// Ruby.
#[derive(Debug)]
pub(super) struct Ruby;

const HINT: &str = "Did you mean?";
/// What the interpreter prints before an error of a thread.
const THREAD: &str = "terminated with exception (report_on_exception is true):";
/// Rails prints the causes of an error below this.
const CAUSES: &str = "Causes:";

impl Language for Ruby {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let beginning = |place, own, state| Some(Beginning { place, own, follow: Box::new(state) });
        if line.ends_with(THREAD) {
            return beginning(Place::Here(0), true, Lines::Message(0));
        }
        if headed(line).is_some() {
            return beginning(Place::Here(0), true, Lines::Message(0));
        }
        if is_rails_head(line) {
            return beginning(Place::Here(0), false, Lines::Excerpt(0));
        }
        let found = frame(line).is_some_and(|frame| frame.function.is_some());
        if found { beginning(Place::Before, false, Lines::Frames) } else { None }
    }

    fn marks(&self) -> &'static [&'static str] {
        &[":in `", ":in '", THREAD]
    }

    fn ends(&self) -> &'static [&'static str] {
        &["):"]
    }

    fn starts(&self) -> &'static [&'static str] {
        &["from "]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.iter().position(|line| {
            headed(line).is_some() || is_rails_head(line) || frame(line).is_some_and(|f| f.function.is_some())
        })?;
        let mut chain =
            if lines.iter().take(start).any(|line| is_reversed(line)) || is_reversed(lines[start]) {
                vec![reversed(&lines[start..])?]
            } else if headed(lines[start]).is_some() {
                printed(&lines[start..])
            } else if is_rails_head(lines[start]) {
                logged_by_rails(&lines[start..])
            } else {
                let (mut top, _) = head::before(&lines, start)?;
                if top.exception.is_none() {
                    top = typed_behind(top);
                }
                vec![Trace { frames: frames(&lines[start..]), ..top }]
            }
            .into_iter();
        let mut top = chain.next()?;
        top.causes = chain.collect();
        Some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["rb", "erb", "rake", "haml", "slim", "ru", "builder", "jbuilder"]
    }

    /// A frame says nothing of the `raise`, and methods of the library carry the place of their caller.
    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_MACHINE: [&str; 8] = [
            "NoMethodError",
            "NameError",
            "ZeroDivisionError",
            "TypeError",
            "KeyError",
            "SystemStackError",
            "FrozenError",
            "IndexError",
        ];
        let name = trace.exception.as_deref().unwrap_or_default();
        trace.frames.first().is_some_and(|frame| frame.in_app) && !BY_THE_MACHINE.contains(&name)
    }

    /// Since 3.4 the class stands before the method; what a block or a rescue lies in is what lasts. Templates are
    /// compiled into methods with numbers: `_app_views_carts_show_html_erb__123_456`.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let mut name = function;
        for _ in 0..8 {
            let inner = name.split_once(" in ").filter(|(kind, _)| is_kind_of_block(kind));
            let Some((_, rest)) = inner else { break };
            name = rest;
        }
        let name = name.rsplit_once(['#']).map_or(name, |(_, method)| method);
        let name = match name.rsplit_once('.') {
            Some((class, method)) if class.starts_with(|c: char| c.is_ascii_uppercase()) => method,
            Some(_) | None => name,
        };
        match name.find("__").filter(|at| name.starts_with('_') && *at > 0) {
            Some(at) if name[at..].bytes().all(|b| b == b'_' || b.is_ascii_digit()) => {
                Cow::Borrowed(&name[..at])
            }
            Some(_) | None => Cow::Borrowed(name),
        }
    }
}

fn is_kind_of_block(kind: &str) -> bool {
    let kind = kind.split(" (").next().unwrap_or(kind);
    matches!(kind, "block" | "rescue" | "ensure" | "block (2 levels)")
}

/// `shop.rb:12:in 'Cart#add': no such item (KeyError)`: the frame, what was said and the type.
fn headed(line: &str) -> Option<(Frame, &str, Option<&str>)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (place, said) = match line.split_once(":in ") {
        Some((_, rest)) if rest.starts_with(['`', '\'']) => {
            let function = rest.find("': ")?;
            let end = line.len() - rest.len() + function + 1;
            (&line[..end], &line[end + 2..])
        }
        // A file that could not even be read has no function: `shop.rb:3: syntax error, unexpected end (SyntaxError)`.
        Some(_) | None => {
            let end = line.find(": ").filter(|_| line.ends_with("Error)") || line.ends_with("Exception)"))?;
            let place = &line[..end];
            (place.contains(".rb:") || place.starts_with("-e:")).then_some((place, &line[end + 2..]))?
        }
    };
    let frame = frame(place)?;
    match type_behind(said) {
        Some((said, name)) => Some((frame, said, Some(name))),
        None => Some((frame, said, None)),
    }
}

/// `no such item (Shop::Missing)`.
fn type_behind(said: &str) -> Option<(&str, &str)> {
    let inner = said.trim_end().strip_suffix(')')?;
    let at = inner.rfind(" (").or_else(|| inner.starts_with('(').then_some(0))?;
    let name = inner[at..].trim_start_matches([' ', '(']);
    is_type(name).then_some((&said[..at], name))
}

fn is_type(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    name.starts_with("#<Class:") || (!name.is_empty() && name.split("::").all(part))
}

/// What the interpreter and `full_message` print: one error after the other, each with its frames.
fn printed(lines: &[&str]) -> Vec<Trace> {
    let mut chain: Vec<Trace> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for line in lines {
        if let Some((place, message, name)) = headed(line) {
            settle(&mut chain, &mut said);
            said.push(message);
            chain.push(Trace { exception: name.map(str::to_owned), frames: vec![place], ..Trace::default() });
        } else if let Some(found) = frame(line).filter(|_| line.starts_with([' ', '\t'])) {
            settle(&mut chain, &mut said);
            if let Some(last) = chain.last_mut() {
                last.frames.push(found);
            }
        } else if !said.is_empty() {
            said.push(line);
        }
    }
    settle(&mut chain, &mut said);
    chain
}

/// Gives the last error what it said. With several lines the type may stand behind the last one.
fn settle(chain: &mut [Trace], said: &mut Vec<&str>) {
    if let Some(last) = chain.last_mut().filter(|_| !said.is_empty()) {
        last.message = message(said);
        if last.exception.is_none() {
            let whole = std::mem::take(last);
            *last = typed_behind(whole);
        }
    }
    said.clear();
}

/// Takes the type from the end of the first or the last line of the message.
fn typed_behind(mut trace: Trace) -> Trace {
    let Some(text) = trace.message.take() else { return trace };
    match type_behind(&text) {
        Some((said, name)) => Trace { exception: some(name), message: some(said.trim_end()), ..trace },
        None => {
            trace.message = Some(text);
            trace
        }
    }
}

/// The lines of a message without what the interpreter adds.
fn message(said: &[&str]) -> Option<String> {
    let is_mark =
        |line: &&str| !line.trim().is_empty() && line.trim().bytes().all(|b| matches!(b, b'^' | b'~'));
    let marked = said.iter().position(is_mark).filter(|at| *at >= 2);
    let end = marked.map_or(said.len(), |at| at - 1);
    let kept = said[..end].iter().take_while(|line| !line.trim_start().starts_with(HINT));
    some(kept.copied().collect::<Vec<_>>().join("\n").trim_end())
}

fn frames(lines: &[&str]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for line in lines {
        match frame(line) {
            Some(frame) => frames.push(frame),
            None if line.trim().is_empty() || is_omission(line) => {}
            None => break,
        }
    }
    frames
}

/// `2: from shop.rb:9:in 'main'`: the form in which the error comes last.
fn is_reversed(line: &str) -> bool {
    let text = line.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && text.len() < line.len() && text[digits..].starts_with(": from ")
}

fn reversed(lines: &[&str]) -> Option<Trace> {
    let end = lines.iter().position(|line| headed(line).is_some())?;
    let mut trace = printed(&lines[end..]).into_iter().next()?;
    trace.frames.extend(lines[..end].iter().rev().filter_map(|line| frame(line)));
    Some(trace)
}

/// `ActionView::Template::Error (undefined method 'x' for nil):` alone on a line.
fn is_rails_head(line: &str) -> bool {
    rails_head(line).is_some_and(|(name, _)| name.contains("::") || head::is_exception(name))
}

fn rails_head(line: &str) -> Option<(&str, &str)> {
    rails_error(line.trim().strip_suffix("):")?)
}

/// `Type (message`.
fn rails_error(text: &str) -> Option<(&str, &str)> {
    let (name, message) = text.split_once(" (")?;
    is_type(name).then_some((name, message))
}

/// Rails: the error, perhaps an excerpt of the template, and places below a blank line.
fn logged_by_rails(lines: &[&str]) -> Vec<Trace> {
    let mut chain: Vec<Trace> = Vec::new();
    let mut in_causes = false;
    for line in lines {
        let of_cause = || rails_error(line.trim().trim_end_matches(':').strip_suffix(')')?);
        let of_cause = if in_causes { of_cause() } else { None };
        if let Some((name, message)) = rails_head(line).filter(|_| chain.is_empty()).or(of_cause) {
            let (exception, message) = (some(name), some(message));
            chain.push(Trace { exception, message, ..Trace::default() });
        } else if line.trim() == CAUSES {
            in_causes = true;
        } else if let Some(found) = frame(line)
            && let Some(last) = chain.last_mut()
        {
            last.frames.push(found);
        }
    }
    chain
}

/// `... 12 levels...`.
fn is_omission(line: &str) -> bool {
    let text = line.trim_start();
    text.starts_with("... ") && text.ends_with("levels...")
}

/// `from FILE:12:in 'function'`, with or without what stands before and behind the place.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim();
    let text = match text.split_once(": from ") {
        Some((count, rest)) if number(count).is_some() => rest.trim_start(),
        Some(_) | None => text,
    };
    let (text, from) = text.strip_prefix("from ").map_or((text, false), |rest| (rest, true));
    let (place, function) = match text.split_once(":in ") {
        Some((place, quoted)) => {
            let function = quoted.strip_prefix(['`', '\''])?.strip_suffix('\'')?;
            (place, Some(function))
        }
        None => (text, None),
    };
    let (file, line) = place.rsplit_once(':')?;
    let line = number(line)?;
    // Rails names the gem before the file: `actionpack (7.0.4) lib/action_dispatch/routing.rb`.
    let (module, file) = match file.split_once(") ").filter(|(gem, _)| is_gem(gem)) {
        Some((gem, rest)) => (file.get(..gem.len() + 1), rest),
        None => (None, file),
    };
    let plausible = function.is_some() || from || file.ends_with(".rb");
    (plausible && !file.is_empty() && !file.contains(": ")).then(|| Frame {
        in_app: module.is_none() && in_app::ruby(file),
        file: Some(file.to_owned()),
        line: Some(line),
        function: function.map(str::to_owned),
        module: module.map(str::to_owned),
        source: None,
    })
}

/// `actionpack (7.0.4`.
fn is_gem(text: &str) -> bool {
    text.split_once(" (").is_some_and(|(name, version)| {
        !name.contains([' ', '/']) && version.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[derive(Debug)]
enum Lines {
    /// Before the frames, behind so many lines of message.
    Message(usize),
    /// Behind the head that Rails prints, whose excerpt and blank lines come before the places.
    Excerpt(usize),
    /// Inside the frames.
    Frames,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let blank = line.trim().is_empty();
        let framed = frame(line).is_some() || is_omission(line);
        match self {
            Self::Message(_) | Self::Excerpt(_) | Self::Frames if framed => {
                if !matches!(self, Self::Excerpt(_)) {
                    *self = Self::Frames;
                }
                Next::Part
            }
            // The message of a thread's error, and the causes behind the frames.
            Self::Message(0) | Self::Frames if headed(line).is_some() => {
                *self = Self::Message(1);
                Next::Part
            }
            Self::Message(_) if line.starts_with(HINT) => Next::Part,
            Self::Message(lines) if *lines < head::MESSAGE_LINES => {
                *lines += 1;
                if !blank && line.starts_with([' ', '\t']) { Next::Part } else { Next::Perhaps }
            }
            Self::Excerpt(lines) if *lines < head::MESSAGE_LINES => {
                *lines += 1;
                if !blank && line.starts_with([' ', '\t']) { Next::Part } else { Next::Perhaps }
            }
            Self::Frames if line.trim() == CAUSES => {
                *self = Self::Excerpt(0);
                Next::Part
            }
            Self::Frames if blank => Next::Perhaps,
            Self::Message(_) | Self::Excerpt(_) | Self::Frames => Next::End,
        }
    }
}
