//! What a suite lacked: told from its run, so that a person can be asked for exactly that.
//!
//! A test that fails because a database is not there, or because a package is not installed, says nothing about the
//! code. The texts that are read here come from the tests and are untrusted: they are only ever shown, and one that
//! pretends to lack something gains a question to the person and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::{Failure, Suite};
use crate::python::Python;
use crate::sandbox::Ended;

/// Characters at the end of a failure that are searched.
const SEARCHED: usize = 8192;
/// Tests that a sentence names.
const NAMED: usize = 3;

/// Something the tests need and did not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// A module of the project was loaded from elsewhere than the work tree.
    Foreign {
        /// The module.
        module: String,
        /// The file it was loaded from.
        file: String,
    },
    /// A module of the project is compiled and only built elsewhere.
    Compiled {
        /// The module.
        module: String,
        /// Where a build of it lies.
        built: PathBuf,
    },
    /// A module is not installed, and nothing passed without it.
    Module {
        /// The module.
        module: String,
        /// The interpreter that was asked for it.
        interpreter: PathBuf,
    },
    /// The command, or what it starts, is not there or must not be run: a shell ends with 127 or 126 then.
    Program {
        /// How it ended.
        ended: Ended,
        /// What [`Suite::last_line`] tells, after a colon; empty if it printed nothing.
        said: String,
    },
    /// Services such as a database could not be reached.
    Services(Vec<MissingService>),
}

/// A service that tests could not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingService {
    /// What it is, by its port or variable: `postgres`, `redis`, else `service`.
    pub name: String,
    /// `host:port`, `unix:/path`, or `$VARIABLE` where only a variable was missing.
    pub address: String,
    /// Tests that failed for it; empty where tests are not told apart.
    pub tests: BTreeSet<String>,
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lack::Foreign { module, file } => write!(
                f,
                "the tests load another copy of the project: module {module} came from {file} and not from the commit \
                 under test, so no run of them counts; uninstall that copy or install the project in editable form, or \
                 name another environment in groundcrew.toml under [test] environment"
            ),
            Lack::Compiled { module, built } => write!(
                f,
                "module {module} of the project is compiled; it is built only at {}, and a fresh checkout has no build of \
                 it, so its tests cannot run on a changed commit; name tests that do not need it in groundcrew.toml \
                 under [test] command",
                built.display()
            ),
            Lack::Module { module, interpreter } => write!(
                f,
                "the tests need the Python module {module}, which {} does not have; install it into the project's \
                 environment, or declare in groundcrew.toml which one has it ([test] environment) or how to make one \
                 ([test] setup)",
                interpreter.display()
            ),
            Lack::Program { ended, said } => write!(
                f,
                "the test command needs a program that is not there in the sandbox ({ended}{said}); install what the tests \
                 need beneath the checkout or on the system, say how in groundcrew.toml under [test] setup, or name another \
                 command under [test] command"
            ),
            Lack::Services(missing) => {
                let told: Vec<String> = missing.iter().map(MissingService::to_string).collect();
                write!(
                    f,
                    "tests need what the sandbox does not reach: {}; declare each in groundcrew.toml as [[services]] with \
                     name and address, or its variable under [test] env",
                    told.join("; ")
                )
            }
        }
    }
}

impl std::fmt::Display for MissingService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.name, self.address)?;
        if self.tests.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = self.tests.iter().take(NAMED).map(String::as_str).collect();
        let more = self.tests.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(f, " (for {}{more})", named.join(", "))
    }
}

/// What a run lacked, the gravest first; none if it lacked nothing that can be told.
pub fn lack(suite: &Suite, python: &Python) -> Option<Lack> {
    if let Some((module, file)) = suite.foreign.first().and_then(|foreign| foreign.split_once(" from ")) {
        return Some(Lack::Foreign { module: module.to_owned(), file: file.to_owned() });
    }
    if suite.tests.is_empty() && matches!(suite.ended, Ended::Exited(126 | 127)) {
        let said = suite.last_line().map(|line| format!(": {line}")).unwrap_or_default();
        return Some(Lack::Program { ended: suite.ended, said });
    }
    // Where other tests can run, one that cannot is the state of the code and no lack of the machine.
    let idle = suite.tests.len() >= suite.collected.unwrap_or(0) && suite.passed().is_empty();
    if idle && !suite.is_green() {
        let interpreter = python.executable.clone();
        let compiled = |module: String| built(&module, python).map(|built| Lack::Compiled { module, built });
        // A name that cannot be imported is a module only if there is a build of it; else it is a mistake in the code.
        let found = most_named(suite, &NOT_A_NAME).and_then(compiled).or_else(|| {
            let module = most_named(suite, &NO_MODULE)?;
            Some(compiled(module.clone()).unwrap_or(Lack::Module { module, interpreter }))
        });
        if found.is_some() {
            return found;
        }
    }
    let missing = missing_services(suite);
    (!missing.is_empty()).then_some(Lack::Services(missing))
}

