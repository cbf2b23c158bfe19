//! SQLite keeps every promise of a store.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use groundcrew_store::conformance::Bench;
use groundcrew_store::{Options, conformance, open};

fn sqlite() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crew.db");
    let store = open(&format!("sqlite:{}", path.display()), Options::default()).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    let sql = move |text: &str| {
        // The folder lives as long as the bench can use it.
        let _folder = &folder;
        other.execute_batch(text).unwrap();
    };
    Bench { store, sql: Box::new(sql) }
}

conformance!(sqlite);

#[test]
fn every_promise_is_listed() {
    let texts = [
        include_str!("../src/conformance/queue.rs"),
        include_str!("../src/conformance/pauses.rs"),
        include_str!("../src/conformance/talk.rs"),
        include_str!("../src/conformance/decisions.rs"),
        include_str!("../src/conformance/events.rs"),
        include_str!("../src/conformance/grouping.rs"),
        include_str!("../src/conformance/life.rs"),
        include_str!("../src/conformance/waits.rs"),
        include_str!("../src/conformance/incidents.rs"),
        include_str!("../src/conformance/limits.rs"),
        include_str!("../src/conformance/lines.rs"),
        include_str!("../src/conformance/record.rs"),
        include_str!("../src/conformance/upkeep.rs"),
        include_str!("../src/conformance/signals.rs"),
        include_str!("../src/conformance/steps.rs"),
    ];
    let lines = texts.iter().flat_map(|text| text.lines());
    let written: std::collections::BTreeSet<&str> = lines
        .filter_map(|line| line.strip_prefix("pub fn ")?.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(written, PROMISES.iter().copied().collect());
}
