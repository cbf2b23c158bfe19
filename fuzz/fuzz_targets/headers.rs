//! Whatever lines a source begins with: no panic, a message that begins on a character, and the same form when learned again.
#![no_main]

use groundcrew_logs::header::Layout;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let reference = "2026-11-05T10:00:00Z".parse().expect("a constant time");
    let layout = Layout::learn(text.lines(), reference);
    assert_eq!(
        format!("{layout:?}"),
        format!("{:?}", Layout::learn(text.lines(), reference))
    );
    for line in text.lines() {
        if let Some(head) = layout.read(line, reference) {
            assert!(line.is_char_boundary(head.message_at), "{line:?}");
        }
    }
});
