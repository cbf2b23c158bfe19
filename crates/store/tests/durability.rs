//! What was acknowledged is there after the process was killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, TaskId};
use groundcrew_store::{Options, open};
use serde_json::json;

const ADDRESS: &str = "GROUNDCREW_TEST_DATABASE";

/// The process that is killed: four threads write, and print the key of each task once it is acknowledged.
#[test]
#[ignore = "the other test starts it as a process of its own"]
fn writes_until_it_is_killed() {
    let store = open(&std::env::var(ADDRESS).unwrap(), Options::default()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0.. {
                    let task =
                        NewTask::new("work", Role::Qa, Party::User, json!({ "thread": thread, "n": n }));
                    let id = store.execute(Command::Create(Box::new(task))).unwrap().inserted[0];
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {id}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("crew.db").display());
    let mut total = 0;
    for kill_after in [1, 40, 400] {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "writes_until_it_is_killed", "--nocapture"])
            .env(ADDRESS, &url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged: Vec<TaskId> = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(id) = line.unwrap().split("acknowledged ").nth(1) {
                acknowledged.push(TaskId(id.parse().unwrap()));
            }
            if acknowledged.len() == kill_after {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= kill_after, "it ended by itself");
        total += acknowledged.len();
        let store = open(&url, Options::default()).unwrap();
        for id in acknowledged {
            assert!(store.task(id).unwrap().is_some(), "task {id} was acknowledged and is gone");
        }
    }
    let store = open(&url, Options::default()).unwrap();
    assert!(store.counts().unwrap()[0].tasks >= u64::try_from(total).unwrap());
}
