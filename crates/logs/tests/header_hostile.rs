//! No bytes make the reading of a header panic, split a character or disagree with its quick form.

use groundcrew_logs::header::Layout;
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
                if let Some(quick) = layout.quick(line.as_bytes()) {
                    prop_assert_eq!(Some((quick.message_at, quick.level)), head.map(|head| (head.message_at, head.level)));
                }
            }
        }
    }
}
