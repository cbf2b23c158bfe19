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

/// A run and everything that came of it; times differ from run to run, and so do ids of commits, which hold the time.
pub(crate) fn shown(home: &Home, arguments: &[&str]) -> String {
    let text = home.transcript(arguments);
    let text = Regex::new(r"\b[0-9a-f]{10}\b").unwrap().replace_all(&text, "<short>");
    let times = Regex::new(r#""(seconds|[a-z]+_ms)": [0-9.]+"#).unwrap();
    times.replace_all(&text, "\"$1\": <time>").into_owned()
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
    assert_eq!(document["shown"]["suite_before"]["passed"], 1, "{}", ran.stdout);
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

#[test]
fn a_test_command_that_is_not_there_is_said_at_once() {
    let (home, _) = shop("");
    let ran = home.run(&["fix", "--test", "nosuchprogram"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    let told = "the tests cannot be run: nosuchprogram cannot be started in the sandbox";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("--test"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("tried again"), "{}", ran.stderr);
    let ran = home.run(&["fix", "--max-candidates", "-3"]);
    assert!(ran.stderr.contains("name a whole number from 1"), "{}", ran.stderr);
}

/// The text of a file that a document names.
pub(crate) fn file(document: &Value, form: &str) -> String {
    let path = document["evidence"][form].as_str().unwrap_or_else(|| panic!("no {form}: {document}"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_evidence_is_a_page_on_which_hostile_code_is_text_and_secrets_are_not() {
    let (home, log) = shop(CRASH);
    let secret = ["ghp", "_", "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"].concat();
    let source = format!(
        "def price(bag):\n    return bag['price']\n# </pre><script>alert(1)</script> ``` \u{202e} {secret}\n"
    );
    std::fs::write(home.shop().join("app.py"), source).unwrap();
    home.git(&["commit", "--quiet", "-am", "</code><img src=x> `x`"]);
    let before = everything(&home);
    let ran = home.run(&["fix", &log, "--json", "--quiet"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(everything(&home), before, "nothing of it is in the checkout");

    let (html, markdown, json) =
        (file(&document, "html"), file(&document, "markdown"), file(&document, "json"));
    for page in [&html, &markdown, &json] {
        assert!(!page.contains(&secret) && !page.contains('\u{202e}'), "{page}");
    }
    assert!(html.contains("# &lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt; ``` \\u{202e}"), "{html}");
    let tag = Regex::new(r"<\s*/?\s*([!a-zA-Z0-9]+)").unwrap();
    let ours = "html head meta style title body main h1 h2 p table thead tbody tr th td pre span !doctype";
    for found in tag.captures_iter(&html) {
        assert!(ours.split(' ').any(|tag| tag == &found[1]), "{}", &found[0]);
    }
    // The patch holds a fence of three, so that of the page is longer.
    assert!(markdown.contains("\n````diff\ndiff --git a/app.py"), "{markdown}");

    let page: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&page["outcome"], &page["commit"]), (&document["outcome"], &document["commit"]));
    assert_eq!(
        page["tree"],
        home.git(&["rev-parse", &format!("{}^{{tree}}", page["commit"].as_str().unwrap())])
    );
    assert_eq!(page["base_tree"], home.git(&["rev-parse", "main^{tree}"]));
    assert_eq!(page["verification"]["checks"], document["shown"]["checks"]);
    let commands = page["commands"].as_array().unwrap();
    for check in document["shown"]["checks"].as_array().unwrap() {
        let (name, status) = (&check["name"], check["status"].as_str().unwrap());
        let of = |command: &&Value| command["checks"].as_array().unwrap().contains(name);
        let runs: Vec<&Value> = commands.iter().filter(of).collect();
        assert!(status == "missing" || status == "clean" || !runs.is_empty(), "{name} rests on nothing");
    }
    assert!(commands.iter().all(|run| run["wall_ms"].is_u64() && run["argv"].is_array()), "{page:#}");
    assert!(commands.iter().any(|run| run["exit_code"] == 0 && run["sandbox"] != "git"), "{page:#}");
}

#[test]
fn a_page_stays_when_there_is_another_one() {
    let (home, log) = shop(REFUSED);
    let documents: Vec<Value> = (0..2)
        .map(|_| serde_json::from_str(&home.run(&["fix", &log, "--json", "--quiet"]).stdout).unwrap())
        .collect();
    let base = home.git(&["rev-parse", "main"]);
    let folder = home.path().join("home/.local/share/groundcrew/evidence/shop");
    for (document, name) in documents.iter().zip(["", "-2"]) {
        let path = folder.join(format!("not-fixed-{}{name}/evidence.html", &base[..10]));
        assert_eq!(document["evidence"]["html"], path.to_str().unwrap());
        assert!(file(document, "markdown").contains("ConnectionRefusedError"));
    }
}

#[test]
fn what_is_not_committed_is_said_not_to_be_seen() {
    let (home, log) = shop(REFUSED);
    std::fs::write(home.shop().join("app.py"), "def price(bag):\n    return 0\n").unwrap();
    std::fs::write(home.shop().join("new.py"), "").unwrap();
    let ran = home.run(&["fix", &log, "--json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["uncommitted"], serde_json::json!(["app.py", "new.py"]));
    assert!(ran.stderr.contains("uncommitted changes, which are not seen: app.py, new.py"), "{}", ran.stderr);
    assert!(file(&document, "html").contains("app.py\nnew.py"));
}

#[test]
fn without_a_fix_the_suspicious_statements_are_told_by_place_and_score() {
    let (home, _) = shop("");
    // No edit makes both hold.
    std::fs::write(
        home.shop().join("tests/test_app.py"),
        "import unittest\nimport app\n\n\nclass Price(unittest.TestCase):\n    def test_one(self):\n        \
         self.assertEqual(app.price({'price': 3}), 417)\n\n    def test_two(self):\n        \
         self.assertEqual(app.price({'price': 3}), 93)\n",
    )
    .unwrap();
    home.git(&["commit", "--quiet", "-am", "Ask for what cannot be"]);
    let ran = home.run(&["fix", "--json", "--quiet", "--max-candidates", "30"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&document["outcome"], ran.code), (&Value::from("not_fixed"), Some(8)), "{document:#}");
    let first = &document["suspects"][0];
    assert_eq!(
        (&first["kind"], &first["file"], &first["line"]),
        (&Value::from("statement"), &Value::from("app.py"), &Value::from(2)),
        "{document:#}"
    );
    assert!(first["score"].as_f64().is_some_and(|score| score > 0.0 && score <= 1.0), "{first}");
    let text = home.run(&["fix", "--quiet", "--max-candidates", "30"]).stdout;
    assert!(text.contains("app.py:2: return bag['price'] ("), "{text}");
    assert!(text.contains("evidence: /"), "{text}");
}

#[test]
fn a_test_command_that_cannot_run_is_told_and_not_taken_for_a_failing_test() {
    let home = Home::new();
    home.repository();
    let ran = home.run(&["fix", "--test", "sh -c 'no-such-runner --all'"]);
    assert_eq!(ran.code, Some(8), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("needs a program that is not there") && ran.stdout.contains("no-such-runner"),
        "{}",
        ran.stdout
    );
}
