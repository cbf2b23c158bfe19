use crate::fixture::Crew;
use crate::support::Home;

#[test]
fn what_waits_is_shown_with_the_commands_to_type() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["inbox"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["inbox", "--json"]));
}

#[test]
fn commands_name_the_database_that_was_named() {
    let crew = Crew::new();
    let url = format!("sqlite:{}", crew.home.database().display());
    let told = crew.home.json(&["--database", &url, "inbox"]);
    assert_eq!(told["inbox"][1]["commands"][0], format!("groundcrew --database {url} answer 2 retry"));
}

#[test]
fn an_empty_inbox_says_so() {
    let home = Home::new();
    home.ok(&["db", "migrate"]);
    insta::assert_snapshot!(home.transcript(&["inbox"]));
}
