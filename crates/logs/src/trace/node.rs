//! Stack traces of JavaScript, as Node prints them.
//!
//! An uncaught error is shown with its source line first. Errors that others caused, and the members of an
//! `AggregateError`, are printed below the frames as properties, indented and in brackets.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, head, in_app, indentation, number};

/// JavaScript and TypeScript.
#[derive(Debug)]
pub(super) struct Node;

const ENDINGS: [&str; 8] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"];
/// Lines of source that Node shows at most.
const SNIPPET_LINES: usize = 6;
const VERSION: &str = "Node.js v";

impl Language for Node {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let beginning =
            |place, state| Some(Beginning { place, own: place != Place::Before, follow: Box::new(state) });
        if line.starts_with(|c: char| c != ' ' && c != '\t') && shown_place(line).is_some() {
            return beginning(Place::Here(0), Lines::Snippet(0));
        }
        let text = line.trim_start();
        let found = text.starts_with("at ") && frame(text).is_some_and(|frame| frame.line.is_some());
        if found { beginning(Place::Before, Lines::Frames { depth: 0 }) } else { None }
    }

    fn marks(&self) -> &'static [&'static str] {
        &[".js:", ".mjs:", ".cjs:", ".jsx:", ".ts:", ".mts:", ".cts:", ".tsx:", ".json:"]
    }

    fn starts(&self) -> &'static [&'static str] {
        &["at ", "node:"]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let snippet = snippet(&lines);
        let placed = |line: &&str| frame(line).is_some_and(|frame| frame.line.is_some());
        let Some(first) = lines.iter().position(placed) else {
            return without_frames(&lines, snippet.as_ref()?);
        };
        // Functions without a place may stand before the first that has one.
        let first = lines[..first].iter().rposition(|line| frame(line).is_none()).map_or(0, |at| at + 1);
        let (mut top, at) = head::before(&lines, first)?;
        // What `console.trace` prints is no error.
        if top.exception.is_none() && lines[at].trim_start().split(':').next() == Some("Trace") {
            return None;
        }
        let mut chain = sections(std::mem::take(&mut top), &lines[first..]);
        let mut top = chain.remove(0);
        top.causes = chain;
        if let Some(snippet) = snippet {
            snippet.tell(&mut top);
        }
        Some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &ENDINGS
    }

    /// The engine's own errors begin with what is wrong in the code, and those of a package differ from those of the
    /// function that calls it in nothing else.
    fn is_thrown(&self, trace: &Trace) -> bool {
        !trace.frames.is_empty()
    }

    /// How a function was called (`new`, `[as name]`, its object) says less than what it is; bundlers number names.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        let name = function.split_once(" [as ").map_or(function, |(name, _)| name);
        let name = name.strip_prefix("new ").unwrap_or(name);
        let nameless = matches!(name, "<anonymous>" | "Object.<anonymous>" | "eval" | "anonymous");
        Cow::Borrowed(if nameless { "" } else { name })
    }

    fn lasting_file<'a>(&self, path: &'a str) -> Cow<'a, str> {
        Cow::Owned(without_hash(path))
    }
}

/// A path without the parts that a bundler makes from a file's content: `main.3f2a1b9c.js` and `file.js?5d41`.
fn without_hash(path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let is_hash = |part: &str| {
        part.len() >= 8
            && part.bytes().all(|b| b.is_ascii_hexdigit())
            && part.bytes().any(|b| b.is_ascii_digit())
    };
    let parts = path.split_inclusive(['.', '-', '/']).map(|part| {
        let bare = part.trim_end_matches(['.', '-', '/']);
        if is_hash(bare) { part.replacen(bare, "<hash>", 1) } else { part.to_owned() }
    });
    parts.collect()
}

/// The place and the source line that an uncaught error is shown with.
struct Snippet<'a> {
    file: &'a str,
    line: u32,
    source: &'a str,
    /// Number of the line that marks the place.
    mark: usize,
}

impl Snippet<'_> {
    /// Adds to the trace what only the snippet says: the source text, and where a file could not even be read.
    fn tell(&self, trace: &mut Trace) {
        let source = self.source.trim().to_owned();
        if trace.exception.as_deref() == Some("SyntaxError") {
            trace
                .frames
                .insert(0, Frame { source: Some(source), ..at_place(None, self.file, Some(self.line)) });
            return;
        }
        let same =
            |frame: &&mut Frame| frame.file.as_deref() == Some(self.file) && frame.line == Some(self.line);
        if let Some(frame) = trace.frames.iter_mut().find(same) {
            frame.source = Some(source);
        }
    }
}

