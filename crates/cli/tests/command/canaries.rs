//! Secrets planted in logs reach nothing that the program prints, stores or writes.
//!
//! Each secret is drawn anew for its place, so that a part of it that turns up anywhere names the leak. What is searched
//! are bytes: of the database with its journal and free pages, of everything under the home and the folder for temporary
//! files, of every object that git holds, and of all that was printed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};

use crate::support::{Home, Ran, until};

/// Where the line of a log is cut.
const LONGEST: usize = 256 << 10;

/// Bytes of a secret that count as a leak.
const PART: usize = 8;

/// Letters and digits that nothing else holds; the same each time for the same seed.
fn drawn(seed: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        LETTERS[usize::try_from((state >> 33) % LETTERS.len() as u64).unwrap()] as char
    };
    // A digit, a small and a large letter at once, as nearly all such texts have.
    let mut text = String::from("7kQ");
    text.extend((3..length).map(|_| next()));
    text
}

/// Lines of a log, each with one secret at `{}`.
const LINES: [(&str, usize); 58] = [
    ("GET /x Authorization: Bearer {}", 40),
    ("headers={'authorization': 'Basic {}=='}", 32),
    ("> Proxy-Authorization: Basic {}", 24),
    ("Authorization: Digest username=\"bob\", response=\"{}\"", 32),
    ("Cookie: theme=dark; sid={}", 32),
    ("Set-Cookie: sid={}; Path=/; HttpOnly", 32),
    ("bad token eyJhbGciOiJIUzI1NiJ9.eyJ{}.sig", 40),
    ("cannot reach postgres://app:{}@db:5432/shop", 20),
    ("cannot reach redis://:{}@cache/0", 20),
    ("cannot reach mongodb+srv://app:{}@cluster/x", 20),
    ("clone of https://{}@git.example.org/x.git failed", 40),
    ("dial app:{}@tcp(127.0.0.1:3306)/shop", 16),
    ("GET /login?user=bob&password={}&x=1", 16),
    ("GET /x?u=postgres%3A%2F%2Fapp%3A{}%40db", 16),
    ("DB_PASSWORD={}", 16),
    ("{\"level\":\"info\",\"msg\":\"start\",\"password\":\"{}\"}", 16),
    ("body {\\\"client_secret\\\": \\\"{}\\\"}", 24),
    ("level=info msg=start api_key={} x=1", 32),
    ("config: password: '{}'", 16),
    ("run: mysqldump -u root -p{} shop", 16),
    ("run: app --token {} --fast", 24),
    ("run: curl -u bob:{} https://example.org", 16),
    ("env PGPASSWORD={} psql", 16),
    ("Server=db;User Id=sa;Password={};Encrypt=true", 16),
    ("<password>{}</password>", 16),
    ("#<User @password=\"{}\">", 16),
    ("&{Host:db Password:{} Port:5432}", 16),
    ("User(name=bob, password={})", 16),
    ("params {:password=>\"{}\"}", 16),
    ("Config { password: Some(\"{}\") }", 16),
    ("CREATE USER bob IDENTIFIED BY '{}'", 16),
    ("aws_secret_access_key = {}", 40),
    ("aws_session_token={}", 120),
    ("GET /k?X-Amz-Signature={}", 64),
    ("key AIza{}", 35),
    ("oauth ya29.{}", 60),
    ("AccountName=x;AccountKey={}==;EndpointSuffix=core", 86),
    ("GET /a?sv=2022&sig={}%3D&se=2026", 43),
    ("push with ghp_{}", 36),
    ("push with github_pat_{}", 60),
    ("push with glpat-{}", 20),
    ("publish with npm_{}", 36),
    ("publish with pypi-{}", 80),
    ("publish with cio{}", 32),
    ("login with dckr_pat_{}", 27),
    ("post as xoxb-1234567890-{}", 24),
    ("post to https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/{}", 24),
    ("charge with sk_live_{}", 24),
    ("mail with SG.{}.abcdefghijklmnopqrstuv", 22),
    ("bot 110201543:AA{}", 33),
    ("hook https://discord.com/api/webhooks/123456789012345678/{}", 68),
    ("ask with sk-proj-{}", 48),
    ("ask with sk-ant-api03-{}", 90),
    ("ask with hf_{}", 34),
    ("unseal with hvs.{}", 60),
    ("hash $2b$12${}", 53),
    ("TWILIO_AUTH_TOKEN={}", 32),
    ("x-api-key: {}", 32),
];

