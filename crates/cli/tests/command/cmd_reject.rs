use crate::fixture::{APPROVAL, BRANCH, Crew, PUBLISH};

#[test]
fn a_rejection_is_recorded_with_its_reason() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&[
        "reject",
        APPROVAL,
        "--reason",
        "a bag without a price is an error"
    ]));
    let shown = crew.home.json(&["incidents", "show", "1"]);
    assert_eq!(shown["incident"]["status"], "declined");
    assert!(shown["incident"]["reason"].as_str().unwrap().contains("a bag without a price is an error"));
    assert_eq!(crew.home.git(&["rev-parse", BRANCH]), crew.head);
}

#[test]
fn again_gives_the_developer_another_round() {
    let crew = Crew::new();
    let told = crew.home.transcript(&["reject", APPROVAL, "--reason", "not-this-way", "--again", "--json"]);
    insta::assert_snapshot!("again", told);
    let told = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"next_task\": "))
        .unwrap()
        .trim_end_matches(',')
        .to_owned();
    let next = crew.home.json(&["show", &told]);
    assert_eq!(
        (&next["task"]["task_type"], &next["task"]["context"]["round"]),
        (&"fix_bug".into(), &2.into())
    );
    assert_eq!(next["task"]["context"]["dossier"]["previous_rounds"][0]["rejected_by"], "user");
}

#[test]
fn a_rejection_needs_a_reason() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["reject", APPROVAL, "--reason", " "]));
    assert_eq!(crew.home.run(&["reject", APPROVAL]).code, Some(2));
    assert_eq!(crew.home.json(&["show", PUBLISH])["task"]["status"], "blocked");
}
