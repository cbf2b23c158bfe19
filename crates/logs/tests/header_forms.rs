//! Headers of the forms that programs and log libraries write, learned from a few lines each.
//!
//! In every sample `¦` stands where the message begins; a line without it has no header. The words after `=` are level,
//! logger, host, process and thread of the first line, `-` for none. `alone` says that each line is read the same without
//! having been learned.
#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it says")]

use std::fmt::Write;

use groundcrew_logs::header::{Head, Layout};
use jiff::Timestamp;

const MARK: char = '¦';

struct Sample {
    name: &'static str,
    alone: bool,
    first: [Option<&'static str>; 5],
    lines: Vec<String>,
    /// Where each line's message begins.
    at: Vec<Option<usize>>,
}

fn samples() -> Vec<Sample> {
    include_str!("data/headers.txt")
        .split("\n\n")
        .filter(|text| !text.trim().is_empty())
        .map(sample)
        .collect()
}

fn sample(text: &'static str) -> Sample {
    let (title, body) = text.trim_matches('\n').split_once('\n').unwrap();
    let (name, first) = title.strip_prefix("# ").unwrap().split_once(" = ").unwrap();
    let alone = name.strip_suffix(" alone");
    let words: Vec<&str> = first.split('~').map(str::trim).collect();
    let first = std::array::from_fn(|at| words.get(at).copied().filter(|word| *word != "-"));
    let (mut lines, mut at) = (Vec::new(), Vec::new());
    for line in body.split('\n') {
        let line = line.replace("\\t", "\t");
        at.push(line.find(MARK));
        lines.push(line.replacen(MARK, "", 1));
    }
    Sample { name: alone.unwrap_or(name), alone: alone.is_some(), first, lines, at }
}

fn reference() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn show(line: &str, at: Option<usize>) -> String {
    at.map_or(format!("no header: {line}"), |at| format!("{}{MARK}{}", &line[..at], &line[at..]))
}

fn said<'a>(head: &Head<'a>) -> [Option<&'a str>; 5] {
    [head.level.map(|level| level.as_str()), head.logger, head.host, head.process, head.thread]
}

/// What differs when the sample is read with a layout.
fn differences(sample: &Sample, layout: &Layout, how: &str, with_parts: bool) -> String {
    let mut text = String::new();
    for (line, at) in sample.lines.iter().zip(&sample.at) {
        let found = layout.read(line, reference());
        let found_at = found.map(|head| head.message_at);
        if found_at != *at {
            writeln!(
                text,
                "{} ({how})\n   wanted {}\n   found  {}",
                sample.name,
                show(line, *at),
                show(line, found_at)
            )
            .unwrap();
        }
    }
    let first = layout.read(&sample.lines[0], reference());
    if with_parts && first.as_ref().map(said) != Some(sample.first) {
        writeln!(
            text,
            "{} ({how})\n   wanted {:?}\n   found  {:?}",
            sample.name,
            sample.first,
            first.as_ref().map(said)
        )
        .unwrap();
    }
    text
}

fn learn<'a>(lines: impl Iterator<Item = &'a String>) -> Layout {
    Layout::learn(lines.map(String::as_str), reference())
}

#[test]
fn every_form_is_learned_from_a_few_lines() {
    let samples = samples();
    let wrong: String =
        samples.iter().map(|sample| differences(sample, &learn(sample.lines.iter()), "few", true)).collect();
    assert_eq!(wrong, "", "{wrong}");
    assert!(samples.len() >= 60, "{} samples", samples.len());
}

#[test]
fn a_line_read_by_itself_says_the_same_where_the_form_is_plain() {
    let wrong: String = samples()
        .iter()
        .filter(|sample| sample.alone)
        .map(|sample| differences(sample, &Layout::default(), "alone", true))
        .collect();
    assert_eq!(wrong, "", "{wrong}");
}

#[test]
fn one_line_again_and_again_keeps_its_message() {
    let wrong: String = samples()
        .iter()
        .filter(|sample| sample.alone)
        .map(|sample| {
            let layout = learn(std::iter::repeat_n(&sample.lines[0], 200));
            let first = Sample { lines: sample.lines[..1].to_vec(), at: sample.at[..1].to_vec(), ..*sample };
            differences(&first, &layout, "one", true)
        })
        .collect();
    assert_eq!(wrong, "", "{wrong}");
}

#[test]
fn two_forms_in_one_file_are_both_learned() {
    let samples = samples();
    let mut wrong = String::new();
    for pair in samples.windows(2) {
        if !pair[0].alone || !pair[1].alone {
            continue;
        }
        let lines: Vec<&String> = (0..20).flat_map(|_| pair[0].lines.iter().chain(&pair[1].lines)).collect();
        let layout = learn(lines.into_iter());
        wrong += &differences(&pair[0], &layout, "two", false);
        wrong += &differences(&pair[1], &layout, "two", false);
    }
    assert_eq!(wrong, "", "{wrong}");
}

#[test]
fn learning_says_the_same_each_time_and_survives_storing() {
    for sample in samples() {
        let layout = learn(sample.lines.iter());
        assert_eq!(layout, learn(sample.lines.iter()), "{}", sample.name);
        let stored = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&stored).unwrap(), layout, "{}", sample.name);
    }
}
