use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Home, Ran};

const SOUND: &str = "kind = \"boundary\"\n\n[files]\n\"a.py\" = '''\ndef grown(age):\n    return age >= 18\n'''\n\"test_a.py\" = \
    '''\nimport unittest\n\nfrom a import grown\n\n\nclass GrownTest(unittest.TestCase):\n    def test_edge(self):\n        \
    self.assertTrue(grown(18))\n\n    def test_child(self):\n        self.assertFalse(grown(17))\n'''\n\n[edit]\nfile = \
    \"a.py\"\nright = \"age >= 18\"\nwrong = \"age > 18\"\n\n[hidden]\nscript = '''\nfrom a import grown\n\nassert \
    [grown(age) for age in (0, 17, 18, 40)] == [False, False, True, True]\n'''\n";

/// A folder of cases in the home of a user.
fn cases(home: &Home, cases: &[(&str, &str)]) -> String {
    let folder = home.path().join("cases");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in cases {
        std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn cases_that_measure_nothing_are_told() {
    let home = Home::new();
    let easy =
        SOUND.replace("assert [grown(age) for age in (0, 17, 18, 40)]", "assert [False, False, True, True]");
    let green = SOUND.replace("self.assertTrue(grown(18))", "self.assertTrue(grown(19))");
    let wrong = SOUND.replace("(0, 17, 18, 40)", "(0, 17, 18, 4)");
    let all = [("easy", easy.as_str()), ("green", &green), ("sound", SOUND), ("wrong", &wrong)];
    let folder = cases(&home, &all);
    assert_snapshot!(home.transcript(&["bench", "repair", &folder, "--check"]));
    assert_snapshot!(home.transcript(&["bench", "repair", &folder, "--check", "--json"]));
}

#[test]
fn a_case_that_cannot_be_read_is_named_with_the_place() {
    let home = Home::new();
    let folder = cases(&home, &[("odd", "kind = 3\n")]);
    assert_snapshot!(home.transcript(&["bench", "repair", &folder]));
    assert_snapshot!(home.transcript(&["bench", "repair", "/nonexistent"]));
}

#[test]
fn a_repair_is_right_when_the_check_that_it_does_not_see_passes() {
    let home = Home::new();
    let crash = SOUND.replace("age >= 18", "bool(age) and age >= 18").replace("age > 18", "aeg >= 18");
    let folder = cases(&home, &[("crash", &crash)]);
    let measured = home.json(&["bench", "repair", &folder, "--quiet"]);
    let case = &measured["cases"][0];
    assert_eq!((&case["name"], &case["correct"]), (&json!("crash"), &json!(true)), "{measured}");
    assert_eq!(measured["figures"]["correct"], json!({ "count": 1, "of": 1 }));
    assert!(case["effort"]["validations"].as_u64() > Some(0), "{measured}");
    let left = std::fs::read_dir(home.shop()).unwrap().count();
    assert_eq!(left, 0, "nothing is left behind");
}

#[test]
fn runs_of_one_case_come_to_the_same() {
    let home = Home::new();
    let folder = cases(&home, &[("grown", SOUND)]);
    let measured = home.json(&["bench", "repair", &folder, "--repeat", "3", "--quiet"]);
    assert_eq!(measured["cases"][0]["differing"], json!({ "count": 0, "of": 2 }), "{measured}");
    assert_eq!(measured["figures"]["equal"], json!({ "count": 1, "of": 1 }), "{measured}");
    assert_eq!(measured["figures"]["cut_by_clock"], json!(0), "{measured}");
}

#[test]
fn a_repository_of_the_users_is_measured_and_left_as_it_was() {
    let home = Home::new();
    home.repository();
    let before = home.git(&["for-each-ref"]);
    let text = "repository = \"../shop\"\ncrash = '''\nimport app\n\napp.price({})\n'''\n[hidden]\nscript = '''\nimport app\n\n\
        app.price({})\nassert app.price({\"price\": 3}) == 3\n'''\n";
    let folder = cases(&home, &[("shop", text)]);
    let measured = home.json(&["bench", "repair", &folder, "--quiet"]);
    assert_eq!(measured["cases"][0]["correct"], json!(true), "{measured}");
    assert_eq!(home.git(&["for-each-ref"]), before);
}

/// The cases that this program is measured with while it is made.
fn practice(folder: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../repair/practice").join(folder);
    let home = Home::new();
    let arguments = ["bench", "repair", folder.to_str().unwrap(), "--check", "--jobs", "2", "--json"];
    let ran = Ran::of(&home.command(arguments).output().unwrap());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

#[test]
fn every_practice_program_is_right_but_for_its_edit_and_a_test_shows_it() {
    let checked = practice("programs");
    assert_eq!(checked["unsound"], json!([]));
    assert!(checked["cases"].as_u64() >= Some(60), "{checked}");
}

#[test]
fn every_practice_crash_is_right_but_for_its_edit_and_its_log_shows_it() {
    let checked = practice("crashes");
    assert_eq!(checked["unsound"], json!([]));
    assert!(checked["cases"].as_u64() >= Some(20), "{checked}");
}

#[test]
fn the_engine_is_measured_on_a_database_of_its_own() {
    let home = Home::new();
    let file = home.path().join("bench.db");
    let named = format!("sqlite:{}", file.display());
    let small = ["bench", "queue", "--tasks", "60", "--workers", "4", "--batch", "7", "--backlog", "1000"];
    let with = |more: &[&'static str]| [&small, more].concat();
    let figures = home.json(&with(&["--quiet"]));
    for field in [
        "enqueue_per_s",
        "enqueue_batch_per_s",
        "drain_per_s",
        "drain_tuned_per_s",
        "out_of_the_box",
        "drain_two_calls_per_s",
        "two_calls",
        "claims_per_commit",
        "idle_cpu_percent",
    ] {
        assert!(figures[field].as_f64() > Some(0.0), "{field}: {figures}");
    }
    for field in ["pickup_ms", "start_ms", "commit_ms"] {
        assert!(figures[field]["p50"].as_f64() <= figures[field]["p99"].as_f64(), "{field}: {figures}");
        assert!(figures[field]["p99"].is_number(), "{field}: {figures}");
    }
    assert_eq!((&figures["synchronous"], &figures["tasks"]), (&json!("full"), &json!(60)));
    let text = Ran::of(&home.command(with(&["--quiet", "--database"])).arg(&named).output().unwrap());
    assert_eq!(text.code, Some(0), "{}{}", text.stdout, text.stderr);
    assert!(text.stdout.contains("claimed and completed"), "{}", text.stdout);
    let left: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(
        !file.exists() && !left.iter().any(|name| name.to_string_lossy().starts_with("bench")),
        "{left:?}"
    );
}

#[test]
fn a_measurement_fills_no_database_that_is_there() {
    let home = Home::new();
    let file = home.shop().join("mine.db");
    std::fs::write(&file, "mine").unwrap();
    assert_snapshot!(home.transcript(&["bench", "queue", "--database", "sqlite:mine.db"]));
    assert_snapshot!(home.transcript(&["bench", "queue", "--tasks", "none"]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
