//! What the lines of a stack trace say about the calls that led to the crash.
//!
//! A trace shows the source line of every frame, also of those outside of the repository: `total(Order("x", 2))` in a
//! script is a call of `total` with an input that really happened. Only lines are picked out here; they are read as
//! data by the script that searches a reproduction, and never run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use groundcrew_core::trace::Trace;
use serde_json::{Value, json};

use crate::checkout::Snapshot;
use crate::locate::{is_python, is_test, module_of};
use crate::syntax::Source;

/// Longest line of a stack trace that is read, in bytes.
const LONGEST: usize = 4000;
/// Frames that are looked at.
const FRAMES: usize = 64;
/// Files in which the definition of a class is looked for.
const CLASS_FILES: usize = 300;

/// The lines of a stack trace with the function that each calls, the innermost last.
pub(crate) fn printed_calls(trace: &Trace) -> Vec<Value> {
    let pairs = trace.frames.iter().zip(trace.frames.iter().skip(1)).take(FRAMES);
    let told = pairs.filter_map(|(inner, outer)| {
        let function = inner.function.as_deref()?.rsplit('.').next()?;
        let source = outer.source.as_deref().filter(|source| source.len() <= LONGEST)?;
        Some(json!({ "function": function, "source": source }))
    });
    let mut told: Vec<Value> = told.collect();
    told.reverse();
    told
}

/// Where classes are defined that the lines of a stack trace make objects of, by name; files near the crash first.
pub(crate) fn classes_named(
    trace: &Trace,
    crash: &str,
    snapshot: &Snapshot,
) -> BTreeMap<String, Vec<String>> {
    let lines = trace.frames.iter().take(FRAMES).filter_map(|frame| frame.source.as_deref());
    let names = lines.filter(|line| line.len() <= LONGEST).flat_map(classes_made);
    let mut found: BTreeMap<String, Vec<String>> = names.map(|name| (name, Vec::new())).collect();
    if found.is_empty() {
        return found;
    }
    let near = |file: &str| file.split('/').zip(crash.split('/')).take_while(|(a, b)| a == b).count();
    let mut files: Vec<&String> =
        snapshot.files.iter().filter(|file| is_python(file) && !is_test(file)).collect();
    files.sort_by_key(|file| (Reverse(near(file)), file.matches('/').count()));
    for file in files.into_iter().take(CLASS_FILES) {
        let Some(text) = snapshot.text(file) else { continue };
        for (name, places) in &mut found {
            let head = format!("class {name}");
            let defines = text
                .lines()
                .any(|line| line.strip_prefix(&head).is_some_and(|rest| rest.starts_with(['(', ':'])));
            if defines && places.len() < 3 {
                places.push(format!("{}:{name}", module_of(file, &snapshot.files).name));
            }
        }
    }
    found
}

/// Names of classes, by their capital letter, that a line of a program calls.
fn classes_made(line: &str) -> Vec<String> {
    let Some(source) = Source::parse(line) else { return Vec::new() };
    let calls = source.walk(source.root()).into_iter().filter(|node| node.kind() == "call");
    let names = calls.filter_map(|call| {
        let name = source.of(call.child_by_field_name("function")?).rsplit('.').next()?;
        name.starts_with(|letter: char| letter.is_ascii_uppercase()).then(|| name.to_owned())
    });
    names.take(8).collect()
}

/// What an exception said: the interpreter prints suggestions behind it that are not part of its text.
pub(crate) fn said(message: &str) -> &str {
    let hint =
        [". Did you mean: '", ". Did you forget to import '"].iter().find_map(|hint| message.rfind(hint));
    hint.filter(|_| message.ends_with("'?")).map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::Frame;

    use super::*;

    #[test]
    fn each_line_is_told_with_the_function_it_calls_the_innermost_last() {
        let frame = |function: &str, source: Option<&str>| Frame {
            module: None,
            file: None,
            line: None,
            function: Some(function.into()),
            source: source.map(Into::into),
            in_app: true,
        };
        let frames = vec![
            frame("Shop.price", Some("raise KeyError(sku)")),
            frame("total", Some("return self.price('A')")),
            frame("<lambda>", None),
            frame("<module>", Some("total(1)")),
        ];
        let trace = Trace { frames, ..Trace::default() };
        assert_eq!(
            printed_calls(&trace),
            [
                json!({ "function": "<lambda>", "source": "total(1)" }),
                json!({ "function": "price", "source": "return self.price('A')" })
            ]
        );
    }

    #[test]
    fn objects_that_a_line_makes_are_named() {
        assert_eq!(classes_made("print(f(Order(1), kinds.Box('x'), int('3')))"), ["Order", "Box"]);
    }

    #[test]
    fn the_interpreters_suggestion_is_no_part_of_the_exception() {
        assert_eq!(
            said("'str' object has no attribute 'a'. Did you mean: 'b'?"),
            "'str' object has no attribute 'a'"
        );
        assert_eq!(said("what. Did you mean: it"), "what. Did you mean: it");
    }
}
