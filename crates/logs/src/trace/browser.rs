//! Stacks as Firefox and Safari give them, `function@place`, with the error before them or without.
//!
//! What Chrome gives is Node's form and read there; so are those of Edge and of React Native.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, head, in_app};

/// JavaScript in browsers other than Chrome.
#[derive(Debug)]
pub(super) struct Browser;

/// Beginnings of places that are no paths.
const SCHEMES: [&str; 13] = [
    "http://",
    "https://",
    "file://",
    "webpack:",
    "webpack-internal:",
    "blob:",
    "app:",
    "capacitor:",
    "moz-extension:",
    "safari-extension:",
    "safari-web-extension:",
    "resource:",
    "chrome:",
];
/// The same behind a function.
const MARKS: [&str; 15] = [
    "bundle:",
    "@http://",
    "@https://",
    "@file://",
    "@webpack:",
    "@webpack-internal:",
    "@blob:",
    "@app:",
    "@capacitor:",
    "@moz-extension:",
    "@safari-extension:",
    "@safari-web-extension:",
    "@resource:",
    "@chrome:",
    "@/",
];
const NATIVE: &str = "[native code]";

impl Language for Browser {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let found = frame(line).is_some_and(|frame| frame.line.is_some());
        found.then(|| Beginning { place: Place::Before, own: false, follow: Box::new(Lines) })
    }

    fn marks(&self) -> &'static [&'static str] {
        &MARKS
    }

    fn starts(&self) -> &'static [&'static str] {
        &SCHEMES
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let placed = |line: &&str| frame(line).is_some_and(|frame| frame.line.is_some());
        let first = lines.iter().position(placed)?;
        let first = lines[..first].iter().rposition(|line| frame(line).is_none()).map_or(0, |at| at + 1);
        let top = head::before(&lines, first).map(|(trace, _)| trace).unwrap_or_default();
        let frames = lines[first..].iter().map_while(|line| frame(line)).collect();
        Some(Trace { frames, ..top })
    }

    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        !trace.frames.is_empty()
    }

    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(function)
    }
}

/// `add@https://shop.example/cart.js:12:3`, `@…` and `…` without a function, `map@[native code]`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim();
    let (function, place) = match place_start(text) {
        Some(0) => (None, text),
        Some(at) => (Some(text[..at].strip_suffix('@')?), &text[at..]),
        None => (Some(text.strip_suffix(NATIVE)?.strip_suffix('@')?), NATIVE),
    };
    if place == NATIVE {
        return Some(Frame { function: function.map(str::to_owned), ..Frame::default() });
    }
    let (file, line) = file_and_line(place)?;
    // Where code was evaluated is printed behind the file: `cart.js line 12 > eval`.
    let (file, line) = match file.split_once(" line ").filter(|(_, rest)| rest.contains(" > ")) {
        Some((file, rest)) => (file, super::number(rest.split(' ').next()?)?),
        None => (file, line),
    };
    if file.contains([' ', ')', '(']) || file.is_empty() {
        return None;
    }
    Some(Frame {
        in_app: in_app::javascript(file),
        file: Some(file.to_owned()),
        line: Some(line),
        function: function.filter(|name| !name.is_empty()).map(str::to_owned),
        module: None,
        source: None,
    })
}

/// Where the place begins.
fn place_start(text: &str) -> Option<usize> {
    if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        return Some(0);
    }
    let mut marks = text.match_indices('@').map(|(at, _)| at + 1);
    let schemed = marks.find(|at| {
        let place = &text[*at..];
        place.starts_with('/') || SCHEMES.iter().any(|scheme| place.starts_with(scheme))
    });
    schemed.or_else(|| text.rfind('@').map(|at| at + 1).filter(|at| is_bundle(&text[*at..])))
}

#[derive(Debug)]
struct Lines;

impl Follow for Lines {
    fn next(&mut self, line: &str) -> Next {
        if frame(line).is_some() { Next::Part } else { Next::End }
    }
}

/// React Native names its bundle without a folder: `index.android.bundle:1503:22`.
fn is_bundle(place: &str) -> bool {
    file_and_line(place).is_some_and(|(file, _)| file.ends_with("bundle") && !file.contains([' ', ':']))
}
