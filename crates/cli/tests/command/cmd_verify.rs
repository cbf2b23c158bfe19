use insta::assert_snapshot;

use crate::cmd_fix::{CRASH, file, shop, shown};
use crate::support::Home;

const RIGHT: &str = "def price(bag):\n    return bag.get('price', 0)\n";

/// A commit of the owner's on a branch of its own; the checkout stays on main.
fn commit(home: &Home, branch: &str, source: &str) {
    home.git(&["checkout", "--quiet", "-b", branch, "main"]);
    std::fs::write(home.shop().join("app.py"), source).unwrap();
    home.git(&["commit", "--quiet", "-am", "Bags may have no price"]);
    home.git(&["checkout", "--quiet", "main"]);
}

#[test]
fn a_right_fix_of_a_person_is_shown_to_be_one() {
    let (home, log) = shop(CRASH);
    commit(&home, "mine", RIGHT);
    let refs = home.git(&["for-each-ref"]);
    assert_snapshot!(shown(&home, &["verify", "mine", "--error", &log, "--quiet"]));
    assert_eq!(home.git(&["for-each-ref"]), refs, "nothing is left behind");
}

#[test]
fn a_verified_fix_is_one_document_for_programs() {
    let (home, log) = shop(CRASH);
    commit(&home, "mine", RIGHT);
    assert_snapshot!(shown(&home, &["verify", "mine", "--error", &log, "--json", "--quiet"]));
}

#[test]
fn a_fix_of_several_commits_is_compared_with_where_its_branch_began() {
    let (home, log) = shop(CRASH);
    let began = home.git(&["rev-parse", "main"]);
    commit(&home, "mine", RIGHT);
    home.git(&["checkout", "--quiet", "mine"]);
    std::fs::write(home.shop().join("NOTES"), "bags\n").unwrap();
    home.git(&["add", "NOTES"]);
    home.git(&["commit", "--quiet", "-m", "Note it"]);
    home.git(&["checkout", "--quiet", "main"]);
    let ran = home.run(&["verify", "mine", "--error", &log, "--json", "--quiet"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["base"], began.as_str(), "{}{}", ran.stdout, ran.stderr);
    assert_ne!(report["outcome"], "not_shown", "{}", ran.stdout);
}

#[test]
fn a_commit_that_cures_nothing_is_rejected() {
    let (home, log) = shop(CRASH);
    commit(&home, "mine", "def price(bag):\n    return bag['price'] + 0\n");
    assert_snapshot!(shown(&home, &["verify", "mine", "--error", &log, "--quiet"]));
}

#[test]
fn a_fix_that_breaks_a_test_is_rejected() {
    let (home, log) = shop(CRASH);
    commit(&home, "mine", "def price(bag):\n    return 0\n");
    let ran = home.run(&["verify", "mine", "--error", &log, "--quiet"]);
    assert_eq!(ran.code, Some(8), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("test_price"), "{}", ran.stdout);
}

#[test]
fn a_commit_that_is_not_there_is_named() {
    let (home, log) = shop(CRASH);
    assert_snapshot!(home.transcript(&["verify", "nowhere", "--error", &log]));
}

#[test]
fn what_was_verified_is_a_page_for_a_stranger() {
    let (home, log) = shop(CRASH);
    commit(&home, "mine", RIGHT);
    let ran = home.run(&["verify", "mine", "--error", &log, "--json", "--quiet"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let page: serde_json::Value = serde_json::from_str(&file(&report, "json")).unwrap();
    assert_eq!(page["commit"], home.git(&["rev-parse", "mine"]));
    assert_eq!(page["tree"], home.git(&["rev-parse", "mine^{tree}"]));
    for form in ["html", "markdown"] {
        let text = file(&report, form);
        for wanted in ["bag.get(", "reproduction before", "Commands", "environment hash", "mutants"] {
            assert!(text.contains(wanted), "{form} has no {wanted}: {text}");
        }
    }
}
