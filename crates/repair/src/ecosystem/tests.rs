//! What the tools answer, as they write it.

use super::*;
use crate::edit::apply;

fn fixes(tool: &Tool, answer: &str, text: &str) -> Vec<(u32, String, String)> {
    let files = ["src/a.x".to_owned()];
    let place = Place { root: Path::new("/w"), files: &files, text: &|_| Some(text.to_owned()) };
    let told = (tool.read)(answer, &place);
    told.into_iter().map(|fix| (fix.line, fix.why, apply(text, &fix.edits).unwrap_or_default())).collect()
}

fn row(line: u32, why: &str, text: &str) -> (u32, String, String) {
    (line, why.to_owned(), text.to_owned())
}

#[test]
fn of_ruff_only_what_is_safe_and_in_these_files_is_taken() {
    let answer = |file: &str, applicability: &str| {
        format!(
            r#"[{{"code":"F632","message":"Use `==`","filename":"{file}","location":{{"row":2,"column":4}},
            "end_location":{{"row":2,"column":10}},"fix":{{"applicability":"{applicability}","message":"m","edits":
            [{{"content":"é == 1","location":{{"row":2,"column":4}},"end_location":{{"row":2,"column":10}}}}]}}}}]"#
        )
    };
    let text = "x\nif é is 1: pass\n";
    assert_eq!(
        fixes(&ruff::RUFF, &answer("/w/src/a.x", "safe"), text),
        [row(2, "Use `==` (F632)", "x\nif é == 1: pass\n")]
    );
    assert_eq!(fixes(&ruff::RUFF, &answer("/w/src/a.x", "unsafe"), text), []);
    assert_eq!(fixes(&ruff::RUFF, &answer("/etc/passwd", "safe"), text), []);
    assert_eq!(fixes(&ruff::RUFF, "no json", text), []);
}

#[test]
fn of_the_compiler_only_what_is_machine_applicable_is_taken() {
    let answer = |applicability: &str| {
        format!(
            r#"{{"reason":"compiler-message","message":{{"message":"needless","code":{{"code":"clippy::x"}},"spans":[],"children":
            [{{"message":"remove","spans":[{{"file_name":"src/a.x","byte_start":0,"byte_end":1,"line_start":1,
            "suggested_replacement":"b","suggestion_applicability":"{applicability}","expansion":null}}]}}]}}}}"#
        )
        .replace('\n', " ")
    };
    assert_eq!(
        fixes(&clippy::CLIPPY, &answer("MachineApplicable"), "a\n"),
        [row(1, "needless (clippy::x)", "b\n")]
    );
    assert_eq!(fixes(&clippy::CLIPPY, &answer("MaybeIncorrect"), "a\n"), []);
    assert_eq!(fixes(&clippy::CLIPPY, "{\"reason\":\"build-finished\"}\n{", "a\n"), []);
}

#[test]
fn of_eslint_fixes_are_taken_and_places_count_as_javascript_does() {
    let answer = r#"[{"filePath":"/w/src/a.x","messages":[{"ruleId":"eqeqeq","message":"Expected","line":1,"fix":{"range":[3,5],"text":"==="}},
        {"ruleId":null,"message":"no fix","line":1},{"ruleId":"x","message":"cut","line":1,"fix":{"range":[1,2],"text":""}}]}]"#;
    assert_eq!(fixes(&eslint::ESLINT, answer, "😀 == 1\n"), [row(1, "Expected (eqeqeq)", "😀 === 1\n")]);
}

#[test]
fn the_nearest_fix_comes_first_and_all_together_last() {
    let fix = |line: u32, start: usize| Fix {
        line,
        why: format!("line {line}"),
        edits: vec![Edit { file: "a.py".into(), start, end: start + 1, text: "x".into() }],
    };
    let found =
        sorted(&ruff::RUFF, vec![fix(1, 0), fix(9, 50), fix(9, 50), fix(4, 20)], &[("a.py".into(), 8)]);
    let told: Vec<&str> = found.iter().map(|proposal| proposal.explanation.as_str()).collect();
    assert_eq!(
        told,
        [
            "does what ruff holds for safe: line 9",
            "does what ruff holds for safe: line 4",
            "does what ruff holds for safe: line 1",
            "makes all 3 changes that ruff holds for safe in these files",
        ]
    );
}

#[test]
fn clippy_is_asked_in_the_sandbox_and_writes_nothing() {
    use std::sync::Arc;

    use groundcrew_core::audit::{NoRecorder, Recorder};
    use groundcrew_workbench::CancelToken;
    use groundcrew_workbench::git::{Change, NewCommit, Repository};
    use groundcrew_workbench::python::Python;
    use groundcrew_workbench::sandbox::testing::launcher_for_tests;
    use groundcrew_workbench::sandbox::{Sandbox, SandboxConfig};

    let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
    let sandbox = Sandbox::detect(SandboxConfig::new(launcher_for_tests())).unwrap();
    let python = Python::find(&sandbox, &recorder).unwrap();
    if find_tool(&python, "cargo-clippy").is_none() {
        eprintln!("SKIPPED: clippy is not installed");
        return;
    }
    let code = "pub fn one(list: &[u8]) -> bool {\n    return list.len() == 0;\n}\n";
    let files = [
        ("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", code),
    ];
    let commit = NewCommit {
        author: "Ida".into(),
        email: "ida@example.org".into(),
        time: 1_700_000_000,
        offset_minutes: 0,
        message: "Begin\n".into(),
        changes: files.iter().map(|(path, text)| Change::write(path.parse().unwrap(), *text)).collect(),
    };
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::create(&folder.path().join("shop"), "main", &[commit], recorder).unwrap();
    let head = repository.head().unwrap().commit;
    let snapshot = Snapshot::open(&repository, &head).unwrap();
    let bench = Bench {
        repository,
        sandbox,
        python,
        tests: None,
        limits: Limits::default(),
        time: WALL,
        candidates: 10,
        folder: folder.path().join("work"),
        cancel: CancelToken::new(),
    };
    let found = proposals(&bench, &snapshot, &[("src/lib.rs".to_owned(), 2)]).unwrap();
    let texts: Vec<Option<String>> = found
        .iter()
        .map(|proposal| match &proposal.patch {
            Patch::Edits(edits) => apply(code, edits),
            Patch::Revert { .. } => None,
        })
        .collect();
    let expected = code.replace("list.len() == 0", "list.is_empty()");
    assert!(texts.contains(&Some(expected)), "{found:#?}");
    assert!(found.iter().all(|proposal| proposal.strategy == "ecosystem:clippy"), "{found:#?}");
}
