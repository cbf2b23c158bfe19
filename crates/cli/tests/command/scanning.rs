//! Reading logs for real: through pipes, against kills, locks and full disks, and how much memory it takes.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::databases::in_own_mounts;
use crate::support::{Home, Ran, until};

/// A repository with a log, known to the crew.
fn shop(log: &str) -> Home {
    let home = Home::new();
    home.repository();
    std::fs::write(home.shop().join("app.log"), log).unwrap();
    home.ok(&["init"]);
    home
}

/// How often each error was counted, by title.
fn counted(home: &Home) -> Vec<(String, i64)> {
    let sql = home.sql();
    let mut query = sql.prepare("SELECT title, occurrences FROM crew_incidents ORDER BY title").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn sum(home: &Home) -> i64 {
    counted(home).iter().map(|(_, count)| count).sum()
}

fn piped(home: &Home, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = home
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran::of(&output)
}

fn entry(number: u32, message: &str) -> String {
    format!(
        "__CURSOR=s=0a1b;i={number:x};b=1;m=2;t=3;x=4\n__REALTIME_TIMESTAMP=1772355600000000\nPRIORITY=3\n\
         SYSLOG_IDENTIFIER=shop\nMESSAGE={message}\n\n"
    )
}

#[test]
fn what_comes_through_a_pipe_is_counted_and_its_source_has_the_name_that_was_given() {
    let home = shop("");
    let text =
        "2026-03-01 09:00:00 ERROR shop: alpha\n2026-03-01 09:00:00 INFO shop: on\nERROR shop: no line end";
    let ran = piped(&home, &["scan", "-", "--name", "web", "--stats", "--json"], text.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let reading = &told["readings"][0];
    assert_eq!(
        [&reading["source"], &reading["lines"], &reading["records"], &reading["error_records"]],
        [&json!("pipe:web"), &json!(3), &json!(3), &json!(2)]
    );
    assert_eq!(sum(&home), 2);
}

#[test]
fn an_export_of_the_journal_that_is_piped_twice_is_counted_once() {
    let home = shop("");
    let reading = |input: &str| -> Value {
        let ran = piped(&home, &["scan", "-", "--once", "--json"], input.as_bytes());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["readings"][0].clone()
    };
    let first = entry(1, "alpha failed") + &entry(2, "bravo failed");
    let third = entry(3, "charlie failed");
    assert_eq!(reading(&first)["bytes"], json!(first.len()));
    let again = reading(&(first.clone() + &third));
    assert_eq!((&again["bytes"], &again["repeated"]), (&json!(third.len()), &json!(2)));
    let again = reading(&(first + &third));
    assert_eq!((&again["bytes"], &again["repeated"]), (&json!(0), &json!(3)));
}

#[test]
fn an_endless_pipe_is_stored_as_it_comes_and_ends_in_good_order() {
    let home = shop("");
    let mut child =
        home.command(["scan", "-", "--quiet"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"2026-03-01 09:00:00 ERROR shop: alpha\n2026-03-01 09:00:00 INFO shop: on\n").unwrap();
    until("the first is stored", || sum(&home) == 1);
    input.write_all(b"2026-03-01 09:00:00 ERROR shop: bravo").unwrap();
    until("a line without an end is stored once nothing follows", || sum(&home) == 2);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
}

#[test]
fn a_scan_that_is_killed_again_and_again_counts_each_error_once() {
    const ERRORS: usize = 5_000;
    let log: String = (0..ERRORS).map(|n| format!("2026-03-01 09:00:00 ERROR shop: line {n}\n")).collect();
    let home = shop(&log);
    let kills = 6;
    for n in 0..kills {
        let mut child =
            home.command(["scan", "--once"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A different moment each time, in the middle of its work or between two pieces of it.
        std::thread::sleep(Duration::from_millis(100 + 200 * n));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    home.ok(&["scan", "--once"]);
    assert_eq!(sum(&home), i64::try_from(ERRORS).unwrap());
    let traffic: i64 =
        home.sql().query_row("SELECT sum(lines) FROM crew_traffic", [], |row| row.get(0)).unwrap();
    assert_eq!(traffic, i64::try_from(ERRORS).unwrap());
}

#[test]
fn a_locked_database_and_a_full_disk_move_nothing_on() {
    let home = shop("2026-03-01 09:00:00 ERROR shop: alpha\n");
    let lock = home.sql();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = home.run(&["scan", "--once"]);
    assert_eq!(ran.code, Some(7), "{}{}", ran.stdout, ran.stderr);
    lock.execute_batch("ROLLBACK").unwrap();
    // The last one to leave writes everything into the file that is copied below.
    drop(lock);
    let cursors: i64 =
        home.sql().query_row("SELECT count(*) FROM crew_log_cursors", [], |row| row.get(0)).unwrap();
    assert_eq!((cursors, sum(&home)), (0, 0));
    home.ok(&["scan", "--once"]);
    assert_eq!(sum(&home), 1);
    // On a disk that is filled to the brim: the second error is stored only once there is room.
    let mut log = File::options().append(true).open(home.shop().join("app.log")).unwrap();
    log.write_all(b"2026-03-01 09:00:01 ERROR shop: bravo\n").unwrap();
    let small = home.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8m tmpfs '{small}'; cp '{database}' '{small}/crew.db'; \
         dd if=/dev/zero of='{small}/fill' bs=4096 2>/dev/null || true; \
         '{program}' --database sqlite:'{small}/crew.db' scan --once >/dev/null 2>&1 && touch '{small}/../done'; \
         rm '{small}/fill'",
        small = small.display(),
        database = home.database().display(),
        program = env!("CARGO_BIN_EXE_groundcrew"),
    );
    let url = format!("sqlite:{}", small.join("crew.db").display());
    let arguments = ["--database", &url, "scan", "--once", "--json"];
    let Some(mut command) = in_own_mounts(&home, &script, &arguments) else { return };
    let output = Ran::of(&command.output().unwrap());
    assert!(!home.path().join("done").exists(), "a full disk was no failure");
    let told: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let errors = &told["readings"][0]["errors"];
    assert_eq!(errors.as_array().unwrap().len(), 1, "{told}");
    assert_eq!((&errors[0]["title"], &errors[0]["count"]), (&json!("shop: bravo"), &json!(1)));
}

#[test]
fn the_history_of_a_log_begins_where_a_person_says() {
    let home = shop("2026-03-01 09:00:00 ERROR shop: alpha\n2026-03-02 09:00:00 ERROR shop: bravo\n");
    let ran = home.ok(&["scan", "--once", "--stats", "--since", "2026-03-02T00:00:00Z"]);
    assert!(
        ran.stdout.contains("history  shop: alpha") && ran.stdout.contains("new      shop: bravo"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("MB/s"), "{}", ran.stdout);
    assert!(ran.stderr.contains("older than 2026-03-02T00:00:00Z"), "{}", ran.stderr);
}

#[test]
fn examples_of_what_was_not_understood_are_shown_without_secrets_and_controls() {
    let home =
        shop("hello \u{1b}[31m token=tok_live_51HxAbCdEfGhIjKlMnOp\n2026-03-01 09:00:00 INFO shop: on\n");
    let told = home.json(&["scan", "--once", "--stats"]);
    let stats = &told["readings"][0]["stats"];
    assert_eq!(stats["unparsed"], json!(1), "{told}");
    let example = stats["unparsed_examples"][0].as_str().unwrap();
    assert!(
        example.starts_with("hello ") && !example.contains("tok_live") && !example.contains('\u{1b}'),
        "{example}"
    );
}

/// Runs to its end and gives its peak memory in KiB with what it printed.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    until("it has ended", || {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(now.unwrap_or(0));
        child.try_wait().unwrap().is_some()
    });
    assert!(child.wait().unwrap().success());
    peak
}

fn scanning(home: &Home) -> Child {
    home.command(["scan", "--once", "--quiet"]).stdout(Stdio::null()).spawn().unwrap()
}

/// Reads a log and demands that it takes no more than 64 MiB more than reading next to nothing.
fn takes_little(make: impl Fn(&Path)) {
    const BOUND: u64 = 64 << 10;
    let idle = peak(scanning(&shop("INFO shop: on\n")));
    let home = shop("");
    make(&home.shop().join("app.log"));
    let more = peak(scanning(&home)).saturating_sub(idle);
    assert!(more < BOUND, "{more} KiB more than idle");
}

#[test]
fn a_line_of_a_gibibyte_takes_little_memory() {
    takes_little(long_line);
}

#[test]
fn a_compressed_bomb_takes_little_memory() {
    let bomb = bomb();
    takes_little(|path| std::fs::write(path, &bomb).unwrap());
}

#[test]
fn objects_nested_a_hundred_thousand_deep_take_little_memory() {
    let deep = format!("{{\"level\":\"error\",\"msg\":{}1{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
    takes_little(|path| std::fs::write(path, deep.repeat(5)).unwrap());
}

#[test]
fn a_log_of_nothing_but_errors_takes_little_memory() {
    let line = |n: usize| format!("2026-03-01 09:00:00 ERROR shop: {n} {}\n", "y".repeat(n % 200));
    let errors: String = (0..if cfg!(debug_assertions) { 1_500 } else { 60_000 }).map(line).collect();
    takes_little(|path| std::fs::write(path, &errors).unwrap());
}

fn bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    // As many as are read before it counts as a bomb, and some more.
    encoder.finish().unwrap().repeat(70)
}

/// A line of 1 GiB, most of it a hole in the file, between two others; a sixteenth of it where the program is not optimised
/// and slow.
fn long_line(path: &Path) {
    let mut file = File::create(path).unwrap();
    file.write_all(b"2026-03-01 09:00:00 INFO shop: on\nERROR shop: x").unwrap();
    let end = file.seek(SeekFrom::End(if cfg!(debug_assertions) { 1 << 26 } else { 1 << 30 })).unwrap();
    file.write_all_at(b"\n2026-03-01 09:00:00 ERROR shop: next\n", end).unwrap();
}
