//! Databases that are not as they should be: locked, damaged, read-only, too new, shared, on a full disk. Each is told
//! with its reason and its exit code, and nothing is lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::cmd_db::measured;
use crate::fixture::Crew;
use crate::support::{Home, Ran, until};

/// More than the ten seconds that a statement waits, with room for a busy machine.
const SOON: Duration = Duration::from_secs(25);

/// The crew of the fixture, without what contradicts itself there: runs that no claim was counted for.
pub(crate) fn orderly() -> Crew {
    let crew = Crew::new();
    crew.home.sql().execute_batch("UPDATE agent_tasks SET lease_token = 2 WHERE id = 3").unwrap();
    crew
}

fn on(home: &Home, file: &Path, verb: &[&str]) -> Ran {
    let url = format!("sqlite:{}", file.display());
    let mut arguments = vec!["--database", &url];
    arguments.extend(verb);
    home.run(&arguments)
}

/// Runs verbs beside each other, since each may wait long; gives the exit codes and what was said.
fn beside_each_other(home: &Home, verbs: &[&[&str]]) -> Vec<(Option<i32>, String)> {
    let began = Instant::now();
    let running: Vec<_> = verbs.iter().map(|verb| home.start(verb)).collect();
    let ended = running.into_iter().map(|run| run.end()).map(|ran| (ran.code, ran.stderr)).collect();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    ended
}

