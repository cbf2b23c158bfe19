//! The environment of a project's tests, through the whole crew: found, made, missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_core::lifecycle::Command;
use groundcrew_core::message::Message;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask, Status, TaskId};
use groundcrew_crew::brain::Rules;
use serde_json::json;

use project::{Bench, CRASH, PROGRAM, TESTS};

/// Longest time that anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes an environment that has the package `till`.
const MAKE: &str = "import pathlib, subprocess, sys\n\
                    open('made', 'a').write('once\\n')\n\
                    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', '.venv'], check=True)\n\
                    site = next(pathlib.Path('.venv/lib').iterdir()) / 'site-packages'\n\
                    (site / 'till.py').write_text(open('requirements.txt').read())\n";

/// A project that needs the package `till`, with a script that makes its environment.
fn bench(make: &str) -> Bench {
    let program = format!("import till\n\n{PROGRAM}");
    Bench::new(&[
        ("shop.py", &program),
        ("tests/test_shop.py", TESTS),
        ("requirements.txt", "PRICE = 1\n"),
        ("make_environment.py", make),
    ])
}

/// A task for its defect.
fn fix(bench: &Bench) -> TaskId {
    create(bench, &CRASH.replace("line 2", "line 4"))
}

fn create(bench: &Bench, error: &str) -> TaskId {
    let mut task = NewTask::new("fix_bug", Role::Developer, Party::User, json!({ "error": error }));
    task.project = Some(bench.project);
    bench.store.execute(Command::Create(Box::new(task))).unwrap().inserted[0]
}

fn question(bench: &Bench) -> Message {
    let inbox = bench.store.inbox().unwrap();
    assert_eq!(inbox.len(), 1, "{inbox:#?}");
    inbox[0].message.clone()
}

fn make_venv(at: &Path) {
    let made = std::process::Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(at)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for library in std::fs::read_dir(at.join("lib")).unwrap().flatten() {
        std::fs::write(library.path().join("site-packages/till.py"), "PRICE = 1\n").unwrap();
    }
}

/// The environments of the project that were made.
fn environments(bench: &Bench) -> Vec<PathBuf> {
    let folder = bench.work_folder().join("environments").join(bench.project.to_string());
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn a_missing_package_blocks_with_its_name_and_the_environment_of_the_checkout_mends_it() {
    let bench = bench("");
    let link = bench.root().join(".venv");
    let elsewhere = tempfile::tempdir().unwrap();
    make_venv(elsewhere.path());
    std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
    let task = fix(&bench);
    let crew = bench.crew(Rules);
    crew.until("the task waits", || bench.status(task) == Status::Blocked);
    assert_eq!(bench.task(task).wait.unwrap().on, BlockedOn::Environment);
    let asked = question(&bench).content;
    assert!(asked.contains("need the Python module till") && asked.contains("[test] environment"), "{asked}");
    assert!(asked.contains(".venv is a link that leads out of the checkout"), "{asked}");
    std::fs::remove_file(&link).unwrap();
    make_venv(&link);
    bench.answer("retry");
    crew.until("the fix waits for approval", || bench.open("publish_fix", Status::Blocked));
}

#[test]
fn a_set_up_runs_once_for_each_state_of_the_lock_files() {
    let bench = bench(MAKE);
    bench.trust("[test]\nsetup = [\"python3\", \"make_environment.py\"]\n");
    let tasks = [fix(&bench), fix(&bench)];
    let crew = bench.crew(Rules);
    crew.until("both are done", || tasks.iter().all(|task| bench.status(*task) == Status::Completed));
    crew.until("the fix waits for approval", || bench.open("publish_fix", Status::Blocked));
    let made = || -> Vec<String> {
        let read = |path: &PathBuf| std::fs::read_to_string(path.join("tree/made")).unwrap();
        environments(&bench).iter().map(read).collect()
    };
    assert_eq!(made(), ["once\n"], "not once for each task");
    let first = environments(&bench).remove(0);
    assert!(first.join("tree/.git").symlink_metadata().is_err(), "git does not know of the copy");
    // As a killed set-up leaves it: not complete.
    std::fs::remove_file(first.join("complete")).unwrap();
    std::fs::remove_dir_all(first.join("tree/.venv")).unwrap();
    let again = fix(&bench);
    crew.until("it is done again", || bench.status(again) == Status::Completed);
    assert_eq!(made(), ["once\n"], "the remains are thrown away first");
    std::fs::write(bench.root().join("requirements.txt"), "PRICE = 2\n").unwrap();
    bench.git(&["commit", "--quiet", "--all", "--message=Newer"]);
    let newer = fix(&bench);
    crew.until("it is done for the newer state", || bench.status(newer) == Status::Completed);
    assert_eq!(made(), ["once\n", "once\n"]);
}

#[test]
fn a_set_up_that_fails_blocks_with_the_end_of_its_output() {
    let bench = bench("raise SystemExit('no wheel for till')\n");
    bench.trust("[test]\nsetup = [\"python3\", \"make_environment.py\"]\n");
    let task = fix(&bench);
    bench.crew(Rules).until("the task waits", || bench.status(task) == Status::Blocked);
    let asked = question(&bench).content;
    assert!(asked.contains("exited 1") && asked.contains("no wheel for till"), "{asked}");
}

/// A set-up that fetches the package from a port of this machine first.
fn fetching(listener: &TcpListener) -> String {
    let port = listener.local_addr().unwrap().port();
    format!(
        "import socket\nwith socket.create_connection(('127.0.0.1', {port}), 10) as s:\n    \
         open('requirements.txt', 'wb').write(s.makefile('rb').read())\n{MAKE}"
    )
}

const WITH_NETWORK: &str = "[test]\nsetup = [\"python3\", \"make_environment.py\"]\nsetup_network = true\n";

#[test]
fn a_set_up_reaches_the_network_when_a_person_allows_exactly_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = bench(&fetching(&listener));
    bench.trust(WITH_NETWORK);
    let task = fix(&bench);
    let crew = bench.crew(Rules);
    crew.until("the task waits", || bench.status(task) == Status::Blocked);
    let asked = question(&bench);
    assert!(asked.content.contains("python3 make_environment.py"), "{}", asked.content);
    let choices: Vec<String> = asked.choices().into_iter().map(|choice| choice.key).collect();
    assert!(choices[0].starts_with("allow-") && choices[1].starts_with("deny-"), "{choices:?}");
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"PRICE = 1\n").unwrap());
    bench.answer(&choices[0]);
    crew.until("the fix waits for approval", || bench.open("publish_fix", Status::Blocked));
    server.join().unwrap();
}

