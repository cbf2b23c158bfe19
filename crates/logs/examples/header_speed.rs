//! How long the header of a line takes: learns the layout of a file and prints nanoseconds of
//! processor time per line, and megabytes per second, of both readings.
//!
//! `cargo run --release --example header_speed FILE...`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::hint::black_box;

use groundcrew_logs::header::{Layout, Reader};
use jiff::Timestamp;

const LINES: usize = 20_000;
const ROUNDS: usize = 3;
const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().take(LINES).collect();
        let reference = Timestamp::now();
        let layout = Layout::learn(lines.iter().copied(), reference);
        let mut reader = Reader::new(layout, reference);
        let read = best(&lines, |line| usize::from(reader.read(line).is_some()));
        let nothing = Layout::default();
        let alone = best(&lines, |line| usize::from(nothing.read(line, reference).is_some()));
        let length =
            lines.iter().map(|line| line.len() + 1).sum::<usize>() as f64 / lines.len().max(1) as f64;
        let shown = |took: f64| format!("{took:.0} ns ({:.0} MB/s)", length * 1e3 / took);
        let (read, alone) = (shown(read), shown(alone));
        println!("{}: {length:.0} bytes, read {read}, alone {alone}", path.display());
    }
    Ok(())
}

/// The best round's nanoseconds per line.
fn best(lines: &[&str], mut read: impl FnMut(&str) -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = processor_time();
        for _ in 0..TIMES {
            let found: usize = lines.iter().map(|line| read(black_box(line))).sum();
            black_box(found);
        }
        best = best.min((processor_time() - start) / (lines.len().max(1) * TIMES) as f64);
    }
    best
}

/// Nanoseconds that this thread has run, which other programs on the machine do not lengthen.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = text.split(' ').next().and_then(|number| number.parse().ok());
    ran.unwrap_or(f64::NAN)
}
