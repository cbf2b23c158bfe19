//! Which template each line of a file comes under, and how fast that is found out.
//!
//! `cargo run --release --example template_groups MESSAGES [--templates | --speed]`, with one message a line: prints one
//! id a line, or the templates with their counts, or megabytes per second when all templates are known.
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;

use groundcrew_logs::Miner;

/// Bytes that one measurement reads at least.
const ENOUGH: usize = 256 << 20;
/// Measurements, of which the best counts.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file of messages")?;
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let mut miner = Miner::new();
    let ids: Vec<_> = text.lines().map(|line| miner.observe(line)).collect();
    miner.settle();
    match std::env::args().nth(2).as_deref() {
        Some("--speed") => speed(&mut miner, &text.lines().collect::<Vec<_>>()),
        Some(_) => {
            for template in miner.templates() {
                println!("{:6} {:5} {}", template.count, template.id.0, template.text);
            }
        }
        None => ids.iter().for_each(|id| println!("{}", miner.resolve(*id).0)),
    }
    Ok(())
}

/// Seconds that this process has used, which do not count what others on the machine do.
fn spent() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11)?.parse::<f64>().ok());
    ticks.unwrap_or(0.0) / 100.0
}

fn speed(miner: &mut Miner, lines: &[&str]) {
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    let times = ENOUGH.div_ceil(bytes.max(1));
    let mut best = 0.0_f64;
    for _ in 0..ROUNDS {
        let start = spent();
        for _ in 0..times {
            for line in lines {
                std::hint::black_box(miner.observe(line));
            }
        }
        let megabytes = u32::try_from((bytes * times) >> 10).map_or(f64::MAX, f64::from) / 1024.0;
        best = best.max(megabytes / (spent() - start).max(0.01));
    }
    println!("{best:7.1} MiB/s, {} templates", miner.templates().len());
}
