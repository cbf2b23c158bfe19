//! No bytes make the reading of a header panic or split a character, and what was read before changes nothing.

use groundcrew_logs::header::{Layout, Reader};
use jiff::Timestamp;
use proptest::prelude::*;

fn line() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "2026-11-05T10:00:00.123Z",
        "10:00:00",
        "Nov  5 10:00:00",
        "[",
        "]",
        "(",
        ")",
        "<13>",
        "<165>1 ",
        "<",
        ">",
        "|",
        " - ",
        ": ",
        ":",
        ",",
        " ",
        "\t",
        "ERROR",
        "info",
        "E",
        "E1105 ",
        "/",
        "#7",
        "shop.web",
        "a[7]:",
        "a( 7):",
        "--",
        "é",
        "\u{1F600}",
        "=",
        "\"",
        "\\",
        "1:M 05 Nov 2026 10:00:00.1 ",
        "*",
        "fail: A.B[0]",
        "production.ERROR",
        "AM",
        "1793872800",
        "9999999999999999999",
        "(pam_unix)",
        "{",
        "}",
        "in app:",
        "- - -",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat()), any::<String>(),]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_line_panics_or_splits_a_character(lines in prop::collection::vec(line(), 1..12)) {
        let reference: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let layout = Layout::learn(lines.iter().map(String::as_str), reference);
        for line in &lines {
            for layout in [&layout, &Layout::default()] {
                let head = layout.read(line, reference);
                let at = head.map(|head| head.message_at);
                prop_assert!(at.is_none_or(|at| line.is_char_boundary(at)));
            }
        }
    }
}

/// The lines of each sample of a form of header.
fn samples() -> Vec<Vec<String>> {
    let texts = include_str!("data/headers.txt").split("\n\n").filter(|text| !text.trim().is_empty());
    let lines = |text: &str| {
        let lines = text.trim_matches('\n').lines().skip(1);
        lines.map(|line| line.replace("\\t", "\t").replacen('¦', "", 1)).collect()
    };
    texts.map(lines).collect()
}

/// What is done to a line: a byte is changed, bytes are left out, a piece is put in or the rest of another line follows.
#[derive(Debug, Clone)]
enum Change {
    None,
    Byte(usize, u8),
    LeaveOut(usize, usize),
    Insert(usize, String),
    Join(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = prop::sample::select(b"0189 \t:.,-/|[](){}<>TZAPMEIWin='\"#*_".to_vec());
    prop_oneof![
        2 => Just(Change::None),
        4 => (0_usize..80, bytes).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (0_usize..80, 1_usize..6).prop_map(|(at, length)| Change::LeaveOut(at, length)),
        2 => (0_usize..80, line()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        1 => (0_usize..80, 0_usize..1000, 0_usize..80).prop_map(|(at, other, from)| Change::Join(at, other, from)),
    ]
}

fn changed(line: &str, change: &Change, others: &[String]) -> String {
    let mut bytes = line.as_bytes().to_vec();
    let within = |at: usize| at % (line.len() + 1);
    match change {
        Change::None => {}
        Change::Byte(at, byte) => {
            if let Some(place) = bytes.get_mut(within(*at)) {
                *place = *byte;
            }
        }
        Change::LeaveOut(at, length) => {
            let at = within(*at);
            bytes.drain(at..(at + length).min(line.len()));
        }
        Change::Insert(at, piece) => {
            let at = within(*at);
            bytes.splice(at..at, piece.bytes());
        }
        Change::Join(at, other, from) => {
            bytes.truncate(within(*at));
            let other = others[other % others.len()].as_bytes();
            bytes.extend(&other[(*from).min(other.len())..]);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_reader_says_of_each_line_what_the_layout_says_of_it_alone(
        first in 0_usize..1000,
        second in 0_usize..1000,
        changes in prop::collection::vec((0_usize..1000, change()), 1..40),
        long in 0_usize..600,
    ) {
        let samples = samples();
        let both = samples[first % samples.len()].iter().chain(&samples[second % samples.len()]);
        let known: Vec<String> = (0..12).flat_map(|_| both.clone()).cloned().collect();
        let all = samples.concat();
        let reference: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let layout = Layout::learn(known.iter().map(String::as_str), reference);
        let mut reader = Reader::new(layout.clone(), reference);
        for (which, change) in &changes {
            let mut line = changed(&known[which % known.len()], change, &all);
            if which % 7 == 0 {
                line.insert_str(0, &" ".repeat(long * (which % 3)));
                line.push_str(&"x ".repeat(long));
            }
            prop_assert_eq!(reader.read(&line), layout.read(&line, reference), "{}", line);
        }
    }
}