#[test]
fn a_set_up_without_leave_runs_without_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = bench(&fetching(&listener));
    bench.trust(WITH_NETWORK);
    let task = fix(&bench);
    let crew = bench.crew(Rules);
    crew.until("the task waits", || bench.status(task) == Status::Blocked);
    let deny = question(&bench).choices()[1].key.clone();
    bench.answer(&deny);
    let failed = |open: &groundcrew_store::InboxItem| open.message.content.contains("failed");
    crew.until("the set-up has failed", || bench.store.inbox().unwrap().first().is_some_and(failed));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody came");
}

/// Tests of which one needs a service on a port.
fn tests_with_service(port: u16) -> String {
    format!(
        "{TESTS}\n    def test_database(self):\n        import socket\n        \
         try: socket.create_connection(('127.0.0.1', {port}), 5).close()\n        \
         except OSError as error:\n            \
         raise RuntimeError('connection to server at \"127.0.0.1\", port {port} failed: %s' % error)\n"
    )
}

#[test]
fn a_missing_service_is_asked_for_by_address_and_tests_and_never_counted_against_the_fix() {
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", &tests_with_service(5432))]);
    create(&bench, CRASH);
    let crew = bench.crew(Rules);
    crew.until("qa waits", || bench.open("verify_fix", Status::Blocked));
    assert_eq!(bench.one("verify_fix").wait.unwrap().on, BlockedOn::Environment);
    let asked = question(&bench).content;
    let expected = "postgres at 127.0.0.1:5432 (for test_shop.ShopTest.test_database)";
    assert!(asked.contains(expected) && asked.contains("[[services]]"), "{asked}");
    bench.answer("without");
    crew.until("the fix waits for approval", || bench.open("publish_fix", Status::Blocked));
    let shown = bench.one("verify_fix").result.unwrap();
    assert_eq!(shown["verification"]["suite_base"]["failed"], 1, "{shown}");
    assert_eq!(shown["verification"]["new_failures"], json!([]), "{shown}");
}

#[test]
fn a_declared_service_is_reached_by_the_tests() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", &tests_with_service(port))]);
    bench.trust(&format!("[[services]]\nname = \"postgres\"\naddress = \"127.0.0.1:{port}\"\n"));
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.read_to_end(&mut Vec::new()).ok();
        }
    });
    create(&bench, CRASH);
    bench.crew(Rules).until("the fix waits for approval", || bench.open("publish_fix", Status::Blocked));
    let shown = bench.one("verify_fix").result.unwrap();
    assert_eq!(shown["verification"]["suite_base"]["passed"], 3, "{shown}");
}

#[test]
fn a_suite_that_hangs_says_which_limit_it_hit_and_which_key_moves_it() {
    let tests = format!("{TESTS}\n    def test_hang(self):\n        import time\n        time.sleep(600)\n");
    let bench = Bench::new(&[("shop.py", PROGRAM), ("tests/test_shop.py", &tests)]);
    bench.trust("[test]\ntimeout = \"2s\"\n");
    create(&bench, CRASH);
    let crew = bench.crew(Rules);
    crew.until("somebody is asked", || !bench.store.inbox().unwrap().is_empty());
    let asked = question(&bench).content;
    assert!(asked.contains("test_hang") && asked.contains("[test] timeout"), "{asked}");
}
