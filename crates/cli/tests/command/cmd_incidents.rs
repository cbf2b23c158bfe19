use crate::fixture::{Crew, HOSTILE};

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
    insta::assert_snapshot!("show_json", crew.home.transcript(&["incidents", "show", "2", "--json"]));
}

#[test]
fn what_triage_decided_is_shown() {
    let crew = Crew::new();
    let result = serde_json::json!({ "outcome": "developer", "confidence": 0.9, "classification": {
        "category": "code_bug", "severity": "high", "priority": 9, "route": "developer", "fixability": 0.8,
        "in_app_frame": { "file": "app.py", "line": 2, "function": "price", "in_app": true },
        "suspects": [{ "sha": crew.base, "subject": HOSTILE, "score": 0.7, "evidence": "it last changed line 2" }],
        "reason": "the key is missing", "stop_at": "patch",
        "owner": { "name": "@shop/payments", "kind": "team", "source": "codeowners" },
        "not_fixable_reason": HOSTILE, "duplicate_of": 2,
    } });
    crew.home
        .sql()
        .execute("UPDATE agent_tasks SET result_json = ?1 WHERE id = 1", [result.to_string()])
        .unwrap();
    insta::assert_snapshot!("judged_list", crew.home.transcript(&["incidents", "--status", "fix_ready"]));
    insta::assert_snapshot!("judged", crew.home.transcript(&["incidents", "show", "1"]));
    insta::assert_snapshot!("judged_task", crew.home.transcript(&["show", "1"]));
    let row = crew.home.json(&["incidents", "--status", "fix_ready"])["incidents"][0].clone();
    assert_eq!((&row["priority"], &row["stop_at"]), (&9.into(), &"patch".into()));
}

#[test]
fn a_person_decides_about_an_incident() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "ignore",
        crew.home.transcript(&["incidents", "ignore", "1", "--reason", "the caller sends no price"])
    );
    assert_eq!(crew.home.json(&["incidents", "show", "1"])["incident"]["status"], "ignored");
    insta::assert_snapshot!("reopen", crew.home.transcript(&["incidents", "reopen", "1"]));
    insta::assert_snapshot!("merge", crew.home.transcript(&["incidents", "merge", "2", "--into", "1"]));
    insta::assert_snapshot!("merged", crew.home.transcript(&["incidents"]));
    insta::assert_snapshot!("split", crew.home.transcript(&["incidents", "split", "2"]));
    insta::assert_snapshot!("not_merged", crew.home.transcript(&["incidents", "split", "2"]));
    insta::assert_snapshot!("unknown", crew.home.transcript(&["incidents", "merge", "2", "--into", "99"]));
}

#[test]
fn programs_are_told_what_became_of_an_incident() {
    let crew = Crew::new();
    insta::assert_snapshot!(
        "merge_json",
        crew.home.transcript(&["incidents", "merge", "2", "--into", "1", "--json"])
    );
    insta::assert_snapshot!("split_json", crew.home.transcript(&["incidents", "split", "2", "--json"]));
    insta::assert_snapshot!(
        "ignore_json",
        crew.home.transcript(&["incidents", "ignore", "2", "--reason", "x", "--json"])
    );
    insta::assert_snapshot!("reopen_json", crew.home.transcript(&["incidents", "reopen", "2", "--json"]));
}

#[test]
fn an_unknown_incident_and_an_unknown_status_are_told_apart() {
    let crew = Crew::new();
    assert_eq!(crew.home.run(&["incidents", "show", "9"]).code, Some(4));
    let ran = crew.home.run(&["incidents", "--status", "fixed"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("fix_ready"), "{}", ran.stderr);
}

#[test]
fn an_incident_is_ignored_for_a_while() {
    let crew = Crew::new();
    let ignore = |until: &str| {
        crew.home.transcript(&[
            "incidents",
            "ignore",
            "1",
            "--reason",
            "the supplier is told",
            "--until",
            until,
        ])
    };
    insta::assert_snapshot!("until_count", ignore("100 more"));
    insta::assert_snapshot!("until_released", ignore("released"));
    insta::assert_snapshot!("until_span", ignore("7d"));
    insta::assert_snapshot!("until_time", ignore("2126-12-24T18:00:00Z"));
    insta::assert_snapshot!("until_shown", crew.home.transcript(&["incidents", "show", "1"]));
    insta::assert_snapshot!("until_past", ignore("2020-12-24T18:00:00Z"));
    insta::assert_snapshot!("until_nonsense", ignore("soon"));
    let ignored = &crew.home.json(&["incidents", "show", "1"])["incident"]["ignored"];
    assert_eq!(*ignored, serde_json::json!({ "until": "time", "at": "2126-12-24T18:00:00Z" }));
    insta::assert_snapshot!("unignore", crew.home.transcript(&["incidents", "unignore", "1"]));
    assert_eq!(crew.home.json(&["incidents", "show", "1"])["incident"]["ignored"], serde_json::Value::Null);
}

#[test]
fn incidents_that_may_be_the_same_are_named_and_merged_at_once() {
    let crew = Crew::new();
    let sql = crew.home.sql();
    sql.execute("UPDATE crew_incidents SET family = 'a', rule = 'tills' WHERE id IN (1, 2)", []).unwrap();
    sql.execute(
        "INSERT INTO crew_incidents (id, project_id, fingerprint, fingerprint_version, title, status, occurrences, first_seen,
            last_seen, family)
         SELECT 3, project_id, 'f3', 2, 'KeyError: till', 'new', 2, first_seen, last_seen, 'a' FROM crew_incidents WHERE id = 1",
        [],
    )
    .unwrap();
    insta::assert_snapshot!("similar", crew.home.transcript(&["incidents", "show", "1"]));
    sql.execute("UPDATE crew_incidents SET fix_commit = '0123456789abcdef' WHERE id = 3", []).unwrap();
    let inbox = crew.home.transcript(&["inbox"]);
    assert!(inbox.contains("incident 3 (fixed in 0123456789"), "{inbox}");
    sql.execute("UPDATE crew_incidents SET fix_commit = NULL WHERE id = 3", []).unwrap();
    insta::assert_snapshot!("like", crew.home.transcript(&["incidents", "--like", "1"]));
    let like = crew.home.json(&["incidents", "show", "1"])["similar"].clone();
    assert_eq!(like.as_array().unwrap().len(), 2, "{like}");
    insta::assert_snapshot!("merge_alone", crew.home.transcript(&["incidents", "merge", "1"]));
    insta::assert_snapshot!("merge_many", crew.home.transcript(&["incidents", "merge", "1", "2", "3"]));
    insta::assert_snapshot!("with_merged", crew.home.transcript(&["incidents", "--merged"]));
    insta::assert_snapshot!("split_one", crew.home.transcript(&["incidents", "split", "3"]));
    insta::assert_snapshot!(
        "merge_many_json",
        crew.home.transcript(&["incidents", "merge", "3", "--into", "1", "--json"])
    );
}
