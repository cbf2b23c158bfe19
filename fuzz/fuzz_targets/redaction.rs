//! Whatever a text holds: no panic, and what is redacted stays as it is when redacted again.
#![no_main]

use groundcrew_logs::Redactor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let redactor = Redactor::new(b"key");
    let once = redactor.redact(text);
    assert_eq!(redactor.redact(&once.text).text, once.text);
});
