//! Whatever messages come: no panic, an id for each that stays good, and the same templates after being stored and read back.
#![no_main]

use groundcrew_logs::template::Miner;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut miner = Miner::new();
    let ids: Vec<_> = text.lines().map(|line| (line, miner.observe(line))).collect();
    let _ = miner.settle();
    for (line, id) in &ids {
        assert_eq!(miner.id_of(line), Some(miner.resolve(*id)), "{line:?}");
        assert!(miner.template(*id).is_some());
    }
    let seen: u64 = miner.templates().iter().map(|template| template.count).sum();
    assert_eq!(seen, ids.len() as u64);
});
