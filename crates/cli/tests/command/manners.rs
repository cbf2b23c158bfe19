//! What holds for every verb: exit codes, colours, pipes, hostile text, files that are not what they should be.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Crew, hidden};
use crate::support::{Home, Ran};

fn problem(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

#[test]
fn help_documents_the_exit_codes() {
    let home = Home::new();
    insta::assert_snapshot!(home.transcript(&["--help"]));
}

#[test]
fn a_wrong_flag_is_wrong_usage_also_for_programs() {
    let home = Home::new();
    let ran = home.run(&["status", "--jsn"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let ran = home.run(&["approve", "one", "--json"]);
    let told = problem(&ran);
    assert_eq!(
        (ran.code, &told["exit_code"], &told["type"]),
        (Some(2), &json!(2), &json!("groundcrew:usage"))
    );
}

#[test]
fn without_a_home_the_place_of_the_database_must_be_named() {
    let home = Home::new();
    let output = home.command(["status"]).env_remove("HOME").output().unwrap();
    insta::assert_snapshot!(Ran::of(&output).stderr);
    assert_eq!(output.status.code(), Some(2));
    let named = format!("sqlite:{}", home.path().join("here.db").display());
    let output = home
        .command(["db", "migrate"])
        .env_remove("HOME")
        .env("GROUNDCREW_DATABASE", named)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(home.path().join("here.db").is_file());
}

#[test]
fn the_data_folder_of_the_user_is_taken_where_it_is_set() {
    let home = Home::new();
    let data = home.path().join("data");
    let output = home.command(["db", "migrate"]).env("XDG_DATA_HOME", &data).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(data.join("groundcrew/groundcrew.db").is_file());
}

#[test]
fn there_is_no_database_before_init() {
    let home = Home::new();
    for verb in [&["status"][..], &["up"], &["tasks"], &["inbox"], &["audit"], &["incidents"], &["show", "1"]]
    {
        let ran = home.run(verb);
        assert_eq!(ran.code, Some(4), "{verb:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("groundcrew init"), "{verb:?}: {}", ran.stderr);
        assert!(!home.database().exists(), "{verb:?} made one");
    }
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let home = Home::new();
    let file = home.path().join("notes.txt");
    let text = "this is not a database\n".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let url = format!("sqlite:{}", file.display());
    for verb in [&["status"][..], &["db", "migrate"], &["up"]] {
        let mut arguments = vec!["--database", &url];
        arguments.extend(verb);
        let ran = home.run(&arguments);
        assert_eq!(ran.code, Some(2), "{verb:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("is not a SQLite database"), "{}", ran.stderr);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn an_empty_file_is_not_taken_for_a_crew_without_work() {
    let home = Home::new();
    let file = home.path().join("empty.db");
    std::fs::write(&file, "").unwrap();
    let url = format!("sqlite:{}", file.display());
    for verb in ["status", "up", "inbox"] {
        let ran = home.run(&["--database", &url, verb]);
        assert_eq!(ran.code, Some(2), "{verb}: {}", ran.stderr);
        assert!(ran.stderr.contains("empty.db"), "{}", ran.stderr);
    }
}

#[test]
fn a_database_of_a_later_release_is_refused() {
    let crew = Crew::new();
    let sql = "INSERT INTO crew_migrations (version, name, checksum, applied_at) VALUES (99, 'later', 'x', '2030-01-01')";
    crew.home.sql().execute(sql, []).unwrap();
    let ran = crew.home.run(&["status"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("schema version 99") && ran.stderr.contains("newer groundcrew"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_database_that_may_not_be_written_is_told_as_that() {
    let crew = Crew::new();
    if is_root() {
        eprintln!("skipped: root may write every file");
        return;
    }
    let mut rights = std::fs::metadata(crew.home.database()).unwrap().permissions();
    rights.set_mode(0o400);
    std::fs::set_permissions(crew.home.database(), rights).unwrap();
    let ran = crew.home.run(&["tasks", "cancel", "7"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

#[test]
fn a_database_that_another_program_holds_is_busy() {
    let crew = Crew::new();
    let other = crew.home.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = crew.home.run(&["tasks", "cancel", "7", "--json"]);
    let told = problem(&ran);
    assert_eq!((ran.code, &told["type"]), (Some(7), &json!("groundcrew:database_busy")), "{told}");
}

#[test]
fn hostile_text_reaches_no_terminal_unescaped() {
    let crew = Crew::new();
    for verb in [
        &["status"][..],
        &["tasks"],
        &["show", "3"],
        &["show", "4"],
        &["show", "5", "--diff"],
        &["inbox"],
        &["incidents"],
        &["incidents", "show", "1"],
        &["audit", "-v"],
        &["tasks", "--json"],
        &["show", "5", "--json"],
        &["inbox", "--json"],
        &["incidents", "--json"],
        &["audit", "--json"],
    ] {
        let ran = crew.home.run(verb);
        assert_eq!(ran.code, Some(0), "{verb:?}: {}", ran.stderr);
        assert_eq!(hidden(&ran.stdout), Vec::<char>::new(), "{verb:?}: {:?}", ran.stdout);
    }
}

#[test]
fn colour_comes_when_it_is_wanted_and_never_into_a_pipe_by_itself() {
    let crew = Crew::new();
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = crew.home.command(arguments).envs(variables.iter().copied()).output().unwrap();
        Ran::of(&output).stdout.contains('\u{1b}')
    };
    assert!(!colored(&["audit"], &[]));
    assert!(colored(&["audit", "--color", "always"], &[]));
    assert!(colored(&["audit"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&["audit"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["audit", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&["audit", "--json", "--color", "always"], &[]));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_in_silence() {
    let crew = Crew::new();
    let mut child = crew
        .home
        .command(["audit", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    // The entry that nobody reads.
    crew.home
        .sql()
        .execute(
            "INSERT INTO agent_logs (agent_name, log_level, message) VALUES ('user', 'info', 'hello')",
            [],
        )
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn an_unknown_project_is_no_such_thing() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["tasks", "--project", "shoop"]));
}

#[test]
fn a_verb_answers_at_once() {
    let crew = Crew::new();
    let began = std::time::Instant::now();
    crew.home.ok(&["status"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_mistyped_verb_or_flag_is_met_with_the_nearest() {
    let home = Home::new();
    insta::assert_snapshot!("verb", home.transcript(&["incidnets"]));
    insta::assert_snapshot!("inner_verb", home.transcript(&["tasks", "redirve"]));
    insta::assert_snapshot!("flag", home.transcript(&["up", "--until-ilde"]));
}

#[test]
fn every_document_and_every_problem_names_the_version_of_its_form() {
    let crew = Crew::new();
    for verb in
        [&["status"][..], &["tasks"], &["incidents"], &["inbox"], &["audit"], &["agents"], &["schema"]]
    {
        assert_eq!(crew.home.json(verb)["schema_version"], 1, "{verb:?}");
    }
    let ran = crew.home.run(&["show", "99", "--json"]);
    assert_eq!((&problem(&ran)["schema_version"], ran.stdout.as_str()), (&json!(1), ""));
    let ran = crew.home.run(&["shwo", "--json"]);
    assert_eq!(problem(&ran)["schema_version"], 1);
}
