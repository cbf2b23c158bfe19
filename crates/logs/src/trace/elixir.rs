//! Errors of Elixir programs, and of Erlang's machine as Elixir prints them.
//!
//! `** (Type) message` comes before the frames, innermost first, each with its application in brackets.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, head, in_app, number, some};

/// Elixir.
#[derive(Debug)]
pub(super) struct Elixir;

const MARK: &str = "** (";

impl Language for Elixir {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let at = line.find(MARK)?;
        let own = line[..at].trim().is_empty();
        let (_, _) = named(&line[at..])?;
        let place = if own { Place::Here(at) } else { Place::Here(0) };
        Some(Beginning { place, own: false, follow: Box::new(Lines { frames: false, message: 0 }) })
    }

    fn marks(&self) -> &'static [&'static str] {
        &[MARK]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let start =
            lines.iter().position(|line| line.find(MARK).is_some_and(|at| named(&line[at..]).is_some()))?;
        let (name, said) = named(&lines[start][lines[start].find(MARK)?..])?;
        let rest = &lines[start + 1..];
        let first = rest.iter().position(|line| frame(line).is_some()).unwrap_or(rest.len());
        let more = rest[..first.min(head::MESSAGE_LINES)].iter().take_while(|_| first < rest.len()).copied();
        let message: Vec<&str> = std::iter::once(said).chain(more).collect();
        let frames = rest[first..].iter().map_while(|line| frame(line)).collect();
        let message = some(message.join("\n").trim_end());
        Some(Trace { exception: some(name), message, frames, ..Trace::default() })
    }

    fn endings(&self) -> &'static [&'static str] {
        &["ex", "exs", "erl", "eex", "heex"]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_MACHINE: [&str; 6] = [
            "FunctionClauseError",
            "MatchError",
            "KeyError",
            "ArithmeticError",
            "CaseClauseError",
            "UndefinedFunctionError",
        ];
        trace.frames.first().is_some_and(|frame| frame.in_app)
            && !BY_THE_MACHINE.contains(&trace.exception.as_deref().unwrap_or_default())
    }

    /// `anonymous fn/1 in Shop.Cart.total/1` counts by the function it lies in.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(function.split_once(" in ").map_or(function, |(_, outer)| outer))
    }
}

/// `** (Shop.Missing) no such item`, also behind what says how the process ended: `** (EXIT) an exception was raised:`.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, said) = text.strip_prefix(MARK)?.split_once(')')?;
    let known = name.starts_with(|c: char| c.is_ascii_uppercase())
        || matches!(name, "exit" | "stop" | "throw")
        || name.starts_with("EXIT");
    let plain =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b' ' | b'<' | b'>'));
    (known && plain).then(|| (name, said.trim_start()))
}

/// `(shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/1`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim();
    if text.len() == line.len() {
        return None;
    }
    let (module, rest) = match text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((module, rest)) if !module.contains(['(', ':']) => (Some(module), rest),
        Some(_) | None => (None, text),
    };
    let (place, function) = match rest.split_once(": ") {
        Some((place, function)) => (Some(place), function),
        None => (None, rest),
    };
    let place = match place {
        Some(place) => {
            let (file, line) = place.rsplit_once(':')?;
            Some((file, number(line)?))
        }
        None => None,
    };
    let arity = function.contains('/') || function.contains('(');
    let known =
        place.is_some_and(|(file, _)| [".ex", ".exs", ".erl"].iter().any(|ending| file.ends_with(ending)));
    (known || (module.is_some() && place.is_none() && arity)).then(|| Frame {
        in_app: in_app::elixir(module, place.map(|(file, _)| file)),
        file: place.map(|(file, _)| file.to_owned()),
        line: place.map(|(_, line)| line),
        function: some(function),
        module: module.map(str::to_owned),
        source: None,
    })
}

#[derive(Debug)]
struct Lines {
    frames: bool,
    message: usize,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        if frame(line).is_some() {
            self.frames = true;
            return Next::Part;
        }
        if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            return Next::Part;
        }
        self.message += 1;
        if !self.frames && self.message <= head::MESSAGE_LINES { Next::Perhaps } else { Next::End }
    }
}
