use crate::support::Home;

#[test]
fn migrating_is_done_once_and_can_be_looked_at_first() {
    let home = Home::new();
    insta::assert_snapshot!("dry", home.transcript(&["db", "migrate", "--dry-run"]));
    assert!(!home.database().exists(), "a dry run makes nothing");
    insta::assert_snapshot!("first", home.transcript(&["db", "migrate", "--json"]));
    insta::assert_snapshot!("second", home.transcript(&["db", "migrate"]));
}

#[test]
fn a_database_of_the_given_schema_is_taken_over_with_its_rows() {
    let home = Home::new();
    std::fs::create_dir_all(home.database().parent().unwrap()).unwrap();
    let given = include_str!("../../../store/migrations/sqlite/0001_given.sql");
    let sql = home.sql();
    sql.execute_batch(given).unwrap();
    sql.execute("INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('check_health', 'monitor')", [])
        .unwrap();
    drop(sql);
    let ran = home.run(&["tasks"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("groundcrew db migrate"), "{}", ran.stderr);
    home.ok(&["db", "migrate"]);
    assert_eq!(home.json(&["tasks"])["tasks"][0]["task_type"], "check_health");
}
