use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::Home;

#[test]
fn every_verb_has_a_page() {
    let home = Home::new();
    insta::assert_snapshot!("human", home.transcript(&["man", "tasks", "cancel"]));
    insta::assert_snapshot!("json", home.transcript(&["man", "inbox", "--json"]));
    insta::assert_snapshot!("slip", home.transcript(&["man", "tasks", "redriv"]));
}

#[test]
fn all_pages_are_written_into_a_folder() {
    let home = Home::new();
    let folder = home.path().join("man/man1");
    let told = home.json(&["man", "--dir", folder.to_str().unwrap()]);
    let names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(told["written"].as_array().unwrap().len(), names.len());
    for name in ["groundcrew.1", "groundcrew-up.1", "groundcrew-tasks-cancel.1"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    let page = std::fs::read_to_string(folder.join("groundcrew-tasks-cancel.1")).unwrap();
    assert!(page.contains("Exit codes") && page.contains("groundcrew tasks cancel 7"), "{page}");
}

#[test]
fn a_page_can_be_read_by_man() {
    let home = Home::new();
    let page = home.ok(&["man", "up"]).stdout;
    let mut man = Command::new("groff");
    man.args(["-man", "-Tascii", "-ww", "-z"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = man.spawn() else {
        eprintln!("skipped: there is no groff here");
        return;
    };
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
