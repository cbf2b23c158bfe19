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