/// The text of each failure, by its test; the output's end where tests are not told apart.
fn failures(suite: &Suite) -> Vec<(Option<&str>, String)> {
    let told = |failure: &Failure| {
        end(&format!("{}: {}\n{}", failure.exception, failure.message, failure.traceback))
    };
    let mut texts: Vec<_> = suite
        .tests
        .iter()
        .filter_map(|(test, outcome)| Some((Some(test.as_str()), told(outcome.failure()?))))
        .collect();
    if let Some(trouble) = &suite.trouble {
        texts.push((None, told(trouble)));
    }
    if !suite.kind.is_told() && !suite.is_green() {
        texts.push((None, end(&suite.tail)));
    }
    texts
}

fn end(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(SEARCHED);
    text.chars().skip(skipped).collect()
}

static NO_MODULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"No module named '?(?<module>[A-Za-z_][\w.]{0,100})"));
static NOT_A_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"cannot import name '(?<name>\w{1,100})' from (?:partially initialized module )?'(?<module>[\w.]{1,100})'",
    )
});

/// The module that most failures name.
fn most_named(suite: &Suite, words: &Regex) -> Option<String> {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for (_, text) in failures(suite) {
        if let Some(found) = words.captures(&text) {
            let name = found.name("name").map(|name| format!(".{}", name.as_str())).unwrap_or_default();
            *named.entry(format!("{}{name}", &found["module"])).or_default() += 1;
        }
    }
    named.into_iter().max_by_key(|(_, count)| *count).map(|(module, _)| module)
}

/// Where a compiled module was built: in a checkout, or in the environment.
fn built(module: &str, python: &Python) -> Option<PathBuf> {
    let path: PathBuf = module.split('.').collect();
    let mut roots: Vec<PathBuf> =
        python.checkouts.iter().flat_map(|root| [root.clone(), root.join("src")]).collect();
    let (major, minor, _) = python.version;
    if let Some(folder) = &python.environment {
        roots.push(folder.join(format!("lib/python{major}.{minor}/site-packages")));
    }
    roots.iter().find_map(|root| build_of(&root.join(&path)))
}

fn build_of(module: &Path) -> Option<PathBuf> {
    let stem = module.file_name()?.to_str()?;
    let entries = fs::read_dir(module.parent()?).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rest = name.strip_prefix(stem).unwrap_or_default();
        rest == ".so" || (rest.starts_with('.') && rest.ends_with(".so"))
    })
}

fn missing_services(suite: &Suite) -> Vec<MissingService> {
    let mut found: BTreeMap<String, MissingService> = BTreeMap::new();
    for (test, text) in failures(suite) {
        if let Some((name, address)) = service(&text) {
            let service = found.entry(address.clone()).or_insert_with(|| MissingService {
                name,
                address,
                tests: BTreeSet::new(),
            });
            service.tests.extend(test.map(str::to_owned));
        }
    }
    found.into_values().collect()
}

/// What clients print when nobody answers. Without a network of its own a socket is refused with the permission error.
const UNREACHED: [&str; 12] = [
    "Connection refused",
    "ECONNREFUSED",
    "could not connect to server",
    "Can't connect to",
    "Cannot connect to host",
    "Name or service not known",
    "name resolution",
    "Network is unreachable",
    "No such file or directory",
    "Operation not permitted",
    "Failed to establish a new connection",
    "EAI_AGAIN",
];

/// Name and address of the service whose absence a failure tells.
fn service(text: &str) -> Option<(String, String)> {
    if let Some(variable) = variable(text) {
        return Some((by_word(&variable).to_owned(), format!("${variable}")));
    }
    if !UNREACHED.iter().any(|words| text.contains(words)) {
        return None;
    }
    static SOCKET: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?:on|through|unix) socket ["'](/[^"'\n]{1,200})["']"#));
    if let Some(found) = SOCKET.captures(text) {
        return Some((by_word(&found[1]).to_owned(), format!("unix:{}", &found[1])));
    }
    static ADDRESSES: LazyLock<[Regex; 5]> = LazyLock::new(|| {
        [
            r#"at "([\w.:-]{1,100})"(?: \([^)\n]{0,60}\))?, port (\d{1,5}) failed"#,
            r#"on host "([\w.:-]{1,100})"[^?]{0,80}port (\d{1,5})"#,
            r"(?:connecting to|connect to host|server on|ECONNREFUSED|EAI_AGAIN) '?([\w.-]{1,100}):(\d{1,5})",
            r"host='([\w.:-]{1,100})', port=(\d{1,5})",
            r"\b([\w.-]{1,100}):(\d{1,5}): \[Errno -?\d+\]",
        ]
        .map(pattern)
    });
    static MYSQL: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"Can't connect to MySQL server on '([\w.-]{1,100})'"));
    let told = ADDRESSES.iter().find_map(|pattern| pattern.captures(text));
    let (host, port) = match (&told, MYSQL.captures(text)) {
        (Some(found), _) => (found[1].to_owned(), found[2].parse().ok()?),
        (None, Some(found)) => (found[1].to_owned(), 3306),
        (None, None) => return None,
    };
    is_near(&host).then(|| (by_port(port).to_owned(), format!("{host}:{port}")))
}

