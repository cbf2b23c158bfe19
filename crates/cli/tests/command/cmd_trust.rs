use crate::support::Home;

const POWER: &str =
    "[test]\ncommand = [\"make\", \"test\"]\n[logs]\npaths = [\"/var/log/\\u001b[31mshop.log\"]\n";

#[test]
fn the_keys_that_widen_power_are_shown_and_count_from_then_on() {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("groundcrew.toml"), POWER).unwrap();
    insta::assert_snapshot!("shown", home.transcript(&["trust", "--show"]));
    insta::assert_snapshot!("shown_json", home.transcript(&["trust", "--show", "--json"]));
    assert_eq!(home.json(&["trust", "--show"])["trusted"], false, "showing changes nothing");
    insta::assert_snapshot!("trusted", home.transcript(&["trust"]));
    assert_eq!(home.json(&["trust", "--show"])["trusted"], true);
    std::fs::write(home.shop().join("groundcrew.toml"), POWER.replace("make", "evil")).unwrap();
    assert_eq!(home.json(&["trust", "--show"])["trusted"], false, "a changed file is a stranger");
}

#[test]
fn without_a_configuration_there_is_nothing_to_trust() {
    let home = Home::new();
    home.repository();
    insta::assert_snapshot!(home.transcript(&["trust"]));
}

#[test]
fn a_mistake_in_the_configuration_has_its_line_and_column() {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("groundcrew.toml"), "[test]\ntimeout = \"soon\"\n").unwrap();
    insta::assert_snapshot!(home.transcript(&["trust"]));
}
