use crate::fixture::{Crew, HOSTILE};

#[test]
fn workers_are_shown_with_whether_they_live() {
    let crew = Crew::new();
    insta::assert_snapshot!("none", crew.home.transcript(&["workers"]));
    let sql = crew.home.sql();
    let mut row = sql
        .prepare("INSERT INTO crew_workers (name, host, pid, roles_json, started_at, last_seen) VALUES (?1, ?2, 4711, ?3, '2026-03-01 08:00:00', ?4)")
        .unwrap();
    row.execute(("qa@host-4711-a", "host", r#"["qa"]"#, "2026-03-01 09:59:55")).unwrap();
    row.execute(("all@other-1-b", HOSTILE, r#"["monitor","triage"]"#, "2026-03-01 09:50:00")).unwrap();
    insta::assert_snapshot!("human", crew.home.transcript(&["workers"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["workers", "--json"]));
}

#[test]
fn a_worker_whose_process_has_ended_is_gone() {
    let crew = Crew::new();
    let folder = crew.home.database().with_file_name("groundcrew.db.work");
    std::fs::create_dir_all(&folder).unwrap();
    // The lock file of a process that was killed: it is there, and nobody holds it.
    std::fs::write(folder.join("alive-host-4711-a.lock"), "").unwrap();
    let sql = "INSERT INTO crew_workers (name, host, pid, roles_json, started_at, last_seen) VALUES \
               ('qa@host-4711-a', 'host', 4711, '[\"qa\"]', datetime('now'), datetime('now'))";
    crew.home.sql().execute(sql, []).unwrap();
    assert_eq!(crew.home.json(&["workers"])["workers"][0]["life"], "gone");
}