/// What was planted: each secret and where.
#[derive(Default)]
struct Planted {
    count: u64,
    /// Parts of secrets, and the line that each belongs to.
    parts: HashMap<Vec<u8>, String>,
}

impl Planted {
    fn secret(&mut self, place: &str, length: usize) -> String {
        self.count += 1;
        let secret = drawn(self.count, length);
        for form in [secret.as_bytes().to_vec(), base64(secret.as_bytes()), base64(&secret.as_bytes()[1..])] {
            for part in form.windows(PART) {
                self.parts.insert(part.to_vec(), place.to_owned());
            }
        }
        secret
    }

    /// A line of every kind, under the header of the time.
    fn lines(&mut self, header: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for (number, (line, length)) in LINES.iter().enumerate() {
            let secret = self.secret(line, *length);
            writeln!(text, "{}{}", header(number), line.replacen("{}", &secret, 1)).unwrap();
        }
        text
    }

    fn key(&mut self, before: &str) -> String {
        let mut text = format!("{before}-----BEGIN RSA PRIVATE KEY-----\n");
        for _ in 0..3 {
            writeln!(text, "{before}{}", self.secret("line of a private key", 64)).unwrap();
        }
        writeln!(text, "{before}{}==", self.secret("last line of a private key", 22)).unwrap();
        writeln!(text, "{before}-----END RSA PRIVATE KEY-----").unwrap();
        text
    }

    /// Places whose secrets the bytes hold.
    fn leaks(&self, bytes: &[u8]) -> Vec<String> {
        let mut places: Vec<String> =
            bytes.windows(PART).filter_map(|part| self.parts.get(part).cloned()).collect();
        places.sort();
        places.dedup();
        places
    }
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = bytes.chunks_exact(3).flat_map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| LETTERS[usize::try_from(bits >> shift & 63).unwrap()])
    });
    sextets.collect()
}

/// All files under a folder but the logs themselves.
fn files(folder: &Path, logs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.filter_map(Result::ok) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if path == logs {
            continue;
        } else if kind.is_dir() {
            found.extend(files(&path, logs));
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found
}

/// A search in everything; it collects what it finds.
struct Search<'a> {
    planted: &'a Planted,
    found: Vec<String>,
    looked_at: usize,
}

impl Search<'_> {
    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.looked_at += 1;
        self.found.extend(
            self.planted.leaks(bytes).into_iter().map(|place| format!("{what} holds that of {place:?}")),
        );
    }

    fn ran(&mut self, what: &str, ran: &Ran) {
        self.bytes(&format!("stdout of {what}"), ran.stdout.as_bytes());
        self.bytes(&format!("stderr of {what}"), ran.stderr.as_bytes());
    }

    fn files(&mut self, home: &Home) {
        for path in files(&home.path(), &home.shop().join("logs")) {
            if let Ok(bytes) = std::fs::read(&path) {
                self.bytes(&path.display().to_string(), &bytes);
            }
        }
        // Git packs what it holds, so that its files do not show it.
        let objects = Command::new("git")
            .args(["cat-file", "--batch-all-objects", "--batch"])
            .current_dir(home.shop())
            .output()
            .unwrap();
        assert!(objects.status.success());
        self.bytes("an object of git", &objects.stdout);
        self.bytes("a branch", home.git(&["for-each-ref"]).as_bytes());
    }
}

/// A moment of the last ten minutes, as logs write it.
fn time(now: Timestamp, n: usize) -> String {
    let at = now - SignedDuration::from_secs(600 - i64::try_from(n).unwrap());
    at.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string()
}

