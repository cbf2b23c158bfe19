//! Every documented exit code has a call that provokes it.

use std::collections::BTreeSet;

use crate::fixture::Crew;
use crate::support::{Home, Ran, until};

/// The codes that `--help` documents.
fn documented() -> BTreeSet<i32> {
    let help = Home::new().ok(&["--help"]).stdout;
    let table = help.split("Exit codes:\n").nth(1).unwrap();
    table.lines().map_while(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// What ends with this code.
fn provoked(code: i32) -> Ran {
    let crew = Crew::new();
    let home = &crew.home;
    match code {
        0 => home.run(&["status"]),
        // A folder below a file cannot be made.
        1 => home.run(&["man", "--dir", "app.py/man"]),
        2 => home.run(&["status", "--colour"]),
        3 => home.run(&["doctor"]),
        4 => home.run(&["show", "99"]),
        5 => home.run(&["tasks", "cancel", "1"]),
        6 => Ran::of(&home.command(["up"]).env("TMPDIR", "/nonexistent").output().unwrap()),
        7 => {
            let other = home.sql();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            home.run(&["tasks", "cancel", "7"])
        }
        8 => {
            let log = "ERROR shop: request failed\nTraceback (most recent call last):\n  File \"app.py\", line 2, in price\n    \
                       return bag['price']\nConnectionRefusedError: [Errno 111] Connection refused\n";
            std::fs::write(home.shop().join("trace.txt"), log).unwrap();
            home.run(&["fix", "trace.txt"])
        }
        130 => signalled(home, "INT"),
        143 => signalled(home, "TERM"),
        other => panic!("nothing provokes {other}"),
    }
}

fn signalled(home: &Home, name: &str) -> Ran {
    let file = home.path().join("out");
    let mut command = home.command(["status", "--watch"]);
    let child = command.stdout(std::fs::File::create(&file).unwrap()).spawn().unwrap();
    let mut running = crate::support::Running::of(child);
    until("the first picture is there", || std::fs::metadata(&file).unwrap().len() > 0);
    running.signal(name);
    until("it ends", || running.has_ended());
    running.end()
}

#[test]
fn every_documented_exit_code_comes() {
    let codes = documented();
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143]));
    for code in codes {
        let ran = provoked(code);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        let told = !ran.stderr.is_empty();
        assert!(told || matches!(code, 0 | 3 | 8 | 130 | 143), "{code} says nothing");
    }
}
