//! `groundcrew.toml`: what a project tells the crew, and which of its keys widen the crew's power.
//!
//! The file lies at the root of the user's checkout, or where the user said when they added the project; never in a
//! worktree. Keys that widen power (commands, sandbox, network, files outside
//! the repository, approval) count only when the user has trusted exactly this file; the others always count. The split
//! is made here, in one place, by [`Config::without_power`].

mod watching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_store::Project;
use groundcrew_workbench::sandbox::Level;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::mistake::{explain, not_text, nul};

pub use watching::{
    CheckKind, HealthConfig, HooksConfig, ReleaseConfig, ServiceCheck, TriageConfig, WatchConfig,
};

/// Name of the file at the root of a checkout.
pub const FILE_NAME: &str = "groundcrew.toml";

/// Field of a project's settings in the database: its configuration file, where that is not at the root of its checkout.
pub const FILE_FIELD: &str = "config_file";

/// The configuration file of a project.
pub fn file_of(project: &Project) -> PathBuf {
    let named = project.config.get(FILE_FIELD).and_then(serde_json::Value::as_str);
    named.map_or_else(|| Path::new(&project.root).join(FILE_NAME), PathBuf::from)
}

/// Largest configuration file, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has an unknown key or a value of the wrong kind.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        message: String,
    },
}

/// What a project tells the crew.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The project itself.
    pub project: ProjectConfig,
    /// Where its logs are.
    pub logs: LogsConfig,
    /// How its tests run.
    pub test: TestConfig,
    /// Services that its tests reach, such as a database. Widens power.
    pub services: Vec<ServiceConfig>,
    /// How commands are shut in.
    pub sandbox: SandboxConfig,
    /// What a change may be.
    pub change: ChangeConfig,
    /// Its declared design.
    pub design: DesignConfig,
    /// How much may wait for a person.
    pub limits: LimitsConfig,
    /// What is looked for without an incident.
    pub security: SecurityConfig,
    /// When an error counts as bursting or gone, and a log as silent.
    pub watch: WatchConfig,
    /// What counts as released.
    pub release: ReleaseConfig,
    /// How errors are judged.
    pub triage: TriageConfig,
    /// Programs of the user that are told what happens.
    pub hooks: HooksConfig,
    /// What the health check looks at besides the crew itself.
    pub health: HealthConfig,
}

/// The project itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// Its name; none means the folder's name.
    pub name: Option<String>,
    /// The branch that fixes start from; none means the branch that is checked out.
    pub branch: Option<String>,
}

/// Where the logs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogsConfig {
    /// Log files, relative to the repository or absolute; `*` may stand in the last part.
    pub paths: Vec<String>,
    /// Errors older than this when first read are recorded and not worked, such as `24h` or `7d`.
    pub baseline: Span,
    /// Seconds between looks at a log.
    pub every: Span,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self { paths: Vec::new(), baseline: Span::hours(24), every: Span::seconds(2) }
    }
}

/// How the tests run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestConfig {
    /// Program and arguments; none means what the crew detects. Widens power.
    pub command: Option<Vec<String>>,
    /// The interpreter of the project, such as that of its virtual environment, relative to the repository or absolute;
    /// none means the first `python3` of the user's path. Widens power.
    pub python: Option<PathBuf>,
    /// The folder of the project's virtual environment, relative to the repository or absolute; none means `.venv`,
    /// `venv` or `env` of the checkout, where git does not track it. Widens power.
    pub environment: Option<PathBuf>,
    /// Program and arguments that make the environment in a copy of the project, once for each state of its lock files;
    /// none means that it is there already. Widens power.
    pub setup: Option<Vec<String>>,
    /// Whether the set-up reaches the network. A person is asked first, once for each state of the lock files. Widens
    /// power.
    pub setup_network: bool,
    /// Variables that the tests get. Widens power.
    pub env: BTreeMap<String, String>,
    /// Longest time one run of the suite may take.
    pub timeout: Span,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self {
            command: None,
            python: None,
            environment: None,
            setup: None,
            setup_network: false,
            env: BTreeMap::new(),
            timeout: Span::seconds(300),
        }
    }
}

