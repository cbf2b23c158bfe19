use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Home, Ran};

const LOG: &str = "\
2026-11-05T10:00:00Z INFO shop.http GET /cart/7 token=abcDEF123456
2026-11-05T10:00:01Z ERROR shop.web failed
com.acme.shop.CartException: no room
\tat com.acme.shop.Cart.add(Cart.java:9)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.lang.IllegalStateException: full
\tat com.acme.shop.Box.fill(Box.java:3)
\t... 1 more
/srv/shop/cart.js:8
  return users.get(uid).name;
                       ^

TypeError: Cannot read properties of undefined (reading 'name')
    at loadUser (/srv/shop/cart.js:8:24)
    at Module._compile (node:internal/modules/cjs/loader:1521:14)

Node.js v20.20.2
something else
";

fn home() -> Home {
    let home = Home::new();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home
}

#[test]
fn a_log_is_understood_without_a_crew() {
    let home = home();
    insta::assert_snapshot!("human", home.transcript(&["logs", "parse", "app.log"]));
    insta::assert_snapshot!("json", home.transcript(&["logs", "parse", "app.log", "--errors", "--json"]));
    assert!(!home.database().exists());
}

#[test]
fn lines_that_belong_together_are_shown_together() {
    let home = home();
    insta::assert_snapshot!("assembled", home.transcript(&["logs", "assemble", "app.log"]));
    insta::assert_snapshot!("assembled_json", home.transcript(&["logs", "assemble", "app.log", "--json"]));
}

#[test]
fn standard_input_is_read_like_a_file() {
    let home = home();
    let of_file = home.ok(&["logs", "parse", "app.log"]).stdout;
    let mut command = home.command(["logs", "parse", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LOG.as_bytes()).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout), (Some(0), of_file));
}

