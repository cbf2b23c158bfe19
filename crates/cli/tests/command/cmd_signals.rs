//! `signals`: what waits for one, from outside, and what came.

use crate::fixture::Crew;

#[test]
fn a_task_waits_for_a_signal_that_somebody_emits() {
    let crew = Crew::new();
    insta::assert_snapshot!("none", crew.home.transcript(&["signals"]));
    insta::assert_snapshot!(
        "waits",
        crew.home.transcript(&["new", "check_health", "--after", "deployed:1.4.2"])
    );
    let id = crew.home.json(&["signals"])["awaits"][0]["task"].to_string();
    let shown = crew.home.ok(&["show", &id]).stdout;
    assert!(shown.contains("signal deployed:1.4.2"), "{shown}");
    insta::assert_snapshot!(
        "emitted",
        crew.home.transcript(&["signals", "emit", "deployed:1.4.2", "--payload", r#"{"at": "noon"}"#])
    );
    insta::assert_snapshot!("json", crew.home.transcript(&["signals", "--json"]));
    insta::assert_snapshot!(
        "emit_json",
        crew.home.transcript(&["signals", "emit", "deployed:1.4.2", "--json"])
    );
    let again = crew.home.ok(&["signals", "emit", "deployed:1.4.2"]).stdout;
    assert!(again.contains("was emitted by user at ") && again.contains("nothing changes"), "{again}");
    let task = crew.home.json(&["show", &id]);
    assert_eq!(
        (&task["task"]["run_at"], &task["awaits"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[test]
fn a_signal_has_a_name_and_a_payload_that_can_be_read() {
    let crew = Crew::new();
    for wrong in [
        &["signals", "emit"][..],
        &["signals", "emit", ""],
        &["signals", "emit", "a", "--payload", "{"],
        &["signals", "emit", "a", "--payload", "@nowhere.json"],
        &["new", "check_health", "--after", " "],
        &["new", "check_health", "--after", "a", "--every", "1h", "--name", "b"],
    ] {
        assert_eq!(crew.home.run(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(crew.home.json(&["signals"])["signals"].as_array().unwrap().len(), 0);
}
