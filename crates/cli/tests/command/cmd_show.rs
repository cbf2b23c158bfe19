use crate::fixture::{Crew, PUBLISH};

#[test]
fn a_task_is_shown_with_everything_around_it() {
    let crew = Crew::new();
    insta::assert_snapshot!("publish", crew.home.transcript(&["show", PUBLISH, "--diff"]));
    insta::assert_snapshot!("verify", crew.home.transcript(&["show", "3"]));
    insta::assert_snapshot!("failed", crew.home.transcript(&["show", "4"]));
}

#[test]
fn programs_get_the_same_as_one_document() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["show", "3", "--json"]));
}

#[test]
fn an_unknown_task_and_a_missing_fix_are_no_such_thing() {
    let crew = Crew::new();
    insta::assert_snapshot!("unknown", crew.home.transcript(&["show", "77"]));
    insta::assert_snapshot!("no_fix", crew.home.transcript(&["show", "4", "--diff"]));
}