#[test]
fn what_comes_on_standard_input_is_shown_as_it_comes_and_lies_in_no_file() {
    use std::io::{BufRead as _, BufReader};
    let home = home();
    let folder = home.shop().join("temporary");
    std::fs::create_dir(&folder).unwrap();
    let mut child = home
        .command(["logs", "parse", "-", "--json"])
        .env("TMPDIR", &folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(b"2026-11-05 10:00:00 ERROR shop: password=hunter22 one\n").unwrap();
    stdin.write_all("2026-11-05 10:00:00 INFO shop: next\n".repeat(9).as_bytes()).unwrap();
    let first = shown.next().unwrap().unwrap();
    assert!(first.contains(" one") && !first.contains("hunter22"), "{first}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    drop(stdin);
    assert_eq!(shown.count(), 10);
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_exported_journal_is_read_like_any_log() {
    let home = home();
    let trace = "Traceback (most recent call last):\n  File \"/srv/shop/a.py\", line 3, in f\nKeyError: 'x'";
    let mut journal = b"__CURSOR=s=1;i=1;b=1\n__REALTIME_TIMESTAMP=1793872800250000\nPRIORITY=3\n\
        _SYSTEMD_UNIT=shop.service\n_PID=4\nMESSAGE\n"
        .to_vec();
    journal.extend((trace.len() as u64).to_le_bytes());
    journal.extend([trace.as_bytes(), b"\n\n"].concat());
    std::fs::write(home.shop().join("shop.export"), &journal).unwrap();
    let ran = home.ok(&["logs", "parse", "shop.export", "--errors", "--json"]).stdout;
    let record: serde_json::Value = serde_json::from_str(ran.lines().next().unwrap()).unwrap();
    let said = [&record["text"], &record["stream"], &record["trace"]["type"]];
    assert_eq!(said, [trace, "shop.service", "KeyError"]);
}

#[test]
fn what_is_no_log_is_told_by_name() {
    let home = home();
    std::fs::write(home.shop().join("app.log.gz"), b"\x1f\x8b\x08\0\0\0").unwrap();
    insta::assert_snapshot!("missing", home.transcript(&["logs", "parse", "none.log"]));
    insta::assert_snapshot!("folder", home.transcript(&["logs", "assemble", "."]));
    insta::assert_snapshot!("binary", home.transcript(&["logs", "parse", "app.log.gz"]));
}

const MANY: &str = "\
2026-11-05T10:00:00Z INFO shop.auth session opened for user ann
2026-11-05T10:00:01Z INFO shop.http GET /cart/7 took 12 ms, \"hit\" token=abcDEF123456
2026-11-05T10:00:02Z INFO shop.auth session opened for user bob
2026-11-05T10:00:03Z WARN shop.pool pool full
2026-11-05T10:00:04Z INFO shop.http GET /cart/8 took 7 ms, \"hit\" token=abcDEF123456
2026-11-05T10:00:05Z ERROR shop.web failed
com.acme.shop.CartException: no room for 7
\tat com.acme.shop.Cart.add(Cart.java:9)

2026-11-05T10:00:06Z INFO shop.auth session opened for user eve
";

fn mined() -> Home {
    let home = Home::new();
    std::fs::write(home.shop().join("app.log"), MANY).unwrap();
    home
}

#[test]
fn statements_of_a_log_are_counted() {
    let home = mined();
    insta::assert_snapshot!("mined", home.transcript(&["logs", "mine", "app.log"]));
    insta::assert_snapshot!("mined_json", home.transcript(&["logs", "mine", "app.log", "--json"]));
    insta::assert_snapshot!(
        "mined_rare",
        home.transcript(&["logs", "mine", "app.log", "--sort", "rare", "--limit", "1", "--json"])
    );
    assert!(!home.database().exists());
}

#[test]
fn every_line_gets_a_row() {
    let home = mined();
    std::fs::write(home.shop().join("more.log"), "\npool full\r\nsession opened for user joe").unwrap();
    let ran = home.ok(&["logs", "mine", "app.log", "more.log", "--csv", "lines.csv", "--quiet"]);
    let rows = std::fs::read_to_string(home.shop().join("lines.csv")).unwrap();
    insta::assert_snapshot!("rows", rows.replace("\r\n", "\\r\\n\n"));
    let again = home.ok(&["logs", "mine", "app.log", "more.log", "--csv", "again.csv", "--quiet"]);
    assert_eq!(ran.stdout, again.stdout);
    assert_eq!(rows, std::fs::read_to_string(home.shop().join("again.csv")).unwrap());
    assert_eq!(std::fs::read_dir(home.shop()).unwrap().count(), 4, "nothing else is left behind");
}

#[test]
fn a_file_of_rows_replaces_nothing_unasked() {
    let home = mined();
    std::fs::write(home.shop().join("lines.csv"), "mine").unwrap();
    insta::assert_snapshot!("csv_there", home.transcript(&["logs", "mine", "app.log", "--csv", "lines.csv"]));
    assert_eq!(std::fs::read_to_string(home.shop().join("lines.csv")).unwrap(), "mine");
    home.ok(&["logs", "mine", "app.log", "--csv", "lines.csv", "--overwrite"]);
    let rows = std::fs::read_to_string(home.shop().join("lines.csv")).unwrap();
    assert_eq!(rows.lines().count(), 11, "{rows}");
    let over = ["logs", "mine", "app.log", "--csv", "app.log", "--overwrite"];
    insta::assert_snapshot!("csv_is_input", home.transcript(&over));
    assert_eq!(std::fs::read_to_string(home.shop().join("app.log")).unwrap(), MANY);
    insta::assert_snapshot!(
        "csv_nowhere",
        home.transcript(&["logs", "mine", "app.log", "--csv", "none/x.csv"])
    );
    insta::assert_snapshot!("csv_full", home.transcript(&["logs", "mine", "app.log", "--csv", "/dev/full"]));
}

#[test]
fn rules_are_tried_on_a_log_before_they_count_anywhere() {
    let home = home();
    let rules = "[[logs.rules]]\nname = \"carts\"\ntype = \"CartException\"\nignore = true\n\
                 [[logs.rules]]\npath = \"**/cart.js\"\nmerge = \"cart page\"\n";
    std::fs::write(home.shop().join("try.toml"), rules).unwrap();
    let parse = |more: &[&str]| {
        home.transcript(&[&["logs", "parse", "app.log", "--errors", "--config", "try.toml"], more].concat())
    };
    insta::assert_snapshot!("rules", parse(&[]));
    insta::assert_snapshot!("rules_json", parse(&["--json"]));
    std::fs::write(home.shop().join("try.toml"), "[[logs.rules]]\nignore = true\n").unwrap();
    insta::assert_snapshot!("rules_wrong", parse(&[]));
    std::fs::write(home.shop().join("try.toml"), "\n[[logs.rules]]\nignore = true\nmessage = \"/(/\"\n")
        .unwrap();
    insta::assert_snapshot!("rules_pattern", parse(&[]));
    std::fs::remove_file(home.shop().join("try.toml")).unwrap();
    insta::assert_snapshot!("rules_nowhere", parse(&[]));
}

#[test]
fn what_the_settings_want_taken_out_is_tried_on_a_log_before_it_counts_anywhere() {
    let home = home();
    let line =
        "2026-11-05T10:00:00Z ERROR shop: no order C-123456 for bob@example.org, card 4111111111111111\n";
    std::fs::write(home.shop().join("orders.log"), line).unwrap();
    let settings =
        "[logs]\nredact = [\"email\"]\nredact_patterns = [{ name = \"order\", pattern = \"C-[0-9]{6}\" }]\n";
    std::fs::write(home.shop().join("try.toml"), settings).unwrap();
    let plain = home.run(&["logs", "parse", "orders.log"]);
    assert!(plain.stdout.contains("C-123456 for bob@example.org"), "{plain:?}");
    let ran = home.run(&["logs", "parse", "orders.log", "--config", "try.toml", "--json"]);
    let kept = ["C-123456", "bob@"].iter().any(|secret| ran.stdout.contains(secret));
    assert!(!kept && ran.stdout.contains("no order [redacted:order:"), "{ran:?}");
    assert!(ran.stdout.contains("for [redacted:email:"), "{ran:?}");
    assert!(ran.stdout.contains("4111111111111111"), "what was not asked for stays: {ran:?}");
    let wrong = "[logs]\nredact_patterns = [\n  \"(\"\n]\n";
    std::fs::write(home.shop().join("try.toml"), wrong).unwrap();
    let ran = home.run(&["logs", "parse", "orders.log", "--config", "try.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("try.toml: line 3, column 3: the pattern \"(\" cannot be used"),
        "{}",
        ran.stderr
    );
}
