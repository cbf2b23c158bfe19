use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;
use regex::Regex;
use serde_json::Value;

use crate::support::{Home, Ran, until};

/// What the service of [`Home::repository`] prints when a bag has no price.
pub(crate) const CRASH: &str = "2026-03-01 09:00:00,000 INFO shop: open\n2026-03-01 09:00:01,000 ERROR shop: request failed\n\
    Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 2, in price\n    return bag['price']\n\
    KeyError: 'price'\n2026-03-01 09:00:02,000 INFO shop: closed\n";

const REFUSED: &str = "2026-03-01 09:00:01,000 ERROR shop: request failed\nTraceback (most recent call last):\n  File \
    \"/srv/shop/app.py\", line 2, in price\n    return bag['price']\nConnectionRefusedError: [Errno 111] Connection refused\n";

/// A repository, and a log beside it.
pub(crate) fn shop(log: &str) -> (Home, String) {
    let home = Home::new();
    home.repository();
    let path = home.path().join("shop.log");
    std::fs::write(&path, log).unwrap();
    (home, path.to_str().unwrap().to_owned())
}

/// All that git knows of, beside the branch of the fix.
fn everything(home: &Home) -> String {
    let all = [
        home.git(&["status", "--porcelain", "--ignored"]),
        home.git(&["for-each-ref", "--exclude=refs/heads/groundcrew"]),
        home.git(&["worktree", "list"]),
        home.git(&["reflog"]),
    ];
    all.join("\n")
}

/// A run and everything that came of it; ids of commits differ from run to run, since they hold the time.
pub(crate) fn shown(home: &Home, arguments: &[&str]) -> String {
    let text = home.transcript(arguments);
    Regex::new(r"\b[0-9a-f]{10}\b").unwrap().replace_all(&text, "<short>").into_owned()
}

#[test]
fn a_fix_leaves_its_branch_and_nothing_else() {
    let (home, log) = shop(CRASH);
    let before = everything(&home);
    assert_snapshot!(shown(&home, &["fix", &log, "--quiet"]));
    assert_eq!(everything(&home), before);
    assert!(!home.database().exists(), "the user's own database is not touched");
    let branch = home.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    assert_eq!(branch.lines().count(), 2, "{branch}");
}

#[test]
fn a_fix_is_one_document_for_programs() {
    let (home, log) = shop(CRASH);
    assert_snapshot!(shown(&home, &["fix", &log, "--json", "--quiet"]));
}

#[test]
fn an_error_that_no_code_cures_is_not_fixed_and_says_why() {
    let (home, log) = shop(REFUSED);
    let before = everything(&home);
    assert_snapshot!(shown(&home, &["fix", &log, "--quiet"]));
    assert_eq!(everything(&home), before);
}

#[test]
fn a_fix_that_is_interrupted_leaves_nothing() {
    let (home, log) = shop(CRASH);
    let before = everything(&home);
    let fix = home.start(&["fix", &log]);
    until("a commit is kept", || !home.git(&["for-each-ref", "refs/groundcrew"]).is_empty());
    fix.signal("INT");
    let ran = fix.end();
    assert_eq!(ran.code, Some(130), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(everything(&home), before);
}

#[test]
fn the_error_can_come_on_standard_input_and_the_tests_on_the_command_line() {
    let (home, _) = shop("");
    let arguments =
        ["fix", "-", "--json", "--quiet", "--", "python3", "-m", "unittest", "discover", "-s", "tests"];
    let mut child = home
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(CRASH.as_bytes()).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["evidence"]["suite_before"]["passed"], 1, "{}", ran.stdout);
}

#[test]
fn what_cannot_be_repaired_at_all_is_said_before_anything_is_done() {
    let (home, log) = shop("2026-03-01 09:00:00,000 INFO shop: open\n");
    assert_snapshot!(home.transcript(&["fix", &log]));
    assert_snapshot!(home.transcript(&["fix", "/nonexistent/app.log"]));
    std::fs::write(&log, CRASH).unwrap();
    let elsewhere = home.path().join("home");
    assert_snapshot!(home.transcript(&["fix", &log, "--repo", elsewhere.to_str().unwrap()]));
}
