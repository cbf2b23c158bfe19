//! Whatever a text holds: no panic, and no frame out of nothing.
#![no_main]

use groundcrew_logs::trace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(found) = trace::parse(text) else { return };
    let lines = text.lines().count();
    let frames = found.frames.len() + found.causes.iter().map(|cause| cause.frames.len()).sum::<usize>();
    assert!(frames <= lines, "{frames} frames of {lines} lines");
});
