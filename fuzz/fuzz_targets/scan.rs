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
    assert_eq!(all(&path, &whole, bytes.len()), all(&path, &stepped, bytes.len()));
});

fn all(path: &Path, options: &ScanOptions, length: usize) -> Vec<Record> {
    let (mut cursor, mut records, mut taken) = (None, Vec::new(), 0);
    loop {
        let read = scan(path, cursor.as_ref(), options).expect("a regular file");
        taken += read.bytes;
        records.extend(read.records);
        cursor = Some(read.cursor);
        if read.at_end {
            assert_eq!(taken, length as u64);
            return records;
        }
    }
}
