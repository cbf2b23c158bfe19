//! Which template each line of a file comes under: prints one id a line, or with `--templates` the templates.
//!
//! `cargo run --release --example template_groups MESSAGES [--templates]`, with one message a line.
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;

use groundcrew_logs::Miner;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file of messages")?;
    let text = std::fs::read_to_string(path)?;
    let mut miner = Miner::new();
    let ids: Vec<_> = text.lines().map(|line| miner.observe(line)).collect();
    miner.settle();
    if std::env::args().nth(2).is_some() {
        for template in miner.templates() {
            println!("{:6} {:5} {}", template.count, template.id.0, template.text);
        }
        return Ok(());
    }
    for id in ids {
        println!("{}", miner.resolve(id).0);
    }
    Ok(())
}
