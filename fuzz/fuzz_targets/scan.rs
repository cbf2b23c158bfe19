//! Whatever a log holds and wherever a scan stops: no panic, every byte taken once, and the same records as in one go.
#![no_main]

use std::io::Write as _;
use std::path::Path;

use groundcrew_logs::{Record, Redactor, ScanOptions, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let folder = tempfile::tempdir_in("/dev/shm").expect("memory for a file");
    let path = folder.path().join("app.log");
    std::fs::File::create(&path).expect("a new file").write_all(bytes).expect("room for the input");
    let whole = ScanOptions { flush: true, max_record_bytes: 512, ..ScanOptions::new(Redactor::new(b"key")) };
    let stepped = ScanOptions { max_bytes: u64::from(step) + 1, ..whole.clone() };
    // What is compressed has another length, and half a character of two bytes is waited for.
    let is_plain = !MARKS.iter().any(|mark| bytes.starts_with(mark));
    let all = |options| all(&path, options, bytes.len(), is_plain);
    assert_eq!(all(&whole), all(&stepped));
});

const MARKS: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfe\xff", b"\xff\xfe", b"\x50\x2a\x4d\x18"];

fn all(path: &Path, options: &ScanOptions, length: usize, is_plain: bool) -> Vec<Record> {
    let (mut cursor, mut records, mut taken) = (None, Vec::new(), 0);
    loop {
        let read = scan(path, cursor.as_ref(), options).expect("a regular file");
        taken += read.bytes;
        records.extend(read.records);
        cursor = Some(read.cursor);
        if read.at_end {
            assert!(taken == length as u64 || !is_plain, "{taken} of {length} bytes");
            return records;
        }
    }
}
