//! How fast a log is scanned: reads files, or ten thousand lines of every common kind made here, and prints megabytes per second.
//!
//! Build it before and after a change and run both on one machine: `cargo run --release --example scan_speed [FILE…]`.
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use groundcrew_logs::{Keep, Miner, Observe, Observer, Redactor, ScanOptions, Seen, scan};

const ROUNDS: usize = 2;
const LINES: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("groundcrew-scan-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    for path in &files {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        measure(&name, path)?;
    }
    match files.is_empty() {
        false => {}
        true => {
            for (name, line) in KINDS {
                let path = folder.join(name);
                let mut file = std::fs::File::create(&path)?;
                for n in 0..LINES {
                    let mut text = String::new();
                    line(&mut text, n)?;
                    file.write_all(text.as_bytes())?;
                }
                measure(name, &path)?;
            }
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

type Line = fn(&mut String, usize) -> std::fmt::Result;

const KINDS: [(&str, Line); 5] = [
    ("headed", |out, n| {
        writeln!(
            out,
            "2026-11-05T10:{:02}:{:02}.123Z INFO shop.http GET /cart/{n} 200 {n}ms",
            n / 60 % 60,
            n % 60
        )
    }),
    ("bare", |out, n| writeln!(out, "listening on port {n} for requests of the shop, as before")),
    ("json", |out, n| {
        writeln!(
            out,
            "{{\"time\":\"2026-11-05T10:00:00Z\",\"level\":\"info\",\"msg\":\"GET /cart/{n}\",\"ms\":{n}}}"
        )
    }),
    ("syslog", |out, n| {
        writeln!(out, "<14>Nov  5 10:00:00 web0 shop[401]: INFO shop.http GET /cart/{n} 200")
    }),
    ("errors", |out, n| {
        writeln!(
            out,
            "2026-11-05T10:00:00Z ERROR shop.web failed\nTraceback (most recent call last):\n  File \"/srv/app/app.py\", line {n}, in load_user\n    return users[uid]\nKeyError: 'u{n}'"
        )
    }),
];

/// Sees every message as the crew does.
struct Kinds(Miner);

impl Observe for Kinds {
    fn observe(&mut self, seen: Seen<'_>) {
        self.0.observe(seen.message);
    }
}

/// How a log is scanned.
fn ways() -> [(&'static str, ScanOptions); 3] {
    let all = ScanOptions { flush: true, max_bytes: 4 << 20, ..ScanOptions::new(Redactor::new(b"key")) };
    let all = ScanOptions { max_records: usize::MAX, ..all };
    let errors = ScanOptions { keep: Keep::Errors, ..all.clone() };
    let kinds = Arc::new(Mutex::new(Kinds(Miner::default())));
    let whole = ScanOptions { observer: Some(Observer::new(kinds)), ..errors.clone() };
    [("every record", all), ("errors and templates", whole), ("errors only", errors)]
}

fn measure(name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    for (way, options) in ways() {
        let mut best = 0.0_f64;
        let (mut records, mut errors) = (0, 0);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            (records, errors) = (0, 0);
            let mut bytes = 0;
            let mut cursor = None;
            loop {
                let scan = scan(path, cursor.as_ref(), &options)?;
                records += scan.traffic.iter().map(|tally| tally.records).sum::<u64>();
                errors += scan.traffic.iter().map(|tally| tally.errors).sum::<u64>();
                bytes += scan.bytes;
                cursor = Some(scan.cursor);
                if scan.at_end {
                    break;
                }
            }
            let megabytes = u32::try_from(bytes >> 10).map_or(f64::MAX, f64::from) / 1024.0;
            best = best.max(megabytes / start.elapsed().as_secs_f64());
        }
        println!("{name:16} {way:22} {best:7.1} MiB/s, {records} records, {errors} errors");
    }
    Ok(())
}
