//! mocha: its own reporter of JUnit's form writes a file.

use super::{
    Call, Kind, Place, REPORT, Report, Runner, Source, WITHIN, any_of, id, javascript, junit, of_stack,
};

pub(super) const RUNNER: Runner =
    Runner { kind: Kind::Mocha, recognise, ask, select, source: Source::File, read };

fn recognise(words: &[String], at: usize) -> Option<usize> {
    let watches = words.iter().any(|word| matches!(word.as_str(), "--watch" | "-w"));
    javascript(words, at, &["mocha", "_mocha"]).filter(|_| !watches)
}

fn ask(call: &mut Call) {
    call.drop(&["--bail", "-b"], &["--reporter", "-R", "--reporter-option", "--reporter-options", "-O"]);
    call.add(["--reporter=xunit", &format!("--reporter-option=output={REPORT}"), "--no-bail"]);
}

fn select(only: &[String], call: &mut Call) {
    if call.handed_on {
        return;
    }
    call.drop(&[], &["--grep", "-g", "--fgrep", "-f"]);
    let names: Vec<String> =
        only.iter().map(|test| test.split(WITHIN).skip(1).collect::<Vec<_>>().join(" ")).collect();
    call.add([&format!("--grep={}", any_of(names.iter().map(String::as_str)))]);
}

fn read(text: &str, place: &Place<'_>) -> Report {
    junit::cases(text, |case| {
        let file = case.file.as_deref().map(|file| place.file(file)).unwrap_or_default();
        let parts: Vec<&str> =
            [case.class.as_str(), case.name.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        let id = id(&file, &parts);
        let text = case.text.clone();
        (id, case.outcome(|_, _| of_stack(&place.text(stack(&text)))))
    })
}

/// The stack within what mocha tells: its message and the difference come first, and the message again.
fn stack(text: &str) -> &str {
    let Some(first) = text.find("\n    at ") else { return text };
    let line = text[..first].rfind('\n').map_or(0, |at| at + 1);
    &text[line..]
}
