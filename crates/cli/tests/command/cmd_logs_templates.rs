//! `logs templates`: the kinds of lines that a crew knows, and those that it told of.

use crate::fixture::Crew;

#[test]
fn kinds_of_lines_and_what_was_told_of_them_are_listed() {
    let crew = Crew::new();
    crew.home
        .sql()
        .execute_batch(
            "INSERT INTO crew_templates (project_id, source, template, text, level, occurrences, first_seen, last_seen, \
             example, rated, notice, noticed_at) VALUES \
             (1, '/var/log/shop.log', 1, 'served <*> in <*> ms', 'info', 4123, '2026-03-01 08:00:00', \
              '2026-03-01 09:59:00', 'served 7 in 12 ms', 1, NULL, NULL), \
             (1, '/var/log/shop.log', 2, 'coupon service answers slowly', 'warning', 2, '2026-03-01 09:40:00', \
              '2026-03-01 09:45:00', 'coupon service answers slowly', 1, 'new', '2026-03-01 09:41:00')",
        )
        .unwrap();
    insta::assert_snapshot!("all", crew.home.transcript(&["logs", "templates"]));
    insta::assert_snapshot!("noticed", crew.home.transcript(&["logs", "templates", "--noticed"]));
    insta::assert_snapshot!("json", crew.home.transcript(&["logs", "templates", "--noticed", "--json"]));
    insta::assert_snapshot!(
        "none",
        crew.home.transcript(&["logs", "templates", "--source", "/var/log/other.log"])
    );
}
