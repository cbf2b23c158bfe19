//! What holds for the reading of traces whatever the text: no panic, no invented frames, and work that grows with the
//! text.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::path::PathBuf;

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_logs::trace;
use proptest::prelude::*;

/// The sample texts of all languages.
fn texts() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for part in text.strip_prefix("==== ").unwrap().split("\n==== ") {
            let (_, rest) = part.split_once('\n').unwrap();
            texts.push(rest.split_once("\n----\n").unwrap().0.to_owned());
        }
    }
    texts
}

fn all_frames(trace: &Trace) -> Vec<&Frame> {
    trace.frames.iter().chain(trace.causes.iter().flat_map(all_frames)).collect()
}

/// Whether everything that the frame says stands in the text.
fn is_printed(frame: &Frame, text: &str) -> bool {
    let plain = text.replace("\\\\", "\\");
    let holds = |part: &Option<String>| {
        part.as_deref().is_none_or(|part| text.contains(part) || plain.contains(part))
    };
    holds(&frame.file)
        && holds(&frame.function)
        && frame.line.is_none_or(|line| text.contains(&line.to_string()))
}

#[test]
fn a_trace_cut_anywhere_gives_no_frame_that_was_not_printed() {
    for text in texts() {
        let whole = trace::parse(&text).unwrap();
        let whole = all_frames(&whole).len();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let Some(found) = trace::parse(&text[..end]) else { continue };
            let frames = all_frames(&found);
            assert!(
                frames.iter().all(|frame| is_printed(frame, &text[..end])),
                "{}\n{frames:#?}",
                &text[..end]
            );
            assert!(frames.len() <= whole + 1, "{}\n{frames:#?}", &text[..end]);
        }
    }
}

#[test]
fn ten_thousand_frames_are_read_in_time_that_grows_with_them() {
    for (first, frame, last) in [
        (
            "Traceback (most recent call last):\n",
            "  File \"/srv/a.py\", line 3, in walk\n    walk(n)\n",
            "RecursionError: deep\n",
        ),
        ("java.lang.StackOverflowError\n", "\tat com.acme.Tree.walk(Tree.java:9)\n", ""),
        ("RangeError: deep\n", "    at walk (/srv/tree.js:3:9)\n", ""),
        ("runtime error: deep\n\ngoroutine 1 [running]:\n", "main.walk(0x1)\n\t/srv/tree.go:9 +0x1d\n", ""),
        ("/srv/a.rb:1:in `walk': deep (SystemStackError)\n", "\tfrom /srv/a.rb:1:in `walk'\n", ""),
        (
            "PHP Fatal error:  Uncaught Error: deep in /srv/a.php:1\nStack trace:\n",
            "#7 /srv/a.php(1): walk()\n",
            "",
        ),
        ("System.Exception: deep\n", "   at Shop.Tree.Walk(Int32 n) in /srv/Tree.cs:line 9\n", ""),
        ("Unhandled exception:\nException: deep\n", "#7      walk (package:shop/tree.dart:9:3)\n", ""),
        ("Error: deep\n", "walk@https://shop.example/tree.js:9:3\n", ""),
        (
            "thread 'main' panicked at src/tree.rs:9:3:\ndeep\nstack backtrace:\n",
            "   7: shop::walk\n             at ./src/tree.rs:9:3\n",
            "",
        ),
        ("** (RuntimeError) deep\n", "    (shop 0.1.0) lib/tree.ex:9: Shop.Tree.walk/1\n", ""),
        (
            "terminate called after throwing an instance of 'deep'\n",
            "    #7 0x4f7a3b in walk /srv/tree.cpp:9:3\n",
            "",
        ),
    ] {
        let text = format!("{first}{}{last}", frame.repeat(10_000));
        let found = trace::parse(&text).unwrap();
        // Ruby names the innermost place before the message.
        assert!((10_000..=10_001).contains(&found.frames.len()), "{first}");
    }
}

/// Nanoseconds that this thread has spent on a processor; waiting does not count.
fn spent() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

fn work(text: &str) -> Option<u64> {
    let before = spent()?;
    let _ = trace::parse(text);
    let _ = trace::parse(&format!("Error: x\n{text}"));
    let _ = trace::may_begin(text.as_bytes());
    Some(spent()? - before)
}

/// Eight times the text may take a good deal more than eight times the work, but not sixty-four times.
#[test]
fn work_grows_with_the_text_and_not_with_its_square() {
    if spent().is_none() {
        eprintln!("SKIPPED: this system does not count the work of a thread");
        return;
    }
    for line in [
        "  + Exception Group Traceback (most recent call last):\n  +-+---------------- 1 ----------------\n",
        "Traceback (most recent call last):\n",
        "Caused by: java.lang.Error: x\n\tat a.B.c(D.java:1)\n",
        "\tSuppressed: java.lang.Error: x\n",
        " ---> System.Exception: x\n   at A.B.C()\n",
        "System.Exception: x ---> ",
        "Error: x\n    at f (/a.js:1:1) {\n  [cause]: ",
        "[errors]: [\nError: x\n    at f (/a.js:1:1)\n",
        "Stack trace:\n",
        "Next E: x in /a:1\nStack trace:\n#0 {main}\n",
        "panic: x [recovered]\n\t",
        "goroutine 1 [running]:\n",
        "thread 'main' panicked at ",
        "thread 'a' panicked at 'b', ",
        "a.rb:1:in `b': c (D)\n",
        "E (x):\n\nCauses:\n",
        "#0 ",
        "@",
        "at ",
        "((((",
        "<<<<",
        "', ",
        ": ",
        " in ",
        "\\n",
        "#012",
        "$$",
        "`1[",
        "** (E) ",
        "\n",
        " ",
    ] {
        let short = work(&line.repeat(20_000 / line.len())).unwrap();
        let long = work(&line.repeat(160_000 / line.len())).unwrap();
        let floor = 2_000_000;
        assert!(long < 30 * short.max(floor), "{line:?}: {short} and {long} ns");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        parts in prop::collection::vec(prop::sample::select(texts()), 1..3),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "\\PC{0,8}"), 0..6),
    ) {
        let mut text = parts.join("\n");
        for (at, length, put) in cuts {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + length.index(40)).min(text.len()));
            text.replace_range(start..end.max(start), &put);
        }
        if let Some(found) = trace::parse(&text) {
            let frames = all_frames(&found);
            prop_assert!(frames.len() <= text.lines().count() + 1);
        }
        for line in text.lines() {
            let _ = trace::may_begin(line.as_bytes());
        }
    }
}
