//! What the tests of the families share: a situation out of one text, and the texts the proposals make of it.

use groundcrew_core::trace::{Frame, Trace};

use super::{Site, Situation, Strategy};
use crate::edit::{Proposal, resolve};
use crate::kinds::Kinds;
use crate::locate::locate;
use crate::syntax::Source;

/// The sources that a family makes of `code`, with its proposals; the crash is at the line that ends in `# crash`.
pub(crate) fn proposals(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
) -> Vec<(Proposal, String)> {
    proposals_with(strategy, exception, message, code, &[])
}

/// The lines that are changed where kinds of values were observed.
pub(crate) fn proposals_seeing(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
    kinds: &Kinds,
) -> Vec<String> {
    let made = texts_seeing(strategy, exception, message, code, kinds);
    made.iter().map(|text| changed_line(code, text)).collect()
}

/// The whole sources that are made where kinds of values were observed.
pub(crate) fn texts_seeing(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
    kinds: &Kinds,
) -> Vec<String> {
    let made = proposals_in(strategy, exception, message, code, &[], kinds);
    made.into_iter().map(|(_, text)| text).collect()
}

/// The same with other files beside `app.py`.
pub(crate) fn proposals_with(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
    others: &[(&str, &str)],
) -> Vec<(Proposal, String)> {
    proposals_in(strategy, exception, message, code, others, &Kinds::default())
}

/// The same with other files and kinds of values.
pub(crate) fn proposals_in(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
    others: &[(&str, &str)],
    kinds: &Kinds,
) -> Vec<(Proposal, String)> {
    let line = code.lines().position(|line| line.ends_with("# crash")).unwrap() as u32 + 1;
    let code = code.replace("  # crash", "");
    let source = Source::parse(&code).unwrap();
    let function = source.function_at(line).map_or("<module>".to_owned(), |function| function.name);
    let frame = Frame {
        module: None,
        file: Some("app.py".into()),
        line: Some(line),
        function: Some(function),
        source: source.line(line).map(|line| line.trim().to_owned()),
        in_app: true,
    };
    let trace = Trace { exception: Some(exception.into()), frames: vec![frame], ..Trace::default() };
    let mut files = vec!["app.py".to_owned()];
    files.extend(others.iter().map(|(path, _)| (*path).to_owned()));
    let read = |path: &str| {
        if path == "app.py" {
            return Some(code.clone());
        }
        others.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned())
    };
    let located = locate(&trace, &files, &read).unwrap();
    let sites = located
        .frames
        .into_iter()
        .map(|frame| Site { frame, source: Source::parse(&code).unwrap(), kinds: kinds.clone() })
        .collect();
    let situation = Situation {
        exception: exception.into(),
        message: message.into(),
        sites,
        reverts: Vec::new(),
        files,
        read: &read,
    };
    let mut made = Vec::new();
    for proposal in strategy.propose(&situation) {
        if let Some(changes) = resolve(&proposal.patch, &read) {
            let text = String::from_utf8(changes[0].content.clone().unwrap()).unwrap();
            made.push((proposal, text));
        }
    }
    made
}

/// The line at which the first proposal differs from the code.
pub(crate) fn first_line_changed(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
) -> String {
    let made = proposals(strategy, exception, message, code);
    changed_line(code, &made.first().expect("a proposal").1)
}

/// All lines that proposals change, each as it then stands.
pub(crate) fn lines_changed(
    strategy: &dyn Strategy,
    exception: &str,
    message: &str,
    code: &str,
) -> Vec<String> {
    let made = proposals(strategy, exception, message, code);
    made.iter().map(|(_, text)| changed_line(code, text)).collect()
}

fn changed_line(code: &str, text: &str) -> String {
    let before = code.replace("  # crash", "");
    let after = text.lines().zip(before.lines().map(Some).chain(std::iter::repeat(None)));
    after
        .filter(|(new, old)| Some(*new) != *old)
        .map(|(new, _)| new.trim().to_owned())
        .next()
        .unwrap_or_default()
}
