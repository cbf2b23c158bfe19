//! What a person at a terminal sees while the crew works: live lines that are gone at the end, and never on a pipe.

use std::process::{Command, Stdio};

use vt100::Parser;

use crate::fixture::{HOSTILE, hidden};
use crate::support::{Home, Ran, until};

const LOG: &str = "2026-03-01 09:00:00,000 INFO shop: open\n";

fn shop() -> Home {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), LOG).unwrap();
    home.ok(&["init"]);
    home
}

/// Runs the program on a terminal of 24 lines of 100 columns; gives everything that was sent to it.
fn on_terminal(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Vec<u8> {
    let mut line = format!("stty rows 24 cols 100; exec {}", env!("CARGO_BIN_EXE_groundcrew"));
    for argument in arguments {
        line.push_str(&format!(" '{argument}'"));
    }
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(home.shop())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path().join("home"))
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command.output().unwrap().stdout
}

/// The rows of the screen as they stand at the end, without those that are empty.
fn screen(sent: &[u8]) -> Vec<String> {
    let mut terminal = Parser::new(24, 100, 0);
    terminal.process(sent);
    let rows = terminal.screen().rows(0, 100).map(|row| row.trim_end().to_owned());
    rows.filter(|row| !row.is_empty()).collect()
}

#[test]
fn live_lines_are_gone_at_the_end_and_every_step_stays() {
    let home = shop();
    let sent = on_terminal(&home, &["up", "--until-idle"], &[]);
    let rows = screen(&sent);
    let told = rows.join("\n");
    assert!(rows.iter().any(|row| row.contains("read 1 lines of app.log")), "{told}");
    assert_eq!(rows.last().map(String::as_str), Some("no incidents"), "{told}");
    let steps = rows.iter().filter(|row| row.contains("read 1 lines of app.log")).count();
    assert_eq!(steps, 1, "a step is told once: {told}");
    assert!(!told.contains("scan_logs"), "a live line is left: {told}");
}

#[test]
fn a_running_task_has_a_live_line_with_what_it_does() {
    let home = shop();
    // A task that another program runs; nobody here ends it.
    let sql = "INSERT INTO agent_tasks (task_type, assigned_to, status, started_at) VALUES \
               ('paint_the_shop', 'architect', 'running', datetime('now'))";
    home.sql().execute(sql, []).unwrap();
    home.sql()
        .execute(
            "INSERT INTO agent_logs (task_id, agent_name, log_level, message) VALUES (1, 'architect', 'info', ?1)",
            [HOSTILE],
        )
        .unwrap();
    let sent = interrupted_at(&home, "paint_the_shop");
    let text = String::from_utf8_lossy(&sent).into_owned();
    assert!(text.contains("#1"), "{text}");
    assert!(!text.contains("owned\u{7}") && !text.contains('\u{202e}'), "{text:?}");
    assert!(!screen(&sent).join("\n").contains("paint_the_shop"), "it is taken away at the end");
}

/// Runs the crew on a terminal until a word was sent to it, then interrupts it; gives all that was sent.
fn interrupted_at(home: &Home, word: &str) -> Vec<u8> {
    let file = home.path().join("sent");
    let line = format!("stty rows 24 cols 100; exec {} up", env!("CARGO_BIN_EXE_groundcrew"));
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--flush", "--command", &line])
        .arg(&file)
        .current_dir(home.shop())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path().join("home"))
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut script = script.spawn().unwrap();
    let sent = || std::fs::read(&file).unwrap_or_default();
    until("the live line is there", || String::from_utf8_lossy(&sent()).contains(word));
    let pid: i64 =
        home.sql().query_row("SELECT pid FROM crew_workers LIMIT 1", [], |row| row.get(0)).unwrap();
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
    until("the crew has stopped", || script.try_wait().unwrap().is_some());
    sent()
}

#[test]
fn a_terminal_that_cannot_redraw_and_a_quiet_call_get_plain_lines() {
    let home = shop();
    for (arguments, variables) in [
        (&["up", "--until-idle"][..], &[("TERM", "dumb")][..]),
        (&["up", "--until-idle", "--quiet"], &[("NO_COLOR", "1")]),
        (&["up", "--until-idle", "--json"], &[]),
    ] {
        let sent = String::from_utf8(on_terminal(&home, arguments, variables)).unwrap();
        let unexpected: Vec<char> = hidden(&sent).into_iter().filter(|c| *c != '\r').collect();
        assert_eq!(unexpected, Vec::<char>::new(), "{arguments:?}: {sent:?}");
    }
}

#[test]
fn without_colour_live_lines_have_none() {
    let home = shop();
    let sent = String::from_utf8(on_terminal(&home, &["up", "--until-idle"], &[("NO_COLOR", "1")])).unwrap();
    assert!(!sent.contains("\u{1b}[3"), "{sent:?}");
}

#[test]
fn progress_never_reaches_standard_output() {
    let home = shop();
    let ran = Ran::of(&home.command(["up", "--until-idle"]).output().unwrap());
    assert_eq!(ran.stdout, "no incidents\n");
    assert!(ran.stderr.contains("read 1 lines of app.log"), "{}", ran.stderr);
    let quiet = Ran::of(&home.command(["up", "--until-idle", "--quiet"]).output().unwrap());
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("no incidents\n", ""));
}