/// How commands are shut in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The lowest level that is good enough, `landlock` or `strict`; none is weaker than the default.
    #[schemars(schema_with = "levels")]
    pub minimum: Level,
    /// Folders outside the repository that commands may read, such as a toolchain. Widens power.
    pub read: Vec<PathBuf>,
    /// Megabytes of memory per command. More than the default widens power.
    pub memory_mb: u64,
    /// Processes and threads per command. More than the default widens power.
    pub processes: u64,
    /// Megabytes that a command may write to its work tree. More than the default widens power.
    pub disk_mb: u64,
    /// Megabytes of one file. More than the default widens power.
    pub file_mb: u64,
    /// Megabytes of the temporary folder, which is memory at level `strict`. More than the default widens power.
    pub tmp_mb: u64,
}

/// A service that tests reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// What it is called.
    pub name: String,
    /// Where it is: `127.0.0.1:5432`, or `unix:/run/postgresql/.s.PGSQL.5432`.
    pub address: String,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            minimum: Level::Landlock,
            read: Vec::new(),
            memory_mb: 2048,
            processes: 256,
            disk_mb: 4096,
            file_mb: 1024,
            tmp_mb: 512,
        }
    }
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [Level::Landlock.as_str(), Level::Strict.as_str()] })
}

/// What a change may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeConfig {
    /// Most files of the program that one fix may change.
    pub max_files: usize,
    /// Most lines of the program that one fix may add or remove; a revert may remove what its commit added.
    pub max_lines: usize,
    /// Longest time one search for a fix may take.
    pub time: Span,
}

impl Default for ChangeConfig {
    fn default() -> Self {
        Self { max_files: 3, max_lines: 60, time: Span::seconds(120) }
    }
}

/// The declared design.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DesignConfig {
    /// Layers from the top down, each a list of module prefixes; a layer may import only itself and those below.
    pub layers: Vec<Vec<String>>,
}

/// How much may wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Fixes that may be under way or wait for approval; further repairs wait. More than the default widens power.
    pub open_branches: usize,
    /// Branches that may be shown within 24 hours. More than the default widens power.
    pub branches_per_day: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { open_branches: 5, branches_per_day: 10 }
    }
}

/// What is looked for without an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityConfig {
    /// Time between two searches of the whole tree for secrets, such as `24h`; none means only when somebody asks.
    pub scan_secrets: Option<Span>,
    /// A snapshot of advisories (a JSON array in the OSV format) that locked packages are compared with, relative to the
    /// repository or absolute. Outside the repository it widens power.
    pub advisories: Option<PathBuf>,
}

/// A length of time written as `90s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// That many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// That many hours.
    pub const fn hours(hours: u64) -> Self {
        Self::seconds(hours * 3600)
    }

    /// As the standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let wrong =
            || format!("{text:?} is not a length of time; write it like \"90s\", \"15m\", \"24h\" or \"7d\"");
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(Self::seconds).ok_or_else(wrong)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        format!("{}s", span.0.as_secs())
    }
}