/// A variable for the address of a service that a program misses.
fn variable(text: &str) -> Option<String> {
    static MISSING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b((?:[A-Z0-9]+_)*(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|REDIS|MONGO|MONGODB|AMQP|RABBITMQ|BROKER|KAFKA|CACHE|ELASTICSEARCH)_(?:URL|URI|DSN|HOST))\b",
        )
    });
    let words = ["KeyError", "environment", "not set", "missing", "required"];
    let found = MISSING.captures(text)?;
    // On the line that names it, so that one mentioned anywhere in a long trace is not taken for the reason.
    let line = text.lines().find(|line| line.contains(&found[1]))?;
    words.iter().any(|word| line.contains(word)).then(|| found[1].to_owned())
}

/// Whether a host is one that people run services for tests on, rather than one of the internet.
fn is_near(host: &str) -> bool {
    let private = host.parse::<std::net::IpAddr>().is_ok_and(|address| match address {
        std::net::IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_unspecified()
        }
        std::net::IpAddr::V6(address) => address.is_loopback() || address.is_unspecified(),
    });
    private || !host.contains('.') || host.ends_with(".local") || host.ends_with(".internal")
}

fn by_port(port: u16) -> &'static str {
    match port {
        5432 | 5433 => "postgres",
        3306 => "mysql",
        6379 => "redis",
        27017 => "mongodb",
        5672 => "rabbitmq",
        9092 => "kafka",
        9200 => "elasticsearch",
        11211 => "memcached",
        4222 => "nats",
        2379 => "etcd",
        8123 => "clickhouse",
        1433 => "sqlserver",
        _ => "service",
    }
}

fn by_word(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    let known = [
        ("pgsql", "postgres"),
        ("postgres", "postgres"),
        ("pg_", "postgres"),
        ("mysql", "mysql"),
        ("redis", "redis"),
        ("mongo", "mongodb"),
        ("rabbit", "rabbitmq"),
        ("amqp", "rabbitmq"),
        ("kafka", "kafka"),
        ("elastic", "elasticsearch"),
        ("database", "database"),
        ("db_", "database"),
        ("cache", "cache"),
    ];
    known.iter().find(|(word, _)| text.contains(word)).map_or("service", |(_, name)| name)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours compiles")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, String)> {
        service(text)
    }

    #[test]
    fn a_service_that_nobody_answers_for_is_named_with_its_address() {
        let cases = [
            (
                "psycopg.OperationalError: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
                ("postgres", "127.0.0.1:5432"),
            ),
            (
                "psycopg2.OperationalError: connection to server at \"localhost\" (::1), port 5433 failed: Connection refused",
                ("postgres", "localhost:5433"),
            ),
            (
                "OperationalError: could not connect to server: Connection refused\n\tIs the server running on host \"db\" (127.0.0.1) and accepting\n\tTCP/IP connections on port 5432?",
                ("postgres", "db:5432"),
            ),
            (
                "OperationalError: connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory",
                ("postgres", "unix:/var/run/postgresql/.s.PGSQL.5432"),
            ),
            (
                "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.",
                ("redis", "localhost:6379"),
            ),
            (
                "redis.exceptions.ConnectionError: Error 1 connecting to localhost:6379. Operation not permitted.",
                ("redis", "localhost:6379"),
            ),
            (
                "pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'localhost' ([Errno 111] Connection refused)\")",
                ("mysql", "localhost:3306"),
            ),
            (
                "requests.exceptions.ConnectionError: HTTPConnectionPool(host='localhost', port=9200): Max retries exceeded with url: / (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))",
                ("elasticsearch", "localhost:9200"),
            ),
            (
                "pymongo.errors.ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection refused",
                ("mongodb", "localhost:27017"),
            ),
            (
                "Error: connect ECONNREFUSED 127.0.0.1:8080\n    at TCPConnectWrap",
                ("service", "127.0.0.1:8080"),
            ),
            ("KeyError: 'DATABASE_URL'", ("database", "$DATABASE_URL")),
            (
                "RuntimeError: set the environment variable APP_REDIS_URL before the tests",
                ("redis", "$APP_REDIS_URL"),
            ),
        ];
        for (text, (name, address)) in cases {
            assert_eq!(told(text), Some((name.to_owned(), address.to_owned())), "{text}");
        }
    }

    #[test]
    fn other_failures_are_no_missing_service() {
        for text in [
            "AssertionError: 'Connection refused' != 'ok'",
            "KeyError: 'name'",
            "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
            "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded (Caused by NameResolutionError: Name or service not known)",
            "ValueError: the cache key DATABASE_URL_LENGTH is 3",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
