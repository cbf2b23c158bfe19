use crate::fixture::Crew;

#[test]
fn incidents_are_listed_with_what_became_of_them() {
    let crew = Crew::new();
    insta::assert_snapshot!("human", crew.home.transcript(&["incidents"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["incidents", "--status", "ignored", "--json"]));
}

#[test]
fn one_incident_is_shown_with_its_sample_and_tasks() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["incidents", "show", "1"]));
}

#[test]
fn an_unknown_incident_and_an_unknown_status_are_told_apart() {
    let crew = Crew::new();
    assert_eq!(crew.home.run(&["incidents", "show", "9"]).code, Some(4));
    let ran = crew.home.run(&["incidents", "--status", "fixed"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("fix_ready"), "{}", ran.stderr);
}
