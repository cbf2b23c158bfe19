//! Repositories, machines and logs that are not as one would like: each is worked, or told with the next step.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Home, git};

/// An error in code of the shop, as its service logs it.
const LOG: &str = "2026-03-01 09:00:00,000 INFO shop: open\n\
Traceback (most recent call last):\n  File \"app.py\", line 2, in price\n    return bag['price']\n\
KeyError: 'price'\n";

/// What a person could notice of their checkout: its files, its index, its branches, where it stands.
fn checkout(folder: &Path) -> Vec<String> {
    let mut seen = vec![
        git(folder, &["status", "--porcelain", "--ignored=no"]),
        git(folder, &["for-each-ref", "refs/heads", "refs/tags", "--format=%(refname) %(objectname)"]),
        git(folder, &["rev-parse", "HEAD"]),
        git(folder, &["stash", "list"]),
        std::fs::read_to_string(folder.join(".git/HEAD")).unwrap(),
    ];
    seen.push(std::fs::read_to_string(folder.join("app.py")).unwrap());
    seen
}

/// Sets a shop up with one error in its log, has a crew read it, and demands that the checkout stays as it is.
fn worked_in_peace(home: &Home) -> Value {
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home.ok(&["init"]);
    let before = checkout(&home.shop());
    home.ok(&["scan", "--once"]);
    let incidents = home.json(&["incidents"])["incidents"].clone();
    assert_eq!(incidents.as_array().unwrap().len(), 1, "{incidents}");
    assert_eq!(checkout(&home.shop()), before);
    let doctor = home.run(&["doctor", "--json"]);
    serde_json::from_str(&doctor.stdout).unwrap()
}

fn check<'a>(doctor: &'a Value, name: &str) -> &'a Value {
    let checks = doctor["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} is not in {doctor}"))
}

#[test]
fn a_detached_head_is_worked_from() {
    let home = Home::new();
    home.repository();
    home.git(&["checkout", "--quiet", "--detach"]);
    let doctor = worked_in_peace(&home);
    assert_eq!(check(&doctor, "shop repository")["status"], "ok", "{doctor}");
}

#[test]
fn unsaved_work_is_never_touched() {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.py"), "def price(bag):\n    return 7  # half done\n").unwrap();
    std::fs::write(home.shop().join("staged.py"), "x = 1\n").unwrap();
    home.git(&["add", "staged.py"]);
    std::fs::write(home.shop().join("untracked.py"), "y = 1\n").unwrap();
    let doctor = worked_in_peace(&home);
    assert_eq!(check(&doctor, "shop repository")["status"], "ok", "{doctor}");
}

#[test]
fn a_shallow_clone_is_worked() {
    let home = Home::new();
    home.repository();
    home.git(&["commit", "--quiet", "--allow-empty", "-m", "Second"]);
    let full = home.path().join("full");
    std::fs::rename(home.shop(), &full).unwrap();
    let url = format!("file://{}", full.display());
    git(&home.path(), &["clone", "--quiet", "--depth", "1", &url, "shop"]);
    assert!(home.shop().join(".git/shallow").is_file());
    let doctor = worked_in_peace(&home);
    assert_eq!(check(&doctor, "shop repository")["status"], "warn", "{doctor}");
}

#[test]
fn a_repository_with_submodules_is_worked() {
    let home = Home::new();
    home.repository();
    let part = home.path().join("part");
    std::fs::create_dir(&part).unwrap();
    git(&part, &["init", "--quiet", "--initial-branch", "main"]);
    git(&part, &["commit", "--quiet", "--allow-empty", "-m", "First"]);
    let url = format!("file://{}", part.display());
    home.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "part"]);
    home.git(&["commit", "--quiet", "-m", "Take the part in"]);
    let doctor = worked_in_peace(&home);
    assert_eq!(check(&doctor, "shop repository")["status"], "ok", "{doctor}");
}

