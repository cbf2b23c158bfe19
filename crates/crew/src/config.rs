//! `groundcrew.toml`: what a project tells the crew, and which of its keys widen the crew's power.
//!
//! The file lies at the root of the user's checkout, or where the user said when they added the project; never in a
//! worktree. Keys that widen power (commands, sandbox, network, files outside
//! the repository, approval) count only when the user has trusted exactly this file; the others always count. The split
//! is made here, in one place, by [`Config::without_power`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_store::Project;
use groundcrew_workbench::sandbox::Level;
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The project itself.
    pub project: ProjectConfig,
    /// Where its logs are.
    pub logs: LogsConfig,
    /// How its tests run.
    pub test: TestConfig,
    /// How commands are shut in.
    pub sandbox: SandboxConfig,
    /// What a change may be.
    pub change: ChangeConfig,
    /// Its declared design.
    pub design: DesignConfig,
}

/// The project itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// Its name; none means the folder's name.
    pub name: Option<String>,
    /// The branch that fixes start from; none means the branch that is checked out.
    pub branch: Option<String>,
}

/// Where the logs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestConfig {
    /// Program and arguments; none means what the crew detects. Widens power.
    pub command: Option<Vec<String>>,
    /// The interpreter of the project, such as that of its virtual environment, relative to the repository or absolute;
    /// none means the first `python3` of the user's path. Widens power.
    pub python: Option<PathBuf>,
    /// Longest time one run of the suite may take.
    pub timeout: Span,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self { command: None, python: None, timeout: Span::seconds(300) }
    }
}

/// How commands are shut in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// The lowest level that is good enough, `landlock` or `strict`; none is weaker than the default.
    pub minimum: Level,
    /// Folders outside the repository that commands may read, such as a toolchain. Widens power.
    pub read: Vec<PathBuf>,
    /// Megabytes of memory per command. Widens power.
    pub memory_mb: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { minimum: Level::Landlock, read: Vec::new(), memory_mb: 2048 }
    }
}

/// What a change may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesignConfig {
    /// Layers from the top down, each a list of module prefixes; a layer may import only itself and those below.
    pub layers: Vec<Vec<String>>,
}

/// A length of time written as `90s`, `15m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
            Ok(text) => Ok(Some((Self::parse(&text, path)?, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// Names the line, the column and what may stand there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let message = match error.span() {
                Some(span) => {
                    let (line, column) = position(text, span.start);
                    format!("line {line}, column {column}: {}", error.message())
                }
                None => error.message().to_owned(),
            };
            ConfigError::Invalid { path: path.to_owned(), message }
        })
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
        if !self.sandbox.read.is_empty() {
            keys.push("sandbox.read");
        }
        if self.sandbox.memory_mb > plain.memory_mb {
            keys.push("sandbox.memory_mb");
        }
        if self.logs.paths.iter().any(|path| leaves_repository(path)) {
            keys.push("logs.paths outside the repository");
        }
        keys
    }

    /// This configuration as it counts while its file is not trusted.
    #[must_use]
    pub fn without_power(mut self) -> Self {
        let plain = SandboxConfig::default();
        self.test.command = None;
        self.test.python = None;
        self.sandbox.memory_mb = self.sandbox.memory_mb.min(plain.memory_mb);
        self.sandbox.read = plain.read;
        self.logs.paths.retain(|path| !leaves_repository(path));
        self
    }
}

/// The text of a plain file of ordinary size. A link in a repository could lead to anything on the machine, and what an
/// error message quotes of it would be shown.
fn read_plain(path: &Path) -> std::io::Result<String> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is no plain file; copy the settings into one"));
    }
    if found.len() > LARGEST {
        return Err(std::io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    std::fs::read_to_string(path)
}

fn leaves_repository(path: &str) -> bool {
    let path = Path::new(path);
    path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir)
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
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
                    [sandbox]\nminimum = \"strict\"\nread = [\"/\"]\nmemory_mb = 999999\n\
                    [logs]\npaths = [\"app.log\", \"/etc/shadow\", \"../../secret\"]\n";
        let config = parse(text).unwrap();
        assert_eq!(
            config.power_keys(),
            [
                "test.command",
                "test.python",
                "sandbox.read",
                "sandbox.memory_mb",
                "logs.paths outside the repository"
            ]
        );
        let weak = config.without_power();
        assert_eq!(weak.power_keys(), Vec::<&str>::new());
        assert_eq!(weak.logs.paths, ["app.log"]);
        assert_eq!(weak.test.timeout, Span::seconds(9), "what does not widen power still counts");
        assert_eq!(weak.sandbox.minimum, Level::Strict, "what narrows it counts too");
    }
}
