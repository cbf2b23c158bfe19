//! How long the header of a line takes: learns the layout of a file and prints nanoseconds per line of the three readings.
//!
//! `cargo run --release --example header_speed FILE...`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use groundcrew_logs::header::{Clock, Layout};
use jiff::Timestamp;

const LINES: usize = 20_000;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().take(LINES).collect();
        let reference = Timestamp::now();
        let layout = Layout::learn(lines.iter().copied(), reference);
        let mut clock = Clock::new(reference);
        let read = best(&lines, |line| usize::from(layout.read_at(line, &mut clock).is_some()));
        let quick = best(&lines, |line| usize::from(layout.quick(line.as_bytes()).is_some()));
        let nothing = Layout::default();
        let alone = best(&lines, |line| usize::from(nothing.read(line, reference).is_some()));
        println!("{}: read {read:.0} ns, quick {quick:.0} ns, alone {alone:.0} ns", path.display());
    }
    Ok(())
}

/// The best round's nanoseconds per line.
fn best(lines: &[&str], mut read: impl FnMut(&str) -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let found: usize = lines.iter().map(|line| read(black_box(line))).sum();
        black_box(found);
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / lines.len().max(1) as f64);
    }
    best
}