#[test]
fn a_database_whose_write_lock_is_held_for_ever_can_be_read_and_is_busy_for_writers() {
    let crew = orderly();
    let other = crew.home.sql();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE agent_tasks SET priority = 1 WHERE id = 7").unwrap();
    let verbs: [&[&str]; 5] =
        [&["tasks"], &["status"], &["tasks", "cancel", "7"], &["up"], &["tasks", "retry", "4"]];
    let ended = beside_each_other(&crew.home, &verbs);
    assert_eq!(
        ended.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        [0, 0, 7, 7, 7].map(Some),
        "{ended:?}"
    );
    for (_, said) in &ended[2..] {
        let wanted = format!(
            "error: database {} is busy: another program has held its write lock for 10 s; try again, or end that program",
            crew.home.database().display()
        );
        assert!(said.contains(&wanted), "{said}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    crew.home.ok(&["db", "check"]);
    crew.home.ok(&["tasks", "cancel", "7"]);
}

#[test]
fn a_database_that_another_program_locked_for_itself_is_busy_for_all() {
    let crew = orderly();
    let other = crew.home.sql();
    other
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE agent_tasks SET priority = 1",
        )
        .unwrap();
    let verbs: [&[&str]; 5] = [&["tasks"], &["up"], &["status"], &["db", "check"], &["db", "backup", "b.db"]];
    for (code, said) in beside_each_other(&crew.home, &verbs) {
        assert_eq!(code, Some(7), "{said}");
        assert!(said.contains(" is busy: another program"), "{said}");
    }
    assert!(!crew.home.shop().join("b.db").exists());
    drop(other);
    crew.home.ok(&["db", "check"]);
}

#[test]
fn what_is_no_database_is_named_and_left_as_it_is() {
    let home = Home::new();
    let text = home.path().join("notes.txt");
    std::fs::write(&text, "this is not a database\n".repeat(100)).unwrap();
    let empty = home.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for file in [text.clone(), empty.clone(), home.shop(), pipe] {
        for verb in [&["status"][..], &["tasks", "cancel", "1"], &["up"], &["db", "check"], &["db", "stats"]]
        {
            let ran = on(&home, &file, verb);
            assert_eq!(ran.code, Some(2), "{verb:?}: {}", ran.stderr);
            let wanted = format!(
                "error: {} is not a SQLite database; name another file, or move this one away\n",
                file.display()
            );
            assert_eq!(ran.stderr, wanted, "{verb:?}");
        }
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "this is not a database\n".repeat(100));
    assert_eq!(std::fs::read(&empty).unwrap(), b"");
}

/// A database with everything in one file.
fn whole(crew: &Crew) -> Vec<u8> {
    crew.home.sql().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::read(crew.home.database()).unwrap()
}

#[test]
fn a_file_that_was_cut_off_is_told_as_damaged_and_not_written() {
    let crew = Crew::new();
    let bytes = whole(&crew);
    let file = crew.home.path().join("cut.db");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    for verb in [&["status"][..], &["tasks"], &["tasks", "cancel", "7"], &["up"], &["db", "backup", "b.db"]] {
        let ran = on(&crew.home, &file, verb);
        assert_eq!(ran.code, Some(1), "{verb:?}: {}", ran.stderr);
        let wanted = format!(
            "error: database {0} is damaged (database disk image is malformed); nothing was written; restore a backup, \
             or save what is left with `sqlite3 {0} .recover`\n",
            file.display()
        );
        assert_eq!(ran.stderr, wanted, "{verb:?}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes[..bytes.len() / 2], "{verb:?} wrote");
    }
    let ran = on(&crew.home, &file, &["doctor", "--json"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stdout.contains("is damaged (database disk image is malformed)"), "{}", ran.stdout);
}

/// A generator of numbers that gives the same ones in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn flipped_bits_are_found_or_do_no_harm() {
    let crew = Crew::new();
    let bytes = whole(&crew);
    let mut numbers = Numbers(11);
    let mut found = 0;
    for round in 0..40 {
        let file = crew.home.path().join(format!("flipped-{round}.db"));
        let mut damaged = bytes.clone();
        for _ in 0..6 {
            let at = numbers.below(damaged.len());
            damaged[at] ^= 1 << numbers.below(8);
        }
        std::fs::write(&file, &damaged).unwrap();
        for verb in [&["db", "check"][..], &["tasks"], &["db", "backup", "copy.db"]] {
            let ran = on(&crew.home, &file, verb);
            assert!(matches!(ran.code, Some(0..=3)), "round {round}, {verb:?}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
            assert_eq!(ran.code == Some(1) || ran.code == Some(2), !ran.stderr.is_empty(), "{ran:?}");
            found += usize::from(verb[0] == "db" && verb[1] == "check" && ran.code != Some(0));
            std::fs::remove_file(crew.home.shop().join("copy.db")).ok();
        }
        assert_eq!(std::fs::read(&file).unwrap(), damaged, "round {round} wrote");
    }
    assert!(found > 10, "the damage did no harm: {found}");
}

#[test]
fn without_its_write_ahead_log_a_database_is_what_it_was_before() {
    let crew = Crew::new();
    let before = whole(&crew);
    let sql = crew.home.sql();
    sql.execute_batch("INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('late', 'qa')").unwrap();
    let file = crew.home.path().join("copy.db");
    std::fs::copy(crew.home.database(), &file).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let tasks = on(&crew.home, &file, &["tasks", "--json"]);
    assert_eq!(tasks.code, Some(0), "{}", tasks.stderr);
    assert!(!tasks.stdout.contains("late"));
    assert_eq!(on(&crew.home, &file, &["tasks", "cancel", "7"]).code, Some(0));
}

#[test]
fn a_database_of_a_later_release_is_refused_by_every_verb() {
    let crew = Crew::new();
    let insert = "INSERT INTO crew_migrations (version, name, checksum, applied_at) VALUES (99, 'later', 'x', '2030-01-01')";
    crew.home.sql().execute(insert, []).unwrap();
    let before = whole(&crew);
    for verb in [
        &["status"][..],
        &["tasks"],
        &["tasks", "cancel", "7"],
        &["up"],
        &["db", "migrate"],
        &["db", "migrate", "--dry-run"],
        &["db", "check"],
        &["db", "stats"],
        &["db", "backup", "b.db"],
        &["db", "prune", "--before", "1d", "--archive", "old.jsonl"],
        &["audit", "verify"],
    ] {
        let ran = crew.home.run(verb);
        assert_eq!(ran.code, Some(2), "{verb:?}: {}", ran.stderr);
        let wanted = format!(
            "error: database {} has schema version 99, but this program knows versions up to {}; use a newer groundcrew\n",
            crew.home.database().display(),
            groundcrew_store::SCHEMA_VERSION
        );
        assert_eq!(ran.stderr, wanted, "{verb:?}");
    }
    assert_eq!(whole(&crew), before);
}

/// A command that runs in mounts of its own, made by a script as root of a namespace; none where that is not allowed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn in_own_mounts(home: &Home, script: &str, arguments: &[&str]) -> Option<Command> {
    let flags = if is_root() { "-m" } else { "-rm" };
    let works = Command::new("unshare").args([flags, "true"]).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not make a mount namespace");
        return None;
    }
    let program = home.command::<&str>([]);
    let mut command = Command::new("unshare");
    command
        .args([flags, "bash", "-ec"])
        .arg(format!("{script}\nexec -a groundcrew \"$0\" \"$@\""))
        .arg(program.get_program())
        .args(arguments)
        .current_dir(home.shop())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path().join("home"))
        .stdin(Stdio::null());
    Some(command)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

fn read_only(path: &Path) -> String {
    format!("mount --bind '{0}' '{0}'; mount -o remount,ro,bind '{0}'", path.display())
}

#[test]
fn what_cannot_be_written_can_be_read_and_writers_are_told_why() {
    let crew = orderly();
    whole(&crew);
    let folder = crew.home.database().parent().unwrap().to_owned();
    for (place, pending) in
        [(folder.clone(), false), (crew.home.database(), false), (crew.home.database(), true)]
    {
        // A reader that is open keeps the write-ahead log.
        let other = pending.then(|| crew.home.sql());
        if let Some(other) = &other {
            other.execute_batch("UPDATE agent_tasks SET priority = 9 WHERE id = 7").unwrap();
        }
        for verb in [&["status"][..], &["tasks"], &["show", "1"], &["inbox"], &["db", "check"], &["audit"]] {
            let Some(mut command) = in_own_mounts(&crew.home, &read_only(&place), verb) else { return };
            let ran = Ran::of(&command.output().unwrap());
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{} {verb:?}", place.display());
        }
        for verb in
            [&["tasks", "cancel", "7"][..], &["up"], &["db", "prune", "--before", "1d", "--archive", "a"]]
        {
            let Some(mut command) = in_own_mounts(&crew.home, &read_only(&place), verb) else { return };
            let ran = Ran::of(&command.output().unwrap());
            assert_eq!(ran.code, Some(1), "{} {verb:?}: {}", place.display(), ran.stderr);
            let begin = format!("error: database {} cannot be written (", crew.home.database().display());
            let last = ran.stderr.lines().last().unwrap();
            assert!(last.starts_with(&begin), "{} {verb:?}: {}", place.display(), ran.stderr);
            assert!(last.ends_with("check the permissions of the file and its directory"), "{}", ran.stderr);
        }
    }
    crew.home.ok(&["tasks", "cancel", "7"]);
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_done() {
    let crew = orderly();
    whole(&crew);
    let small = crew.home.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let script = format!(
        r#"
        mount -t tmpfs -o size=2m tmpfs '{small}'
        cp '{database}' '{small}/crew.db'
        crew() {{ "$0" --database 'sqlite:{small}/crew.db' "$@" && echo "exit 0" || echo "exit $?"; }}
        fill() {{ dd if=/dev/zero of='{small}/fill' bs=1k 2>/dev/null || true; }}
        exec 2>&1
        fill
        echo "== full from the start"
        crew tasks cancel 7
        rm '{small}/fill'
        "$0" --database 'sqlite:{small}/crew.db' audit follow > '{seen}' &
        until [ -s '{seen}' ]; do :; done
        fill
        echo "== full"
        crew tasks cancel 7
        crew db backup '{small}/copy.db'
        crew db prune --before 1d --archive '{small}/old.jsonl'
        crew tasks --status pending
        ls -A '{small}' | grep backup || true
        rm '{small}/fill'
        kill $!
        echo "== space"
        crew db check
        crew tasks cancel 7
        crew db backup '{small}/copy.db'
        crew db prune --before 1d --archive '{small}/old.jsonl'
        crew db check
        "#,
        small = small.display(),
        seen = crew.home.path().join("seen").display(),
        database = crew.home.database().display(),
    );
    let Some(mut command) = in_own_mounts(&crew.home, &script, &["--version"]) else { return };
    let ran = Ran::of(&command.output().unwrap());
    insta::assert_snapshot!("full_disk", measured(&crew.home.steady(&ran.stdout)));
}

/// A service whose log has errors of its own code, and a crew's database for it.
fn broken_shop() -> Home {
    let home = Home::new();
    home.repository();
    // What is older than the project would be history.
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S,000");
    let trace = format!(
        "{now} ERROR shop: order failed\nTraceback (most recent call last):\n  File \"{}/app.py\", line 2, in price\n    \
         return bag['price']\nKeyError: 'price'\n{now} INFO shop: open\n",
        home.shop().display()
    );
    std::fs::write(home.shop().join("app.log"), "2026-03-01 08:00:00,000 INFO shop: open\n").unwrap();
    home.ok(&["init"]);
    home.run(&["up", "--until-idle"]);
    let mut log = std::fs::read_to_string(home.shop().join("app.log")).unwrap();
    log.push_str(&trace);
    std::fs::write(home.shop().join("app.log"), log).unwrap();
    home
}

#[test]
fn two_crews_share_one_database_and_every_task_is_settled_once() {
    let home = broken_shop();
    // Enough for both at once.
    let work = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                INSERT INTO agent_tasks (task_type, assigned_to, context_json) SELECT 'check_health', 'monitor', '{}' FROM n";
    home.sql().execute_batch(work).unwrap();
    let crews = [home.start(&["up", "--until-idle"]), home.start(&["up", "--until-idle"])];
    for crew in crews {
        let ran = crew.end();
        assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);
    }
    let sql = home.sql();
    let number = |query: &str| -> i64 { sql.query_row(query, [], |row| row.get(0)).unwrap() };
    assert!(
        number("SELECT count(*) FROM agent_tasks WHERE task_type = 'fix_bug'") >= 1,
        "nothing was to be done"
    );
    assert_eq!(number("SELECT count(*) FROM agent_tasks WHERE status IN ('pending', 'running')"), 0);
    let twice = "SELECT count(*) FROM (SELECT task_id FROM crew_attempts WHERE outcome = 'completed'
                 GROUP BY task_id HAVING count(*) > 1)";
    assert_eq!(number(twice), 0);
    assert_eq!(number("SELECT count(*) FROM crew_attempts WHERE outcome IS NULL OR outcome = 'lost'"), 0);
    let unlike = "SELECT count(*) FROM agent_tasks t WHERE status = 'completed' AND NOT EXISTS
                  (SELECT 1 FROM crew_attempts a WHERE a.task_id = t.id AND a.outcome = 'completed')";
    assert_eq!(number(unlike), 0);
    let processes = "SELECT count(DISTINCT substr(worker, instr(worker, '@'))) FROM crew_attempts";
    assert_eq!(number(processes), 3, "one crew found out what was there, and two shared the work");
    home.ok(&["db", "check"]);
}

