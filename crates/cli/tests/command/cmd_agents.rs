use crate::fixture::Crew;

#[test]
fn the_six_are_shown_with_what_they_have_done() {
    let crew = Crew::new();
    let sql = "UPDATE agent_state SET last_active = '2026-03-01 09:55:00', metrics_json = \
               '{\"completed\":2,\"failed\":1,\"runs\":4,\"avg_task_ms\":1530,\"tokens_in\":1000,\"tokens_out\":24}' \
               WHERE agent_name = 'developer'";
    crew.home.sql().execute(sql, []).unwrap();
    insta::assert_snapshot!("human", crew.home.transcript(&["agents"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["agents", "--json"]));
}

#[test]
fn counters_of_other_programs_break_nothing() {
    let crew = Crew::new();
    let sql = "UPDATE agent_state SET metrics_json = '{\"completed\":18446744073709551615,\
               \"failed\":18446744073709551615,\"runs\":\"many\",\"tokens_in\":-1}'";
    crew.home.sql().execute(sql, []).unwrap();
    let told = crew.home.ok(&["agents"]).stdout;
    assert!(told.contains("50 %"), "{told}");
}