fn snippet<'a>(lines: &[&'a str]) -> Option<Snippet<'a>> {
    let start = lines.iter().position(|line| shown_place(line).is_some())?;
    let (file, line) = shown_place(lines[start])?;
    let mark = (start + 1..lines.len().min(start + 1 + SNIPPET_LINES)).find(|at| is_mark(lines[*at]))?;
    Some(Snippet { file, line, source: lines.get(start + 1)?, mark })
}

/// What was thrown without a stack: the text behind the snippet.
fn without_frames(lines: &[&str], snippet: &Snippet<'_>) -> Option<Trace> {
    let text = lines[snippet.mark + 1..].iter().find(|line| !line.trim().is_empty())?;
    let mut trace = head::of(text.strip_prefix("Uncaught ").unwrap_or(text));
    trace.frames = vec![at_place(None, snippet.file, Some(snippet.line))];
    snippet.tell(&mut trace);
    trace.frames.truncate(1);
    Some(trace)
}

/// `/srv/app.js:12` alone on a line.
fn shown_place(line: &str) -> Option<(&str, u32)> {
    if !line.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (file, digits) = line.rsplit_once(':')?;
    let path = file.starts_with("node:") || is_source(file) || file.ends_with(".json");
    (path && !file.contains(' ')).then_some(())?;
    Some((file, number(digits)?))
}

fn is_source(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

fn is_mark(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && text.bytes().all(|b| b == b'^')
}

/// The exception and what caused it, from the first frame on.
fn sections(top: Trace, lines: &[&str]) -> Vec<Trace> {
    let mut chain = vec![top];
    // Frames of an error that is a mere property, or a further member of an aggregate, are passed over: the first member
    // is where the work went wrong.
    let mut passing = false;
    let mut members: Option<usize> = None;
    let mut in_message = false;
    for line in lines {
        let text = line.trim();
        if let Some(found) = frame(line) {
            if let Some(last) = chain.last_mut().filter(|_| !passing) {
                last.frames.push(found);
            }
            in_message = false;
            // What follows are properties.
            passing |= text.ends_with('{');
        } else if let Some(cause) = text.strip_prefix("[cause]: ") {
            // A cause may be no error at all: `[cause]: { code: 7 }`, `[cause]: undefined`.
            passing = !head::is_head(cause) || members.is_some_and(|from| chain.len() > from);
            if !passing {
                chain.push(head::of(cause.trim_end_matches(" {")));
                in_message = !cause.ends_with('{');
            }
        } else if text == "[errors]: [" {
            members = Some(chain.len());
        } else if let Some(from) = members.filter(|_| head::is_head(text)) {
            passing = chain.len() > from;
            if !passing {
                chain.push(head::of(text));
                in_message = true;
            }
        } else if text.starts_with(VERSION) {
            break;
        } else if let Some(last) = chain.last_mut().filter(|_| in_message && !passing) {
            let message = last.message.get_or_insert_default();
            message.push('\n');
            message.push_str(text);
        } else {
            passing = true;
        }
    }
    chain
}

/// `at async name [as other] (place)` or `at place`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    let text = text.trim_end_matches([',', '{', ' ']);
    let text = text.strip_prefix("async ").unwrap_or(text);
    let opening = text.find(" (eval at ").or_else(|| text.rfind(" ("));
    if let Some((function, inner)) =
        opening.and_then(|at| Some((&text[..at], text[at + 2..].strip_suffix(')')?)))
    {
        let (file, line) = place(inner)?;
        return Some(at_place(Some(function), file, line));
    }
    // React Native prints no blank before the bracket.
    if let Some((function, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('('))
        && inner.contains('/')
        && let Some((file, line)) = place(inner)
    {
        return Some(at_place(Some(function), file, line));
    }
    if let Some((file, line)) = place(text) {
        return Some(at_place(None, file, line));
    }
    let named = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_$.<>".contains(&b));
    named.then(|| Frame { function: Some(text.to_owned()), ..Frame::default() })
}

/// File and line of a place; code without a file has a word in their stead.
fn place(text: &str) -> Option<(&str, Option<u32>)> {
    if let Some(inner) = text.strip_prefix("eval at ") {
        // Where the code was evaluated, which is the nearest place in a file.
        return place(inner.split_once(" (")?.1.split(')').next()?);
    }
    if matches!(text, "native" | "<anonymous>" | "unknown location") || text.starts_with("index ") {
        return Some((text, None));
    }
    let (file, line) = file_and_line(text)?;
    let path =
        file.contains(['/', '\\']) || file.starts_with("node:") || file == "<anonymous>" || is_source(file);
    if file.starts_with("webpack") && !file.contains(' ') {
        return Some((file, Some(line)));
    }
    let foreign = file.contains(" (") || file.contains(['[', ')']) || file.ends_with(".rs");
    (path && !foreign).then_some((file, Some(line)))
}

fn at_place(function: Option<&str>, file: &str, line: Option<u32>) -> Frame {
    let in_file = !file.starts_with("index ") && !matches!(file, "unknown location" | "native");
    Frame {
        module: None,
        in_app: in_app::javascript(file),
        file: in_file.then(|| file.to_owned()),
        line,
        function: function.map(str::to_owned),
        source: None,
    }
}

#[derive(Debug)]
enum Lines {
    /// Behind the shown place and so many lines.
    Snippet(usize),
    /// Behind the mark below the shown source.
    Marked,
    /// Before the frames, behind so many lines of message.
    Message(usize),
    /// Inside the frames; the depth counts the brackets of properties that are open.
    Frames { depth: usize },
    /// Behind the frames and a blank line.
    Behind,
}

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        let blank = line.trim().is_empty();
        if line.starts_with(VERSION) || line.starts_with("(Use `node --trace-uncaught") {
            *self = Self::Behind;
            return Next::Part;
        }
        match self {
            Self::Snippet(_) if is_mark(line) => {
                *self = Self::Marked;
                Next::Part
            }
            Self::Snippet(lines) if *lines < SNIPPET_LINES && !blank => {
                *lines += 1;
                Next::Perhaps
            }
            Self::Snippet(_) => Next::End,
            Self::Marked if blank => Next::Perhaps,
            Self::Marked => {
                *self = Self::Message(0);
                Next::Part
            }
            Self::Message(_) if frame(line).is_some() => {
                *self = Self::Frames { depth: usize::from(line.ends_with('{')) };
                Next::Part
            }
            Self::Message(lines) if *lines < head::MESSAGE_LINES && !head::is_head(line) => {
                *lines += 1;
                if line.starts_with(' ') && !blank { Next::Part } else { Next::Perhaps }
            }
            Self::Message(_) => Next::End,
            Self::Frames { .. } if blank => {
                *self = Self::Behind;
                Next::Perhaps
            }
            Self::Frames { depth } => in_frames(depth, line),
            Self::Behind if blank => Next::Perhaps,
            Self::Behind => Next::End,
        }
    }
}