fn tasks_in(file: &Path) -> Vec<i64> {
    let copy = Connection::open(file).unwrap();
    let mut keys = copy.prepare("SELECT id FROM agent_tasks").unwrap();
    keys.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_copy_made_under_load_holds_everything_that_was_acknowledged_before() {
    use groundcrew_core::lifecycle::Command as Wish;
    use groundcrew_core::role::{Party, Role};
    use groundcrew_core::task::NewTask;
    use std::sync::atomic::{AtomicBool, Ordering};
    let crew = orderly();
    let store = groundcrew_store::open(
        &format!("sqlite:{}", crew.home.database().display()),
        groundcrew_store::Options::default(),
    )
    .unwrap();
    let acknowledged = std::sync::Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let task = NewTask::new(
                        "work",
                        Role::Qa,
                        Party::User,
                        serde_json::json!({ "n": "x".repeat(300) }),
                    );
                    let id = store.execute(Wish::Create(Box::new(task))).unwrap().inserted[0].0;
                    acknowledged.lock().unwrap().push(id);
                }
            });
        }
        for round in 0..4_usize {
            until("there is more", || acknowledged.lock().unwrap().len() > (round + 1) * 50);
            let before = acknowledged.lock().unwrap().clone();
            let file: PathBuf = crew.home.path().join(format!("copy-{round}.db"));
            crew.home.ok(&["db", "backup", file.to_str().unwrap()]);
            let checked = on(&crew.home, &file, &["db", "check"]);
            assert_eq!(checked.code, Some(0), "{}", checked.stdout);
            let held: std::collections::BTreeSet<i64> = tasks_in(&file).into_iter().collect();
            let missing: Vec<i64> = before.into_iter().filter(|id| !held.contains(id)).collect();
            assert_eq!(missing, Vec::<i64>::new());
        }
        stop.store(true, Ordering::Relaxed);
    });
}
