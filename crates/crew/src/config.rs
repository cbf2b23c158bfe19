//! `groundcrew.toml`: what a project tells the crew.
//!
//! The file lies at the root of the user's checkout, or where the user said when they added the project or called the
//! command; never in a worktree. Which of its keys widen the crew's power and count only from a file that the user has
//! trusted is decided in `power.rs`, in one table.

mod power;
mod span;
mod watching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groundcrew_logs::{Personal, RedactPattern, Rule, redact_patterns};
use groundcrew_store::Project;
use groundcrew_workbench::sandbox::Level;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::mistake::{explain, not_text, nul};

pub use span::Span;
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
    /// Log files, relative to the repository or absolute. `*`, `?` and `[a-z]` may stand in any part, and `**` for any
    /// number of folders. Paths that lead out of the repository widen power.
    pub paths: Vec<String>,
    /// Errors older than this when first read are recorded and not worked, such as `24h` or `7d`.
    pub baseline: Span,
    /// Time between looks at a log.
    pub every: Span,
    /// What the user says about errors: which are the same, which frames are theirs, which are none. Widens power, since a
    /// rule can hide errors.
    pub rules: Vec<Rule>,
    /// Personal data that is taken out besides secrets: `email`, `card`, `iban`.
    pub redact: Vec<Personal>,
    /// Regular expressions whose matches are taken out besides secrets, at most 50, each as a text or as
    /// `{ name = "customer-id", pattern = "C-[0-9]{6}" }`. Of a match with a group `(?<secret>…)`, only the group is
    /// taken out.
    #[serde(deserialize_with = "redact_patterns")]
    pub redact_patterns: Vec<RedactPattern>,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            baseline: Span::hours(24),
            every: Span::seconds(2),
            rules: Vec::new(),
            redact: Vec::new(),
            redact_patterns: Vec::new(),
        }
    }
}

/// How the tests run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestConfig {
    /// Program and arguments; none means what the crew detects. Widens power.
    pub command: Option<Vec<String>>,
    /// Files of JUnit XML that the command leaves behind, relative to the repository; the last part of each may hold `*`.
    /// They tell its tests apart where the command itself does not.
    pub junit: Vec<String>,
    /// The interpreter of the project, such as that of its virtual environment, relative to the repository or absolute;
    /// none means the first `python3` of the user's path. Widens power.
    pub python: Option<PathBuf>,
    /// The folder of the project's virtual environment, relative to the repository or absolute; none means `.venv`,
    /// `venv` or `env` of the checkout, where git does not track it. Widens power.
    pub environment: Option<PathBuf>,
    /// Program and arguments that make the environment in a copy of the project, once for each state of its lock files;
    /// none means that it is there already. Widens power.
    pub setup: Option<Vec<String>>,
    /// Whether the set-up reaches the network; a person is asked first, once for each state of the lock files.
    /// Widens power.
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
            junit: Vec::new(),
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
    /// The lowest level that is good enough: `landlock`, `builtin` or `strict`, from the weakest to the best.
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
    /// Megabytes of the temporary folder, which is memory at levels `builtin` and `strict`. More than the default widens power.
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
    json_schema!({ "type": "string", "enum": Level::ALL.map(Level::as_str) })
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
    /// Most candidates that one search for a fix may run.
    pub max_candidates: usize,
    /// The only files or folders that a fix may change, relative to the repository; none means any.
    pub only: Vec<String>,
    /// Versions of dependencies that you know to mend errors, by package. Where an error was raised in one and no cause is
    /// found in the repository, you are asked to move to it; nothing is moved by itself.
    pub versions: BTreeMap<String, String>,
}

impl Default for ChangeConfig {
    fn default() -> Self {
        Self {
            max_files: 3,
            max_lines: 60,
            time: Span::seconds(120),
            max_candidates: 10_000,
            only: Vec::new(),
            versions: BTreeMap::new(),
        }
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
        ("[watch]\nfactor = nan\n", "line 2, column 10: this has to be a finite number"),
        ("[watch]\nfactor = -inf\n", "line 2, column 10: this has to be a finite number"),
        ("[project]\nname = true\n", "line 2, column 8: invalid type: boolean `true`"),
        ("[logs]\nredact = [\"emial\"]\n", "line 2, column 11: unknown variant `emial`"),
        ("[logs]\nredact = [\"emial\"]\n", "did you mean `email`?"),
        (
            "[logs]\nredact_patterns = [7]\n",
            "line 2, column 20: invalid type: integer `7`, expected a regular",
        ),
        (
            "[logs]\nredact_patterns = [\n  \"ok\",\n  \"(\",\n]\n",
            "line 4, column 3: the pattern \"(\" cannot be used: unclosed group; write it",
        ),
        ("[logs]\nredact_patterns = [\"a*\"]\n", "matches an empty text; write one that needs a character"),
        ("[logs]\nredact_patterns = [\"\\\\w{900}\"]\n", "takes more than 1 MiB; repeat less"),
        ("[logs]\nredact_patterns = [{ nmae = \"x\", pattern = \"x\" }]\n", "did you mean `name`?"),
        ("[logs]\nredact_patterns = [{ name = \"x\" }]\n", "line 2, column 20: missing field `pattern`"),
        (
            "[logs]\nredact_patterns = [{ name = \"A B\", pattern = \"x\" }]\n",
            "line 2, column 20: the name \"A B\" of a pattern cannot stand in a mark; write 1 to 24 small letters",
        ),
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
    fn a_pattern_too_long_and_a_pattern_too_many_are_told_with_their_place() {
        let long = parse(&format!("[logs]\nredact_patterns = [\"{}\"]\n", "x".repeat(1025)))
            .unwrap_err()
            .to_string();
        assert!(
            long.contains("line 2, column 20: ") && long.contains("and this one 1025; shorten it"),
            "{long}"
        );
        let many = |count: usize| format!("[logs]\nredact_patterns = [{}]\n", "\"x\",".repeat(count));
        let told = parse(&many(51)).unwrap_err().to_string();
        assert!(told.contains("line 2, column 19: there are 51 patterns; at most 50"), "{told}");
        assert_eq!(parse(&many(50)).unwrap().logs.redact_patterns.len(), 50);
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