/// Frames and properties are indented; the bracket that closes the properties is not.
fn in_frames(depth: &mut usize, line: &str) -> Next {
    if indentation(line) > 0 || frame(line).is_some() {
        return Next::Part;
    }
    let closes = matches!(line.trim_end(), "}" | "]" | "},");
    *depth = depth.saturating_sub(1);
    if closes { Next::Part } else { Next::End }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_at(function: &str, file: &str, line: u32, in_app: bool) -> Frame {
        let function = (!function.is_empty()).then(|| function.to_owned());
        Frame { module: None, file: Some(file.to_owned()), line: Some(line), function, source: None, in_app }
    }

    #[test]
    fn an_uncaught_error_is_read_with_its_source_line() {
        let text = "/srv/shop/cart.js:8\n  return users.get(uid).name;\n                       ^\n\nTypeError: Cannot read properties of undefined (reading 'name')\n    at Cart.add (/srv/shop/cart.js:8:24)\n    at new Order (file:///srv/shop/order.mjs:3:1)\n    at async Promise.all (index 0)\n    at Array.map (<anonymous>)\n    at /srv/shop/node_modules/express/lib/router.js:62:30\n    at async run [as go] (C:\\shop\\run.ts:9:1)\n    at eval (eval at load (/srv/shop/plug.js:3:5), <anonymous>:1:7)\n    at node:internal/main/run_main_module:28:49\n\nNode.js v20.20.2\n";
        let trace = Node.parse(text).unwrap();
        let no_file = |function: &str| Frame { function: Some(function.to_owned()), ..Frame::default() };
        let expected = vec![
            Frame {
                source: Some("return users.get(uid).name;".to_owned()),
                ..place_at("Cart.add", "/srv/shop/cart.js", 8, true)
            },
            place_at("new Order", "file:///srv/shop/order.mjs", 3, true),
            no_file("Promise.all"),
            Frame { file: Some("<anonymous>".to_owned()), ..no_file("Array.map") },
            place_at("", "/srv/shop/node_modules/express/lib/router.js", 62, false),
            place_at("run [as go]", "C:\\shop\\run.ts", 9, true),
            place_at("eval", "/srv/shop/plug.js", 3, true),
            place_at("", "node:internal/main/run_main_module", 28, false),
        ];
        assert_eq!(trace.frames, expected);
        assert_eq!(
            (trace.exception.as_deref(), trace.message.as_deref()),
            (Some("TypeError"), Some("Cannot read properties of undefined (reading 'name')"))
        );
    }

    #[test]
    fn causes_and_the_first_member_of_an_aggregate_are_causes() {
        let caused = "Error: cannot pay\n    at pay (/srv/shop/pay.js:5:9) {\n  code: 'E_PAY',\n  [cause]: TypeError [ERR_BAD]: no card\n      at card (/srv/shop/card.js:2:1)\n      at node:internal/x:1:1 {\n    [cause]: RangeError: deep\n        at deep (/srv/shop/deep.js:1:1)\n  }\n}\n";
        let many = "AggregateError: All promises were rejected\n    at f (/srv/shop/a.js:1:1) {\n  [errors]: [\n    Error: one\n        at one (/srv/shop/one.js:1:1),\n    Error: two\n        at two (/srv/shop/two.js:1:1)\n  ]\n}\n";
        let told = |trace: &Trace| {
            (trace.exception.clone().unwrap(), trace.message.clone().unwrap(), trace.frames.len())
        };
        let seen = |text: &str| {
            let trace = Node.parse(text).unwrap();
            std::iter::once(&trace).chain(&trace.causes).map(told).collect::<Vec<_>>()
        };
        let entry =
            |exception: &str, message: &str, frames| (exception.to_owned(), message.to_owned(), frames);
        assert_eq!(
            seen(caused),
            vec![
                entry("Error", "cannot pay", 1),
                entry("TypeError", "no card", 2),
                entry("RangeError", "deep", 1)
            ]
        );
        assert_eq!(
            seen(many),
            vec![entry("AggregateError", "All promises were rejected", 1), entry("Error", "one", 1)]
        );
    }

    #[test]
    fn what_has_no_frames_of_its_own_is_placed_by_its_snippet() {
        let syntax = "/srv/shop/cart.js:3\n  foo(;\n      ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/modules/cjs/loader:1378:20)\n";
        let frames = Node.parse(syntax).unwrap().frames;
        let source = |text: &str| Some(text.to_owned());
        assert_eq!(
            frames[0],
            Frame { source: source("foo(;"), ..place_at("", "/srv/shop/cart.js", 3, true) }
        );
        assert_eq!(frames.len(), 2);
        let thrown = "/srv/shop/cart.js:3\nthrow 'no card';\n^\n'no card'\n(Use `node --trace-uncaught ...` to show where the exception was thrown)\n\nNode.js v20.1.0\n";
        let expected = Trace {
            location: None,
            exception: None,
            message: Some("'no card'".to_owned()),
            frames: vec![Frame {
                source: source("throw 'no card';"),
                ..place_at("", "/srv/shop/cart.js", 3, true)
            }],
            causes: Vec::new(),
        };
        assert_eq!(Node.parse(thrown), Some(expected));
    }

    #[test]
    fn what_bundlers_make_from_content_is_left_out_of_names() {
        for (path, expected) in [
            ("static/main.3f2a1b9c.js", "static/main.<hash>.js"),
            ("static/chunk-0a1b2c3d4e.mjs", "static/chunk-<hash>.mjs"),
            ("shop/cart.js?5d41", "shop/cart.js"),
            ("shop/facade.js", "shop/facade.js"),
        ] {
            assert_eq!(Node.lasting_file(path), expected, "{path}");
        }
        for (function, expected) in [
            ("new Cart", "Cart"),
            ("run [as go]", "run"),
            ("Object.<anonymous>", ""),
            ("Cart.add", "Cart.add"),
        ] {
            assert_eq!(Node.lasting_name(function), expected, "{function}");
        }
    }

    #[test]
    fn a_printed_stack_that_is_no_error_is_none() {
        assert_eq!(Node.parse("Trace: here\n    at f (/srv/shop/a.js:1:1)"), None);
        for line in [
            "    at 10:30",
            "   at Shop.App.Find (System.String x) [0x1] in /srv/App.cs:17",
            "   at ./main.rs:61:21",
            "   at System.Wait(Task task)",
        ] {
            assert_eq!(frame(line), None, "{line}");
        }
    }
}