impl Config {
    /// Reads a configuration file; none where there is no such file.
    ///
    /// # Errors
    /// Names the file, and for its content the line, the column and what may stand there.
    pub fn read(path: &Path) -> Result<Option<(Self, String)>, ConfigError> {
        match read_plain(path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|error| ConfigError::Invalid {
                    path: path.to_owned(),
                    message: not_text(error.as_bytes(), &error.utf8_error()),
                })?;
                Ok(Some((Self::parse(&text, path)?, text)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// Names the line, the column and what may stand there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        if let Some(message) = nul(text) {
            return Err(ConfigError::Invalid { path: path.to_owned(), message });
        }
        toml::from_str(text)
            .map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: explain(text, &error) })
    }

    /// The keys set here that widen the crew's power.
    pub fn power_keys(&self) -> Vec<&'static str> {
        let plain = SandboxConfig::default();
        let mut keys = Vec::new();
        if self.test.command.is_some() {
            keys.push("test.command");
        }
        if self.test.python.is_some() {
            keys.push("test.python");
        }
        if self.test.environment.is_some() {
            keys.push("test.environment");
        }
        if self.test.setup.is_some() {
            keys.push("test.setup");
        }
        if self.test.setup_network {
            keys.push("test.setup_network");
        }
        if !self.test.env.is_empty() {
            keys.push("test.env");
        }
        if !self.services.is_empty() {
            keys.push("services");
        }
        if !self.sandbox.read.is_empty() {
            keys.push("sandbox.read");
        }
        if self.sandbox.memory_mb > plain.memory_mb {
            keys.push("sandbox.memory_mb");
        }
        if self.sandbox.processes > plain.processes {
            keys.push("sandbox.processes");
        }
        if self.sandbox.disk_mb > plain.disk_mb {
            keys.push("sandbox.disk_mb");
        }
        if self.sandbox.file_mb > plain.file_mb {
            keys.push("sandbox.file_mb");
        }
        if self.sandbox.tmp_mb > plain.tmp_mb {
            keys.push("sandbox.tmp_mb");
        }
        if self.logs.paths.iter().any(|path| leaves_repository(path)) {
            keys.push("logs.paths outside the repository");
        }
        let limits = LimitsConfig::default();
        if self.limits.open_branches > limits.open_branches {
            keys.push("limits.open_branches");
        }
        if self.limits.branches_per_day > limits.branches_per_day {
            keys.push("limits.branches_per_day");
        }
        if self.security.advisories.as_ref().is_some_and(|path| leaves_repository(&path.to_string_lossy())) {
            keys.push("security.advisories outside the repository");
        }
        if self.hooks.on_event.is_some() {
            keys.push("hooks.on_event");
        }
        if !self.health.checks.is_empty() {
            keys.push("health.checks");
        }
        keys
    }

    /// This configuration as it counts while its file is not trusted.
    #[must_use]
    pub fn without_power(mut self) -> Self {
        let plain = SandboxConfig::default();
        self.test = TestConfig { timeout: self.test.timeout, ..TestConfig::default() };
        self.services = Vec::new();
        let limits = LimitsConfig::default();
        self.limits.open_branches = self.limits.open_branches.min(limits.open_branches);
        self.limits.branches_per_day = self.limits.branches_per_day.min(limits.branches_per_day);
        self.security.advisories =
            self.security.advisories.filter(|path| !leaves_repository(&path.to_string_lossy()));
        self.sandbox = SandboxConfig {
            minimum: self.sandbox.minimum,
            read: plain.read,
            memory_mb: self.sandbox.memory_mb.min(plain.memory_mb),
            processes: self.sandbox.processes.min(plain.processes),
            disk_mb: self.sandbox.disk_mb.min(plain.disk_mb),
            file_mb: self.sandbox.file_mb.min(plain.file_mb),
            tmp_mb: self.sandbox.tmp_mb.min(plain.tmp_mb),
        };
        self.hooks.on_event = None;
        self.health.checks.clear();
        self.logs.paths.retain(|path| !leaves_repository(path));
        self
    }
}

