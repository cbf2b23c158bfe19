//! How fast secrets are looked for: reads a file and prints megabytes per second of the check alone, and of redaction.
//!
//! `cargo run --release --example redaction_speed FILE…`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;

use groundcrew_logs::Redactor;

fn main() -> Result<(), Box<dyn Error>> {
    let redactor = Redactor::new(b"speed");
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let megabytes = text.len() as f64 / 1e6;
        let began = worked()?;
        let held = text.lines().filter(|line| redactor.may_hold(line.as_bytes())).count();
        let check = megabytes / (worked()? - began);
        let began = worked()?;
        let blocks = bytes.chunks(1 << 20).map(|block| redactor.held_lines(block).len());
        let lines: usize = blocks.sum();
        let block = megabytes / (worked()? - began);
        let began = worked()?;
        let mut inside = 0;
        for block in bytes.chunks(1 << 20) {
            for line in redactor.held_lines(block) {
                inside += redactor.redacted(&String::from_utf8_lossy(&block[line])).1;
            }
        }
        let blockwise = megabytes / (worked()? - began);
        println!(
            "{path}: blocks: check {block:.0} MB/s ({lines} kept), redaction {blockwise:.0} MB/s ({inside} found)"
        );
        let began = worked()?;
        let found: usize = text.lines().map(|line| redactor.redacted(line).1).sum();
        let whole = megabytes / (worked()? - began);
        println!(
            "{path}: {} lines, check {check:.0} MB/s ({held} kept), redaction {whole:.0} MB/s ({found} found)",
            text.lines().count()
        );
    }
    Ok(())
}

/// Seconds that this thread has run, so that other programs do not count.
fn worked() -> Result<f64, Box<dyn Error>> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = times.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds as f64 / 1e9)
}