/// Logs of every form.
fn plant_logs(home: &Home) -> Planted {
    let mut planted = Planted::default();
    let logs = home.shop().join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let now = Timestamp::now();
    let time = |n: usize| time(now, n);
    let write = |name: &str, text: &str| std::fs::write(logs.join(name), text).unwrap();

    // A crash whose message, source line, logger and neighbours hold secrets.
    let mut text = planted.lines(|n| format!("{} INFO shop: ", time(n)));
    text += &planted.lines(|n| format!("{} ERROR shop.kind{n}: ", time(100 + n)));
    text += &planted.key(&format!("{} INFO shop: ", time(200)));
    text += &planted.key("");
    let key = planted.secret("the key of a KeyError", 36);
    let source = planted.secret("the source of a frame", 24);
    for n in 0..3 {
        writeln!(
            text,
            "{} ERROR shop: request failed for password={}",
            time(210 + n),
            planted.secret("the line before a trace", 16)
        )
        .unwrap();
        write!(
            text,
            "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 9, in main\n    price({{'token': '{source}'}})\n  \
             File \"/srv/shop/app.py\", line 2, in price\n    return bag['price']\nKeyError: 'price'\n"
        )
        .unwrap();
        write!(
            text,
            "{} ERROR shop: again\nTraceback (most recent call last):\n  File \"/srv/shop/app.py\", line 2, in price\n    return bag['price']\nKeyError: 'ghp_{key}'\n",
            time(220 + n)
        )
        .unwrap();
    }
    write("plain.log", &text);

    let objects: String = planted
        .lines(|_| String::new())
        .lines()
        .enumerate()
        .map(|(n, line)| {
            let message = serde_json::to_string(line).unwrap();
            format!(
                "{{\"time\":\"{}\",\"level\":\"error\",\"msg\":{message}}}\n",
                now - SignedDuration::from_secs(500 - i64::try_from(n).unwrap())
            )
        })
        .collect();
    write("objects.log", &objects);
    let stamp = (now - SignedDuration::from_secs(300)).to_string();
    let docker: String = planted
        .lines(|_| "ERROR app: ".to_owned())
        .lines()
        .map(|line| {
            let line = serde_json::to_string(&format!("{line}\n")).unwrap();
            format!("{{\"log\":{line},\"stream\":\"stderr\",\"time\":\"{stamp}\"}}\n")
        })
        .collect();
    write("docker-json.log", &docker);
    write("cri.log", &planted.lines(|_| format!("{stamp} stderr F ERROR app: ")));
    let wide: Vec<u8> = std::iter::once(0xfeff)
        .chain(planted.lines(|n| format!("{} ERROR wide: ", time(n))).encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(logs.join("wide.log"), wide).unwrap();
    // Lines that are nothing we know, and a line that is cut because it is too long.
    let mut odd = planted.lines(|_| String::new());
    writeln!(
        odd,
        "{} ERROR odd: {} {}",
        time(300),
        "words ".repeat(60_000),
        planted.secret("the end of a long line", 40)
    )
    .unwrap();
    write("odd.log", &odd);
    planted
}

/// Logs that are cut, exported or packed.
fn plant_files(home: &Home) -> Planted {
    let mut planted = Planted::default();
    let logs = home.shop().join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let now = Timestamp::now();
    let time = |n: usize| time(now, n);
    let write = |name: &str, text: &str| std::fs::write(logs.join(name), text).unwrap();
    // A secret on either side of the place where a line is cut.
    let mut cut = String::new();
    for before in [4, 20, 33] {
        let head = format!("{} ERROR cut: ", time(310));
        let words = LONGEST - head.len() - before;
        writeln!(
            cut,
            "{head}{}ghp_{} and more",
            &"so many words ".repeat(words / 14 + 1)[..words],
            planted.secret("a token where the line is cut", 36)
        )
        .unwrap();
    }
    write("cut.log", &cut);
    let mut journal = String::new();
    for (n, line) in planted.lines(|_| String::new()).lines().enumerate() {
        let micros = now.as_microsecond() - 400_000_000 + i64::try_from(n).unwrap();
        writeln!(
            journal,
            "__CURSOR=s=0a1b;i={n:x};b=1;m=2;t=3;x=4\n__REALTIME_TIMESTAMP={micros}\nPRIORITY=3\n\
             SYSLOG_IDENTIFIER=shop\n_CMDLINE=/bin/shop --token {}\nMESSAGE={line}\n",
            planted.secret("another field of a journal", 32)
        )
        .unwrap();
    }
    write("journal.log", &journal);
    // What a rotation left behind.
    write("turned.log", &planted.lines(|n| format!("{} ERROR turned: ", time(400 + n))));
    let older = planted.lines(|n| format!("{} ERROR older: ", time(n)));
    let file = std::fs::File::create(logs.join("turned.log.1.gz")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(older.as_bytes()).unwrap();
    packed.finish().unwrap();
    planted
}

fn command(home: &Home, arguments: &[&str]) -> Command {
    let temporary = home.path().join("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = home.command(arguments);
    command.env("TMPDIR", temporary);
    command
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    Ran::of(&command(home, arguments).output().unwrap())
}

#[test]
fn no_secret_planted_in_a_log_of_any_form_is_printed_stored_or_written() {
    let files = ["plain.log", "objects.log", "docker-json.log", "cri.log", "wide.log", "odd.log"];
    none_is_found(plant_logs, &files);
}

#[test]
fn no_secret_planted_in_a_log_that_is_cut_exported_or_packed_is_printed_stored_or_written() {
    none_is_found(plant_files, &["cut.log", "journal.log", "turned.log", "turned.log.1.gz"]);
}

/// Runs a crew and every verb over logs with secrets; the first of the logs goes on while the crew runs.
fn none_is_found(plant: fn(&Home) -> Planted, names: &[&str]) {
    let home = Home::new();
    home.repository();
    let planted = plant(&home);
    std::fs::write(home.shop().join("groundcrew.toml"), "[logs]\npaths = [\"logs/*.log\", \"logs/*.gz\"]\n")
        .unwrap();
    let mut search = Search { planted: &planted, found: Vec::new(), looked_at: 0 };
    assert!(planted.count >= 150);
    search.ran("init", &run(&home, &["init"]));
    let ran = run(&home, &["up", "--until-idle", "-v"]);
    assert!(matches!(ran.code, Some(0 | 3 | 4)), "{ran:?}");
    search.ran("up", &ran);
    search.files(&home);

    let incidents = home.json(&["incidents", "--limit", "999"]);
    assert!(incidents["incidents"].as_array().is_some_and(|all| !all.is_empty()), "{ran:?}");
    assert!(incidents["incidents"].as_array().unwrap().len() > 20, "{incidents}");
    let tasks =
        home.sql().query_row("SELECT count(*) FROM agent_tasks", [], |row| row.get::<_, i64>(0)).unwrap();
    let mut commands: Vec<Vec<String>> = [
        "incidents --limit 999",
        "incidents --json",
        "tasks --limit 999",
        "tasks --json",
        "inbox",
        "inbox --json",
        "audit",
        "audit --json",
        "status",
        "status --json",
        "messages",
        "messages --json",
        "agents",
        "workers",
        "doctor",
        "logs templates",
        "logs templates --json",
        "scan --once --stats",
        "db check",
        "db backup ../backup.db",
        "schedules",
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect();
    for file in names {
        for verb in ["parse", "assemble", "mine"] {
            let path = home.shop().join("logs").join(file).display().to_string();
            commands.push(vec!["logs".into(), verb.into(), path.clone()]);
            commands.push(vec!["logs".into(), verb.into(), path, "--json".into()]);
        }
    }
    for incident in incidents["incidents"].as_array().unwrap() {
        commands.push(vec!["incidents".into(), "show".into(), incident["id"].to_string()]);
    }
    commands.extend((1..=tasks).map(|task| vec!["show".into(), task.to_string()]));
    for arguments in commands {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = run(&home, &arguments);
        assert_ne!(ran.code, Some(2), "{arguments:?} is no command: {}", ran.stderr);
        search.ran(&arguments.join(" "), &ran);
    }

    let mut child = command(&home, &["logs", "parse", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = std::fs::read(home.shop().join("logs").join(names[0])).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    search.ran("logs parse -", &Ran::of(&child.wait_with_output().unwrap()));

    // While the crew runs, the journal and the folders for its work are there, too.
    let more = text.iter().copied().chain(*b"\n").collect::<Vec<u8>>();
    std::fs::OpenOptions::new()
        .append(true)
        .open(home.shop().join("logs").join(names[0]))
        .unwrap()
        .write_all(&more)
        .unwrap();
    let child =
        command(&home, &["up", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let up = crate::support::Running::of(child);
    let workers =
        || home.sql().query_row("SELECT count(*) FROM crew_workers", [], |row| row.get::<_, i64>(0)).unwrap();
    until("the six workers are there", || workers() == 6);
    search.files(&home);
    up.signal("INT");
    search.ran("up --json", &up.end());
    search.files(&home);

    let mut found = search.found;
    found.sort();
    found.dedup();
    assert!(search.looked_at > 200, "{}", search.looked_at);
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}