#[test]
fn a_repository_that_went_away_is_told() {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home.ok(&["init"]);
    std::fs::rename(home.shop(), home.path().join("moved")).unwrap();
    std::fs::create_dir(home.shop()).unwrap();
    insta::assert_snapshot!("no_repository", home.transcript(&["scan", "--once"]));
    std::fs::remove_dir(home.shop()).unwrap();
    let output = home.command(["scan", "--once"]).current_dir(home.path()).output().unwrap();
    insta::assert_snapshot!("no_folder", home.steady(&String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.code(), Some(2));
}

/// A folder with the programs that are needed, but for some, and others in their place.
fn programs(home: &Home, without: &[&str], instead: &[(&str, &str)]) -> std::path::PathBuf {
    let folder = home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["git", "python3", "bwrap", "sh", "env"].iter().filter(|name| !without.contains(name)) {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
        let path = String::from_utf8(found.stdout).unwrap();
        if !path.trim().is_empty() {
            std::os::unix::fs::symlink(path.trim(), folder.join(name)).unwrap();
        }
    }
    for (name, script) in instead {
        let path = folder.join(name);
        std::fs::remove_file(&path).ok();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn told_with(home: &Home, path: &Path, arguments: &[&str]) -> String {
    let output = home.command(arguments).env("PATH", path).output().unwrap();
    let code = output.status.code().unwrap();
    home.steady(&format!(
        "[exit code {code}]\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[test]
fn without_git_the_next_step_is_told() {
    let home = Home::new();
    home.repository();
    let path = programs(&home, &["git"], &[]);
    insta::assert_snapshot!("no_git", told_with(&home, &path, &["init"]));
    assert!(!home.database().exists());
}

#[test]
fn a_git_that_is_too_old_is_told_with_what_is_needed() {
    let home = Home::new();
    home.repository();
    let path = programs(&home, &["git"], &[("git", "echo git version 2.11.0")]);
    insta::assert_snapshot!("old_git", told_with(&home, &path, &["init"]));
    assert!(!home.database().exists());
}

#[test]
fn without_python_a_project_can_be_set_up_and_is_told_what_is_missing() {
    let home = Home::new();
    home.repository();
    let path = programs(&home, &["python3"], &[]);
    let told = told_with(&home, &path, &["init"]);
    assert!(told.starts_with("[exit code 0]") && told.contains("python3"), "{told}");
    let told = told_with(&home, &path, &["doctor"]);
    assert!(told.starts_with("[exit code 3]") && told.contains("python3"), "{told}");
}

fn scanned(home: &Home) -> Value {
    home.json(&["scan", "--once"])["readings"].clone()
}

#[test]
fn a_line_of_a_hundred_megabytes_is_passed_and_what_follows_is_read() {
    let home = Home::new();
    home.repository();
    let mut text = vec![b'x'; 100 * 1024 * 1024];
    text.push(b'\n');
    text.extend(LOG.as_bytes());
    std::fs::write(home.shop().join("app.log"), &text).unwrap();
    drop(text);
    home.ok(&["init"]);
    let mut command = home.command(["scan", "--once", "--json"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let peak = peak_of(child.id());
    let output = child.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let readings = told["readings"].as_array().unwrap();
    let errors: Vec<&Value> =
        readings.iter().flat_map(|reading| reading["errors"].as_array().unwrap()).collect();
    assert_eq!(errors.len(), 1, "{told}");
    let peak = peak.join().unwrap();
    assert!(peak < 80 * 1024, "{peak} kB of memory for a log that is read in pieces");
}

/// The most memory that a process held while it lived, in kilobytes.
fn peak_of(pid: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
            std::thread::yield_now();
        }
        peak
    })
}

#[test]
fn a_log_of_bytes_that_are_no_text_is_read_without_an_error() {
    let home = Home::new();
    home.repository();
    let bytes: Vec<u8> = (0..200_000u32).map(|n| u8::try_from(n * 7919 % 251).unwrap()).collect();
    std::fs::write(home.shop().join("app.log"), [&bytes, &b"\n"[..], LOG.as_bytes()].concat()).unwrap();
    home.ok(&["init"]);
    let readings = scanned(&home);
    let errors = readings[0]["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error["title"].as_str().unwrap().contains("KeyError")), "{readings}");
}

#[test]
fn a_pipe_where_a_log_should_be_is_told_and_the_others_are_read() {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home.ok(&["init"]);
    std::fs::write(home.shop().join("groundcrew.toml"), "[logs]\npaths = [\"app.log\", \"secret.log\"]\n")
        .unwrap();
    assert!(Command::new("mkfifo").arg(home.shop().join("secret.log")).status().unwrap().success());
    let ran = home.run(&["scan", "--once", "--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["readings"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(
        home.steady(&ran.stderr),
        "/TOP/shop/secret.log is no plain file and not read; what comes through a pipe is read by \
         `groundcrew scan -`\n"
    );
}

/// Has a crew work the shop's error while its tests run by this command. What cannot be tested is asked about, with the
/// words that tell why, and becomes a draft only on the person's word.
fn worked_with_tests(command: &str, why: &str) {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    let settings = format!(
        "[logs]\npaths = [\"app.log\"]\nbaseline = \"9999d\"\n[test]\ncommand = [\"sh\", \"-c\", {command:?}]\n\
         timeout = \"3s\"\n[change]\ntime = \"20s\"\n"
    );
    std::fs::write(home.shop().join("groundcrew.toml"), settings).unwrap();
    home.ok(&["init"]);
    home.ok(&["trust"]);
    let before = checkout(&home.shop());
    let ran = home.run(&["up", "--until-idle"]);
    assert_eq!(ran.code, Some(3), "a person must decide: {}{}", ran.stdout, ran.stderr);
    assert_eq!(checkout(&home.shop())[2..], before[2..], "the checkout stays as it is");
    let inbox = home.json(&["inbox"])["inbox"].clone();
    let [item] = inbox.as_array().unwrap().as_slice() else { panic!("one question: {inbox}") };
    let question = item["question"].as_str().unwrap();
    assert!(question.contains("cannot be checked") && question.contains(why), "{question}");
    let choices = item["choices"].as_array().unwrap();
    let keys: Vec<&Value> = choices.iter().map(|choice| &choice["key"]).collect();
    assert_eq!(keys, ["retry", "draft", "hand_over"]);
    assert_eq!(home.git(&["branch", "--list", "groundcrew/*"]), "", "nothing is shown as a fix");
}

/// How many processes have a word in their command line.
fn alive(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).split('\0').any(|part| part == word)).count()
}

#[test]
fn tests_that_hang_are_ended_and_a_person_is_asked() {
    worked_with_tests("sleep 987601", "[test] timeout");
    assert_eq!(alive("987601"), 0, "the command outlived the crew");
}

#[test]
fn tests_that_leave_daemons_behind_leave_none() {
    worked_with_tests("for n in 1 2 3; do setsid sleep 987602 & done; exit 1", "[test] command");
    assert_eq!(alive("987602"), 0, "a daemon outlived the crew");
}

#[test]
fn tests_that_print_without_end_are_ended_and_a_person_is_asked() {
    worked_with_tests("yes 987603", "[test] timeout");
    assert_eq!(alive("987603"), 0, "the command outlived the crew");
}
