//! `audit_dependencies`: compares what is locked with a snapshot of advisories that lies on this machine.
//!
//! Nothing is asked of the network. Without a snapshot the answer is `unknown`, never `clean`; an advisory whose versions
//! cannot be compared counts as a match that a person must look at, since silence would be the worse mistake. The
//! snapshot is a JSON array of advisories in the open format of vulnerabilities (OSV).

use std::path::Path;
use std::time::SystemTime;

use groundcrew_core::contract::{
    AuditDependenciesContext, AuditDependenciesResult, Reason, VulnerablePackage,
};
use groundcrew_workbench::git::{Repository, Sha};
use serde::Deserialize;

use crate::agent::{Ending, Job, Trouble};
use crate::site::read_text;

/// Largest snapshot, in bytes.
const LARGEST: u64 = 256 << 20;

/// Locked packages that are looked up.
const MOST_PACKAGES: usize = 20_000;

/// Holes that are kept.
const MOST_FOUND: usize = 500;

const DAY: u64 = 24 * 3600;

/// Works an `audit_dependencies` task.
pub(super) fn audit_dependencies(job: &Job<'_>) -> Result<Ending, Trouble> {
    let context: AuditDependenciesContext = job.context()?;
    let site = job.site()?;
    let repository = site.repository(job)?;
    let commit = match &context.commit_sha {
        Some(sha) => repository.resolve(sha)?,
        None => site.base(&repository)?,
    };
    let locked = locked(&repository, &commit)?;
    let Some(named) = &site.config.security.advisories else {
        let reason = "no snapshot of advisories is configured ([security] advisories), so nothing is known";
        return finish(job, &commit, "unknown", reason, locked.len(), Vec::new(), None);
    };
    let snapshot = read(&site.root.join(named)).map_err(Trouble::Environment)?;
    let mut vulnerable = Vec::new();
    for package in &locked {
        let found = snapshot.advisories.iter().filter_map(|advisory| advisory.about(package));
        vulnerable.extend(found.take(MOST_FOUND.saturating_sub(vulnerable.len())));
    }
    let outcome = match (locked.is_empty(), vulnerable.is_empty()) {
        (true, _) => "unknown",
        (false, true) => "clean",
        (false, false) => "vulnerable",
    };
    let reason = format!(
        "{} of {} locked packages have a known hole in a snapshot of {} days",
        vulnerable.len(),
        locked.len(),
        snapshot.age_days
    );
    finish(job, &commit, outcome, &reason, locked.len(), vulnerable, Some(snapshot.age_days))
}

fn finish(
    job: &Job<'_>,
    commit: &Sha,
    outcome: &str,
    reason: &str,
    packages: usize,
    vulnerable: Vec<VulnerablePackage>,
    snapshot_age_days: Option<i64>,
) -> Result<Ending, Trouble> {
    job.desk.step(reason);
    let confidence = if outcome == "unknown" { 0.0 } else { 0.7 };
    let result = AuditDependenciesResult {
        common: job.common(outcome, confidence, vec![Reason::new(outcome, reason)]),
        commit_sha: commit.as_str().to_owned(),
        vulnerable,
        packages: packages as u64,
        snapshot_age_days,
    };
    Ending::complete(&result, job.cost())
}

/// A package at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agents) struct Locked {
    /// Name, as indexes compare it.
    pub(in crate::agents) name: String,
    pub(in crate::agents) version: String,
    /// The file that locks it.
    pub(in crate::agents) file: String,
}

/// Versions in which the holes of a package at one version are fixed, by the snapshot, each with the advisory.
///
/// # Errors
/// The snapshot cannot be used, in words.
pub(in crate::agents) fn fixed_versions(
    snapshot: &Path,
    package: &Locked,
) -> Result<Vec<(String, String)>, String> {
    let found = read(snapshot)?.advisories.into_iter().filter_map(|advisory| advisory.about(package));
    Ok(found.filter_map(|found| Some((found.id, found.fixed_in?))).collect())
}

/// What files of a commit lock.
pub(in crate::agents) fn locked(repository: &Repository, commit: &Sha) -> Result<Vec<Locked>, Trouble> {
    let mut found = Vec::new();
    for entry in repository.files(commit)? {
        let path = entry.path.as_str();
        let read: fn(&str) -> Vec<(String, String)> = match entry.path.file_name() {
            name if name.starts_with("requirements") && name.ends_with(".txt") => pinned,
            "poetry.lock" | "uv.lock" | "Cargo.lock" => tables,
            "package-lock.json" => packages,
            _ => continue,
        };
        let text = read_text(repository, commit, &entry.path)?.unwrap_or_default();
        let packages = read(&text).into_iter();
        found.extend(packages.map(|(name, version)| Locked {
            name: plain(&name),
            version,
            file: path.to_owned(),
        }));
    }
    found.truncate(MOST_PACKAGES);
    Ok(found)
}

/// `name==version` lines.
fn pinned(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.split(['#', ';', ' ']).next().unwrap_or(""));
    lines
        .filter_map(|line| line.split_once("=="))
        .map(|(name, version)| (name.split('[').next().unwrap_or(name).to_owned(), version.to_owned()))
        .collect()
}

