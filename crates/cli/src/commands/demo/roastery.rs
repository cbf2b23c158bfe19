//! The service of the demo, as data that is part of this program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use groundcrew_core::audit::NoRecorder;
use groundcrew_workbench::git::{Change, NewCommit, RepoPath, Repository};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimeParser;
use serde::Deserialize;
use serde_json::Value;

use super::http::{self, Request};
use crate::failure::{Failure, Kind};

/// Path and text of every file.
const FILES: &[(&str, &str)] = include!("../../../../../examples/roastery/embedded.rs");

#[derive(Deserialize)]
struct History {
    branch: String,
    start: Vec<String>,
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    message: String,
    author: Author,
    date: String,
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
    email: String,
}

#[derive(Deserialize)]
struct Call {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    raw_body: Option<String>,
    expect_status: u16,
}

/// The service.
pub(super) struct Roastery {
    history: History,
    traffic: Vec<Call>,
}

impl Roastery {
    /// Reads what is embedded.
    ///
    /// # Errors
    /// The embedded description is damaged, which its own check and our tests would find.
    pub(super) fn embedded() -> Result<Self, Failure> {
        Ok(Self { history: parse("history.json")?, traffic: parse("traffic.json")? })
    }

    /// How many commits it has.
    pub(super) fn commits(&self) -> usize {
        self.history.commits.len()
    }

    /// How many requests its customers send.
    pub(super) fn requests(&self) -> usize {
        self.traffic.len()
    }

    /// Makes its repository, with the history as its people wrote it.
    ///
    /// # Errors
    /// The folder is taken, or git fails.
    pub(super) fn lay_out(&self, at: &Path) -> Result<Repository, Failure> {
        let commits = self.history.commits.iter().map(commit).collect::<Result<Vec<_>, _>>()?;
        Ok(Repository::create(at, &self.history.branch, &commits, Arc::new(NoRecorder))?)
    }

    /// The arguments after the interpreter that start it.
    ///
    /// # Errors
    /// The description names no Python program.
    pub(super) fn start_command(&self, log: &Path) -> Result<Vec<String>, Failure> {
        match self.history.start.split_first() {
            Some((program, rest)) if program == "python3" => {
                Ok(rest.iter().map(|part| part.replace("{log}", &log.to_string_lossy())).collect())
            }
            Some(_) | None => Err(damaged("history.json", "its start command is no python3 program")),
        }
    }

    /// Sends the customers' requests; tells how they were answered.
    ///
    /// # Errors
    /// An answer is not the one that the description expects.
    pub(super) fn call(&self, port: u16) -> Result<String, Failure> {
        let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
        for call in &self.traffic {
            let request = Request {
                method: &call.method,
                path: &call.path,
                headers: call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                body: call.raw_body.clone().or_else(|| call.body.as_ref().map(Value::to_string)),
            };
            let what = format!("{} {}", call.method, call.path);
            let status = http::send(port, &request).map_err(|error| {
                Failure::new(Kind::Failed, format!("the service does not answer {what}: {error}"))
            })?;
            if status != call.expect_status {
                let wanted = call.expect_status;
                return Err(Failure::new(
                    Kind::Failed,
                    format!("the service answered {what} with {status}, not with {wanted}"),
                ));
            }
            *answers.entry(status).or_default() += 1;
        }
        let told: Vec<String> =
            answers.into_iter().map(|(status, count)| format!("{count} x {status}")).collect();
        Ok(format!("answers: {}", told.join(", ")))
    }

    /// The secrets that its requests and its command line carry; all are invented.
    pub(super) fn secrets(&self) -> Vec<String> {
        let headers = self.traffic.iter().flat_map(|call| &call.headers);
        let tokens = headers
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.rsplit(' ').next().unwrap_or(value).to_owned());
        let passwords = self.history.start.iter().filter_map(|part| {
            let (_, rest) = part.split_once("://")?;
            let (user, _) = rest.split_once('@')?;
            user.split_once(':').map(|(_, password)| password.to_owned())
        });
        let mut secrets: Vec<String> = tokens.chain(passwords).collect();
        secrets.sort();
        secrets.dedup();
        secrets
    }
}

fn commit(commit: &Commit) -> Result<NewCommit, Failure> {
    let time: Timestamp =
        commit.date.parse().map_err(|error| damaged("history.json", &format!("{}: {error}", commit.date)))?;
    let offset =
        DateTimeParser::new().parse_pieces(&commit.date).ok().and_then(|pieces| pieces.to_numeric_offset());
    let mut changes = Vec::new();
    for (path, source) in &commit.files {
        changes.push(Change::write(RepoPath::parse(path)?, text(source)?.as_bytes()));
    }
    Ok(NewCommit {
        author: commit.author.name.clone(),
        email: commit.author.email.clone(),
        time: time.as_second(),
        offset_minutes: offset.map_or(0, |offset| offset.seconds() / 60),
        message: commit.message.clone(),
        changes,
    })
}

fn parse<T: for<'a> Deserialize<'a>>(name: &str) -> Result<T, Failure> {
    serde_json::from_str(text(name)?).map_err(|error| damaged(name, &error.to_string()))
}

fn text(name: &str) -> Result<&'static str, Failure> {
    let found = FILES.iter().find(|(path, _)| *path == name);
    found.map(|(_, text)| *text).ok_or_else(|| damaged(name, "it is not embedded"))
}

fn damaged(name: &str, why: &str) -> Failure {
    Failure::new(Kind::Failed, format!("the embedded {name} of the demo is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_service_can_be_laid_out_with_its_history() {
        let folder = tempfile::tempdir().unwrap();
        let roastery = Roastery::embedded().unwrap();
        let repository = roastery.lay_out(&folder.path().join("r")).unwrap();
        let head = repository.head().unwrap();
        let history = repository.history(&head.commit, None, 100).unwrap();
        assert_eq!((head.branch.as_deref(), history.len()), (Some("main"), roastery.commits()));
        let last = history.first().unwrap();
        assert_eq!((last.author.as_str(), last.time), ("Mira Anand", 1_771_835_400));
    }

    #[test]
    fn its_secrets_are_known_so_that_they_can_be_looked_for() {
        assert_eq!(
            Roastery::embedded().unwrap().secrets(),
            ["Kaffee-4471-example", "rst_live_3f9a0c7e51example"]
        );
    }
}
