use serde_json::Value;

use crate::fixture::{APPROVAL, BRANCH, Crew, PUBLISH, QUESTION};
use crate::support::{Ran, until};

fn status(crew: &Crew) -> Value {
    crew.home.json(&["show", PUBLISH])["task"]["status"].clone()
}

fn refused(crew: &Crew, arguments: &[&str], code: i32, said: &str) {
    let ran: Ran = crew.home.run(arguments);
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(status(crew), "blocked", "nothing may be recorded");
}

#[test]
fn an_approval_keeps_the_branch_and_completes_the_task() {
    let crew = Crew::new();
    insta::assert_snapshot!(crew.home.transcript(&["approve", APPROVAL]));
    assert_eq!(status(&crew), "completed");
    assert_eq!(crew.home.git(&["rev-parse", BRANCH]), crew.head);
    assert_eq!(crew.home.git(&["rev-parse", "main"]), crew.base);
    assert_eq!(crew.home.json(&["incidents", "show", "1"])["incident"]["status"], "approved");
}

#[test]
fn a_branch_that_is_not_checked_out_is_fast_forwarded() {
    let crew = Crew::new();
    crew.home.git(&["branch", "release"]);
    insta::assert_snapshot!(crew.home.transcript(&["approve", APPROVAL, "--into", "release", "--json"]));
    assert_eq!(crew.home.git(&["rev-parse", "release"]), crew.head);
    assert_eq!(crew.home.git(&["rev-parse", "main"]), crew.base);
    assert_eq!(crew.home.git(&["status", "--porcelain"]), "");
}

#[test]
fn an_approval_counts_once() {
    let crew = Crew::new();
    crew.home.ok(&["approve", APPROVAL]);
    insta::assert_snapshot!(crew.home.transcript(&["approve", APPROVAL]));
}

#[test]
fn a_branch_that_moved_voids_the_approval() {
    let crew = Crew::new();
    crew.home.git(&["branch", "--force", BRANCH, "main"]);
    refused(&crew, &["approve", APPROVAL], 5, "has moved");
    crew.home.git(&["branch", "-D", BRANCH]);
    refused(&crew, &["approve", APPROVAL], 5, "is gone");
}

#[test]
fn another_diff_than_the_one_shown_voids_the_approval() {
    let crew = Crew::new();
    let sql = "UPDATE agent_messages SET metadata_json = json_set(metadata_json, '$.binding.diff_hash', 'other') WHERE id = 1";
    crew.home.sql().execute(sql, []).unwrap();
    refused(&crew, &["approve", APPROVAL], 5, "is not the one that was shown");
}

#[test]
fn what_cannot_be_fast_forwarded_is_refused_before_anything_is_recorded() {
    let crew = Crew::new();
    refused(&crew, &["approve", APPROVAL, "--into", "main"], 5, "is checked out");
    refused(&crew, &["approve", APPROVAL, "--into", "nowhere"], 4, "there is no branch");
    crew.home.git(&["checkout", "--quiet", "-b", "ahead"]);
    crew.home.git(&["commit", "--quiet", "--allow-empty", "-m", "Ahead"]);
    crew.home.git(&["checkout", "--quiet", "main"]);
    refused(&crew, &["approve", APPROVAL, "--into", "ahead"], 5, "is not an ancestor");
}

#[test]
fn only_an_approval_can_be_approved() {
    let crew = Crew::new();
    insta::assert_snapshot!("question", crew.home.transcript(&["approve", QUESTION]));
    insta::assert_snapshot!("unknown", crew.home.transcript(&["approve", "99"]));
}

#[test]
fn a_running_crew_may_carry_the_approval_out_and_it_still_counts_once() {
    let crew = Crew::new();
    let up = crew.home.start(&["up", "--quiet"]);
    let workers = || -> i64 {
        crew.home.sql().query_row("SELECT count(*) FROM crew_workers", [], |row| row.get(0)).unwrap()
    };
    until("the crew is there", || workers() == 6);
    crew.home.ok(&["approve", APPROVAL]);
    assert_eq!(status(&crew), "completed");
    assert_eq!(crew.home.json(&["show", PUBLISH])["attempts"].as_array().unwrap().len(), 1, "worked once");
    up.signal("INT");
    assert_eq!(up.end().code, Some(130));
}