/// `[[package]]` tables with a name and a version.
fn tables(text: &str) -> Vec<(String, String)> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        #[serde(default)]
        version: String,
    }
    let file: File = toml::from_str(text).unwrap_or(File { package: Vec::new() });
    file.package.into_iter().map(|package| (package.name, package.version)).collect()
}

/// The installed packages of a `package-lock.json`.
fn packages(text: &str) -> Vec<(String, String)> {
    let file: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let Some(packages) = file.get("packages").and_then(serde_json::Value::as_object) else {
        return Vec::new();
    };
    let named = packages.iter().filter_map(|(path, package)| {
        let (_, name) = path.rsplit_once("node_modules/")?;
        Some((name.to_owned(), package.get("version")?.as_str()?.to_owned()))
    });
    named.collect()
}

/// A name as indexes compare it.
pub(in crate::agents) fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace(['_', '.'], "-")
}

struct Snapshot {
    advisories: Vec<Advisory>,
    age_days: i64,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    id: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Debug, Deserialize)]
struct Affected {
    package: Package,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
}

fn read(path: &Path) -> Result<Snapshot, String> {
    let wrong = |why: String| format!("the snapshot of advisories {} cannot be used: {why}", path.display());
    let found = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(wrong(format!("it is no file of at most {LARGEST} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let advisories = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let written = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let age = SystemTime::now().duration_since(written).unwrap_or_default().as_secs() / DAY;
    Ok(Snapshot { advisories, age_days: i64::try_from(age).unwrap_or(i64::MAX) })
}

impl Advisory {
    fn about(&self, locked: &Locked) -> Option<VulnerablePackage> {
        if self.withdrawn.is_some() {
            return None;
        }
        let hit = self.affected.iter().find(|affected| affected.covers(locked))?;
        Some(VulnerablePackage {
            package: locked.name.clone(),
            version: locked.version.clone(),
            id: self.id.clone(),
            fixed_in: hit.ranges.iter().flat_map(|range| &range.events).find_map(|event| event.fixed.clone()),
            file: locked.file.clone(),
        })
    }
}

impl Affected {
    fn covers(&self, locked: &Locked) -> bool {
        plain(&self.package.name) == locked.name
            && (self.versions.contains(&locked.version)
                || self.ranges.iter().any(|range| range.covers(&locked.version)))
    }
}

impl Range {
    /// Events are in order: the version lies in the range if the last event at or before it introduces the hole.
    fn covers(&self, version: &str) -> bool {
        let Some(version) = numbers(version) else { return !self.events.is_empty() };
        let mut inside = false;
        for event in &self.events {
            let (Some(at), begins) = (match (&event.introduced, &event.fixed) {
                (Some(at), _) => (numbers(at), true),
                (None, Some(at)) => (numbers(at), false),
                (None, None) => continue,
            }) else {
                continue;
            };
            if at <= version {
                inside = begins;
            }
        }
        inside
    }
}

/// The numbers of a release; none for a version that has more than numbers.
pub(in crate::agents) fn numbers(version: &str) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> =
        version.trim().trim_start_matches('v').split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(text: &str) -> Advisory {
        serde_json::from_str(text).unwrap()
    }

    fn package(name: &str, version: &str) -> Locked {
        Locked { name: plain(name), version: version.into(), file: "requirements.txt".into() }
    }

    #[test]
    fn a_version_within_a_range_is_found_and_one_after_the_fix_is_not() {
        let known = advisory(
            r#"{"id": "X-1", "affected": [{"package": {"name": "Shop_Kit"},
                "ranges": [{"events": [{"introduced": "0"}, {"fixed": "1.4.2"}, {"introduced": "2.0"}]}]}]}"#,
        );
        for (version, hit) in
            [("1.4", true), ("1.4.2", false), ("1.10", false), ("2", true), ("1.4rc1", true)]
        {
            assert_eq!(known.about(&package("shop-kit", version)).is_some(), hit, "{version}");
        }
        assert_eq!(known.about(&package("shop", "1.0")), None);
        let found = known.about(&package("shop.kit", "1.0")).unwrap();
        assert_eq!((found.id.as_str(), found.fixed_in.as_deref()), ("X-1", Some("1.4.2")));
    }

    #[test]
    fn locked_versions_are_read_from_the_usual_files() {
        let pins = "a==1.0  # why\nb[extra]==2.0; python_version > '3'\nc>=3\n-r other.txt\n";
        assert_eq!(pinned(pins), [("a".into(), "1.0".into()), ("b".into(), "2.0".into())]);
        assert_eq!(tables("[[package]]\nname = \"d\"\nversion = \"4\"\n"), [("d".into(), "4".into())]);
        assert_eq!(tables("not toml ["), []);
        let lock = r#"{"packages": {"": {"version": "1"}, "node_modules/@a/b": {"version": "2.0.1"}}}"#;
        assert_eq!(packages(lock), [("@a/b".into(), "2.0.1".into())]);
        assert_eq!(packages("{"), []);
    }
}