/// The bytes of a plain file of ordinary size. A link in a repository could lead to anything on the machine, and what an
/// error message quotes of it would be shown.
fn read_plain(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is no plain file; copy the settings into one"));
    }
    if found.len() > LARGEST {
        return Err(std::io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    std::fs::read(path)
}

fn leaves_repository(path: &str) -> bool {
    let path = Path::new(path);
    path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("groundcrew.toml"))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let error = parse("[logs]\npath = [\"a.log\"]\n").unwrap_err().to_string();
        assert!(error.starts_with("groundcrew.toml: line 2, column 1: unknown field `path`"), "{error}");
        assert!(error.contains("`paths`"), "{error}");
    }

    #[test]
    fn a_wrong_length_of_time_says_how_to_write_it() {
        let error = parse("[logs]\nbaseline = \"a week\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("\"7d\""), "{error}");
    }

    #[test]
    fn there_is_no_word_for_no_sandbox() {
        let error = parse("[sandbox]\nminimum = \"none\"\n").unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("`none`") && error.contains("`strict`"),
            "{error}"
        );
    }

    #[test]
    fn a_link_to_another_file_of_the_machine_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("it is no plain file; copy the settings into one"), "{error}");
    }

    #[test]
    fn what_widens_power_is_named_and_does_not_count_untrusted() {
        let text = "[test]\ncommand = [\"sh\", \"-c\", \"touch pwned\"]\npython = \"bin/evil\"\ntimeout = \"9s\"\n\
                    environment = \"/other\"\nsetup = [\"make\"]\nsetup_network = true\nenv = { A = \"b\" }\n\
                    [[services]]\nname = \"db\"\naddress = \"127.0.0.1:5432\"\n\
                    [sandbox]\nminimum = \"strict\"\nread = [\"/\"]\nmemory_mb = 999999\nprocesses = 9999\n\
                    disk_mb = 999999\nfile_mb = 999999\ntmp_mb = 999999\n\
                    [logs]\npaths = [\"app.log\", \"/etc/shadow\", \"../../secret\"]\n\
                    [hooks]\non_event = [\"evil\"]\n\
                    [[health.checks]]\nname = \"x\"\nkind = \"tcp\"\ntarget = \"127.0.0.1:1\"\n";
        let config = parse(text).unwrap();
        assert_eq!(
            config.power_keys(),
            [
                "test.command",
                "test.python",
                "test.environment",
                "test.setup",
                "test.setup_network",
                "test.env",
                "services",
                "sandbox.read",
                "sandbox.memory_mb",
                "sandbox.processes",
                "sandbox.disk_mb",
                "sandbox.file_mb",
                "sandbox.tmp_mb",
                "logs.paths outside the repository",
                "hooks.on_event",
                "health.checks"
            ]
        );
        let weak = config.without_power();
        assert_eq!(weak.power_keys(), Vec::<&str>::new());
        assert_eq!(weak.logs.paths, ["app.log"]);
        assert_eq!(weak.test.timeout, Span::seconds(9), "what does not widen power still counts");
        assert_eq!(weak.sandbox.minimum, Level::Strict, "what narrows it counts too");
    }

    #[test]
    fn limits_may_be_lowered_without_trust_and_raised_only_with_it() {
        let raised = "[limits]\nopen_branches = 50\nbranches_per_day = 100\n[security]\nadvisories = \"/etc/known.json\"\n";
        let config = parse(raised).unwrap();
        assert_eq!(
            config.power_keys(),
            ["limits.open_branches", "limits.branches_per_day", "security.advisories outside the repository"]
        );
        assert_eq!(config.without_power(), Config::default());
        let lowered =
            parse("[limits]\nopen_branches = 1\n[security]\nadvisories = \"known.json\"\n").unwrap();
        assert_eq!(lowered.power_keys(), Vec::<&str>::new());
        assert_eq!(lowered.clone().without_power(), lowered);
    }

    /// Files that cannot be used, each with what is told after its name.
    const BAD: &[(&str, &str)] = &[
        // Unknown keys, at each level.
        ("[log]\n", "line 1, column 2: unknown field `log`, expected one of"),
        ("[log]\n", "did you mean `logs`?"),
        ("tests = 1\n", "did you mean `test`?"),
        ("[sandbox]\nmemory = 1\n", "did you mean `memory_mb`?"),
        ("[project]\nnmae = \"x\"\n", "line 2, column 1: unknown field `nmae`"),
        ("[project]\nnmae = \"x\"\n", "did you mean `name`?"),
        ("[logs]\n\n  path = []\n", "line 3, column 3: unknown field `path`"),
        ("[logs]\npath = []\n", "did you mean `paths`?"),
        ("[test]\ncomand = []\n", "did you mean `command`?"),
        ("[test]\ntime_out = \"1s\"\n", "did you mean `timeout`?"),
        ("[change]\nmax_file = 1\n", "did you mean `max_files`?"),
        ("[design]\nlayer = []\n", "did you mean `layers`?"),
        ("test.pyhton = \"x\"\n", "did you mean `python`?"),
        ("zzz = 1\n", "line 1, column 1: unknown field `zzz`"),
        ("\"a`b\" = 1\n", "unknown field `a`b`"),
        // Values of the wrong kind.
        ("logs = 7\n", "line 1, column 8: invalid type: integer `7`"),
        (
            "[logs]\npaths = \"a.log\"\n",
            "line 2, column 9: invalid type: string \"a.log\", expected a sequence",
        ),
        ("[logs]\npaths = [1]\n", "line 2, column 10: invalid type: integer `1`, expected a string"),
        ("[logs]\nevery = 2\n", "line 2, column 9: invalid type: integer `2`, expected a string"),
        ("[logs]\nevery = \"2\"\n", "write it like"),
        ("[logs]\nevery = \"-2s\"\n", "write it like"),
        ("[logs]\nbaseline = \"99999999999999999999d\"\n", "write it like"),
        ("[logs]\nbaseline = \"\"\n", "line 2, column 12"),
        ("[test]\ncommand = \"make test\"\n", "line 2, column 11: invalid type: string"),
        ("[sandbox]\nmemory_mb = -1\n", "line 2, column 13: invalid value: integer `-1`"),
        ("[sandbox]\nmemory_mb = 2.5\n", "line 2, column 13: invalid type: floating point"),
        ("[sandbox]\nminimum = \"strickt\"\n", "did you mean `strict`?"),
        ("[change]\nmax_files = \"3\"\n", "line 2, column 13: invalid type: string \"3\""),
        ("[design]\nlayers = [\"a\"]\n", "line 2, column 11: invalid type: string \"a\""),
        ("[project]\nname = true\n", "line 2, column 8: invalid type: boolean `true`"),
        ("[[logs]]\npaths = []\n", "line 1, column 1: "),
        // No TOML.
        ("[logs]\npaths = []\npaths = []\n", "line 3, column 1: duplicate key"),
        ("[logs]\n[logs]\n", "line 2, column 2: duplicate key"),
        ("[logs\n", "line 1, column 6: "),
        ("paths\n", "line 1, column 6: "),
        ("[logs]\npaths = [\"a.log\"\n", "line 2, column 17: unclosed array"),
        ("[logs]\npaths = [\"a.log]\n", "line 2, column "),
        ("\0\0\0", "line 1, column 1: a NUL character"),
        ("[logs]\nevery = \"\0\"\n", "line 2, column 10: a NUL character"),
        ("{ \"logs\": {} }\n", "line 1, column 1: "),
        ("\u{202e}[logs]\n", "line 1, column 2: "),
    ];

    #[test]
    fn every_mistake_is_told_with_its_place_and_what_was_meant() {
        let wrong: Vec<String> = BAD
            .iter()
            .filter_map(|(text, told)| {
                let error = parse(text).map(|_| "nothing").unwrap_err().to_string();
                let good = error.starts_with("groundcrew.toml: line ")
                    && error.contains(told)
                    && !error.contains('\n');
                (!good).then(|| format!("{text:?} gives {error:?} and not {told:?}"))
            })
            .collect();
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn nesting_without_end_is_a_mistake_like_others() {
        for text in ["[".repeat(300_000), format!("a = {}", "[".repeat(300_000)), "a.".repeat(300_000)] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(
                error.starts_with("groundcrew.toml: line 1, column "),
                "{}",
                &error[..80.min(error.len())]
            );
        }
    }

    #[test]
    fn a_mark_of_byte_order_is_no_mistake() {
        assert_eq!(parse("\u{feff}[logs]\npaths = [\"a.log\"]\n").unwrap().logs.paths, ["a.log"]);
    }

    #[test]
    fn what_is_no_text_or_too_large_is_told_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let told = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Config::read(&path).unwrap_err().to_string().replace(path.to_str().unwrap(), "FILE")
        };
        assert_eq!(told(b"[logs]\n# \xff\xfe\n"), "FILE: line 2, column 3: it is not UTF-8 text");
        assert_eq!(told(&vec![b'#'; 1_048_577]), "cannot read FILE: it is larger than 1048576 bytes");
    }

    #[test]
    fn every_setting_has_a_description_in_the_schema() {
        let schema = serde_json::Value::from(schemars::schema_for!(Config));
        let definitions = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        for (name, field) in
            definitions.flat_map(|found| found["properties"].as_object().into_iter().flatten())
        {
            assert!(field["description"].is_string(), "{name}: {field}");
        }
        let sections: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let table: toml::Table = toml::from_str(&toml::to_string(&Config::default()).unwrap()).unwrap();
        assert_eq!(sections, table.keys().collect::<Vec<_>>());
    }
}
