use crate::fixture::{APPROVAL, Crew, QUESTION};

#[test]
fn an_answer_lets_the_task_go_on() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&[
        "answer",
        QUESTION,
        "hand_over",
        "--comment",
        "on holiday"
    ]));
    assert_eq!(crew.home.json(&["show", "6"])["task"]["status"], "pending");
    let messages = crew.home.json(&["show", "6"])["messages"].clone();
    assert_eq!(
        (&messages[1]["content"], &messages[1]["metadata"]["choice"]),
        (&"on holiday".into(), &"hand_over".into())
    );
}

#[test]
fn a_question_is_answered_once() {
    let crew = Crew::new();
    crew.home.ok(&["answer", QUESTION, "retry"]);
    insta::assert_snapshot!(crew.home.transcript(&["answer", QUESTION, "retry"]));
}

#[test]
fn an_unknown_choice_names_the_known_ones() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["answer", QUESTION, "hand"]));
    assert_eq!(crew.home.json(&["show", "6"])["task"]["status"], "blocked");
}

#[test]
fn an_unknown_question_and_an_approval_are_no_questions() {
    let crew = Crew::new();
    insta::assert_snapshot!("unknown", crew.home.transcript(&["answer", "99", "retry"]));
    insta::assert_snapshot!("approval", crew.home.transcript(&["answer", APPROVAL, "approve"]));
    assert_eq!(crew.home.json(&["show", "5"])["task"]["status"], "blocked");
}

#[test]
fn programs_are_told_too() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["answer", QUESTION, "retry", "--json"]));
}
