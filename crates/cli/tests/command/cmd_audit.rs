use crate::databases::orderly;
use crate::fixture::Crew;
use crate::support::until;

#[test]
fn the_log_is_shown_oldest_first() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["audit"]));
    insta::assert_snapshot!("verbose", crew.home.transcript(&["audit", "-v", "--task", "2"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["audit", "--json", "--agent", "developer"]));
}

#[test]
fn the_newest_entries_are_kept_by_a_limit() {
    let crew = Crew::new();
    let entries = crew.home.json(&["audit", "--limit", "1"])["entries"].clone();
    assert_eq!((entries.as_array().unwrap().len(), &entries[0]["id"]), (1, &3.into()));
}

#[test]
fn an_unknown_task_is_no_such_thing() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["audit", "--task", "77"]));
}

#[test]
fn following_shows_what_is_written_meanwhile_and_ends_on_a_signal() {
    let crew = Crew::new();
    let file = crew.home.path().join("out");
    let mut command = crew.home.command(["audit", "--follow", "--json"]);
    command.stdout(std::fs::File::create(&file).unwrap());
    let mut child = command.spawn().unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    until("the old entries are there", || lines() == 3);
    let sql = "INSERT INTO agent_logs (agent_name, log_level, message) VALUES ('user', 'info', 'hello')";
    crew.home.sql().execute(sql, []).unwrap();
    until("the new entry is there", || lines() == 4);
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn following_is_a_verb_too() {
    let crew = Crew::new();
    let file = crew.home.path().join("out");
    let mut command = crew.home.command(["audit", "follow", "--task", "2", "--json"]);
    let mut child = command.stdout(std::fs::File::create(&file).unwrap()).spawn().unwrap();
    until("the old entries are there", || std::fs::read_to_string(&file).unwrap().lines().count() == 2);
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// The crew of the fixture after a sweep has sealed its three entries.
fn sealed() -> Crew {
    let crew = orderly();
    let url = format!("sqlite:{}", crew.home.database().display());
    let store = groundcrew_store::open(&url, groundcrew_store::Options::default()).unwrap();
    store.maintain(jiff::SignedDuration::from_mins(1)).unwrap();
    crew
}

#[test]
fn a_log_that_nobody_touched_verifies() {
    let crew = sealed();
    insta::assert_snapshot!("verify", crew.home.transcript(&["audit", "verify"]));
    insta::assert_snapshot!("verify_json", crew.home.transcript(&["audit", "verify", "--json"]));
    let head = crew.home.json(&["audit", "verify"])["head"].as_str().unwrap().to_owned();
    crew.home.ok(&["audit", "verify", "--noted", &head]);
    let other = crew.home.run(&["audit", "verify", "--noted", "0000"]);
    assert_eq!(other.code, Some(3), "{}", other.stdout);
}

#[test]
fn the_first_entry_that_was_touched_is_named() {
    for (name, change) in [
        ("a_flipped_byte", "UPDATE agent_logs SET message = 'trying get with a defaulu' WHERE id = 2"),
        ("a_deleted_row", "DELETE FROM agent_logs WHERE id = 1"),
        (
            "moved_rows",
            "UPDATE agent_logs SET id = 9 WHERE id = 2; UPDATE agent_logs SET id = 2 WHERE id = 3; UPDATE agent_logs SET id = 3 WHERE id = 9",
        ),
        ("a_deleted_seal", "DELETE FROM crew_audit_seals"),
    ] {
        let crew = sealed();
        crew.home.sql().execute_batch(change).unwrap();
        insta::assert_snapshot!(name, crew.home.transcript(&["audit", "verify"]));
        assert_eq!(crew.home.run(&["audit", "verify", "--json"]).code, Some(3));
        assert_eq!(crew.home.run(&["db", "check"]).code, Some(3));
    }
}
