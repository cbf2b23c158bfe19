//! cargo nextest: it writes JUnit's form into a file that a configuration of ours names, beneath the project's own.

use super::{Call, Kind, Place, REPORT, Report, Runner, Source, cargo, junit, of_panic, words};

pub(super) const RUNNER: Runner =
    Runner { kind: Kind::Nextest, recognise, ask, select, source: Source::File, read };

fn recognise(words: &[String], at: usize) -> Option<usize> {
    let after = match words::name(&words[at]) {
        "cargo-nextest" => at + 1,
        "cargo" => at + 1,
        _ => return None,
    };
    let nextest = words.iter().skip(after).position(|word| word == "nextest")? + after;
    let plain = words[after..nextest].iter().all(|word| word.starts_with(['-', '+']));
    let run = matches!(words.get(nextest + 1).map(String::as_str), Some("run" | "r"));
    let lists = words.iter().any(|word| matches!(word.as_str(), "--no-run" | "--help" | "-h"));
    (plain && run && !lists).then_some(nextest + 2)
}

fn ask(call: &mut Call) {
    cargo::quiet(call);
    call.drop(&["--fail-fast", "--ff"], &["--retries", "--max-fail"]);
    call.files.push(("nextest.toml", format!("[profile.default.junit]\npath = \"{REPORT}\"\n")));
    call.add(["--no-fail-fast", "--retries=0", "--tool-config-file", "groundcrew:\0/nextest.toml"]);
}

fn select(only: &[String], call: &mut Call) {
    let tests = only.iter().filter_map(|test| {
        let (binary, name) = test.split_once(' ')?;
        Some(format!("(binary_id(={}) & test(={}))", quoted(binary), quoted(name)))
    });
    let tests: Vec<String> = tests.collect();
    call.add(["-E", &tests.join(" | ")]);
}

/// A name within a filter of nextest.
fn quoted(name: &str) -> String {
    name.chars().flat_map(|c| ['\\'].into_iter().filter(move |_| "\\(),/".contains(c)).chain([c])).collect()
}

fn read(text: &str, _: &Place<'_>) -> Report {
    junit::cases(text, |case| {
        let id = format!("{} {}", case.class, case.name);
        let text = case.text.clone();
        (id, case.outcome(|_, _| of_panic(&text)))
    })
}
