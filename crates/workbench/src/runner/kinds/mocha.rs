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

/// The stack within what mocha tells: its message and the difference come first, and the message again behind the name of
/// the error.
fn stack(text: &str) -> &str {
    let message = text.lines().next().unwrap_or_default();
    let again = text.match_indices(message).skip(1).find_map(|(at, _)| {
        let line = text[..at].rfind('\n')? + 1;
        let name = text[line..at].strip_suffix(": ")?;
        let is_name = |c: char| c.is_alphanumeric() || "_$.[] ".contains(c);
        (name.starts_with(char::is_alphabetic) && name.chars().all(is_name)).then_some(line)
    });
    if let Some(line) = again.filter(|_| !message.is_empty()) {
        return &text[line..];
    }
    let Some(first) = text.find("\n    at ") else { return text };
    let line = text[..first].rfind('\n').map_or(0, |at| at + 1);
    &text[line..]
}

#[cfg(test)]
mod tests {
    use super::stack;

    #[test]
    fn the_stack_begins_with_the_name_of_the_error_also_where_its_message_has_many_lines() {
        let shown = "Expected values to be strictly deep-equal:\n+ actual\n\n      + expected\n      \n";
        let own = "AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal:\n+ actual\n    at f (a.js:1:2)\n";
        assert_eq!(stack(&format!("{shown}{own}")), own);
        assert_eq!(
            stack("boom\nTypeError: boom\n    at g (b.js:3:4)"),
            "TypeError: boom\n    at g (b.js:3:4)"
        );
        assert_eq!(stack("boom"), "boom");
    }
}
