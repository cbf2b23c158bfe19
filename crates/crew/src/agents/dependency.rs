//! Whether an error comes from a dependency that a newer version is known to mend: told to a person, never done here.
//!
//! Lock files are not edited and nothing is asked of the network. A newer version is known only where something on this
//! machine names it: the settings, another lock file of the project, the snapshot of advisories, a wheel in the repository.
//! Whether the project's own bounds allow it is looked up; a bound that cannot be compared is shown and left to the person.
//! What is not known is said to be unknown.

use std::fs;
use std::path::{Path, PathBuf};

use groundcrew_core::contract::Dossier;
use groundcrew_core::message::Ask;
use groundcrew_core::task::BlockedOn;
use groundcrew_core::trace::Trace;
use groundcrew_workbench::git::{RepoPath, Repository, Sha};
use groundcrew_workbench::python::Python;

use crate::agent::{Ending, HAND_OVER, Job, Trouble};
use crate::agents::security::dependencies::{self, Locked, numbers, plain};
use crate::site::{Site, read_text};

/// The choice to go on without moving the dependency; `fix` takes it for whoever waits.
pub(super) const STAY: &str = "draft";

/// Installed packages that are looked through for the one that brings a module.
const MOST: usize = 5_000;
/// Largest list of a package's files that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// Characters of a name or version that are taken over into a question.
const SHOWN: usize = 80;

/// What is known of the dependency in which an error was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// A newer version is known.
    Move {
        /// The package.
        package: String,
        /// The version that runs; none if nothing says.
        from: Option<String>,
        /// The newer one.
        to: String,
        /// What names it, and what the project's own bounds say.
        why: String,
    },
    /// None is known, or the project does not allow it: why, as a sentence.
    Stays(String),
}

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Python,
    Node,
    Rust,
}

/// What is known about the dependency in which the innermost frame lies; none if it lies elsewhere.
pub(super) fn behind(
    site: &Site,
    repository: &Repository,
    base: &Sha,
    trace: &Trace,
    python: &Python,
) -> Result<Option<Behind>, Trouble> {
    let Some((source, module, told)) =
        trace.frames.first().and_then(|frame| package_of(frame.file.as_deref()?))
    else {
        return Ok(None);
    };
    let locked = dependencies::locked(repository, base)?;
    let installed = if source == Source::Python { installed(&module, python) } else { None };
    let package = installed.as_ref().map_or(module, |(name, _)| name.clone());
    let name = plain(&package);
    let mine: Vec<&Locked> = locked.iter().filter(|known| known.name == name).collect();
    let from =
        told.or(installed.map(|(_, version)| version)).or(mine.first().map(|known| known.version.clone()));
    let newer = |version: &str| match (numbers(version), from.as_deref().map(numbers)) {
        (Some(to), Some(Some(from))) => to > from,
        (Some(_), None) => true,
        (None, _) | (Some(_), Some(None)) => false,
    };
    let named = site.config.change.versions.iter().find(|(known, _)| plain(known) == name);
    let mut known: Vec<(String, String)> = Vec::new();
    known.extend(
        named.map(|(_, version)| (version.clone(), "the settings name it ([change] versions)".to_owned())),
    );
    known.extend(mine.iter().map(|lock| (lock.version.clone(), format!("{} locks it", lock.file))));
    let mut aside = String::new();
    if let (Some(path), Some(from)) = (&site.config.security.advisories, &from) {
        let here = Locked { name: name.clone(), version: from.clone(), file: String::new() };
        let fixed = dependencies::fixed_versions(&site.root.join(path), &here).unwrap_or_else(|reason| {
            aside = format!("; {reason}");
            Vec::new()
        });
        known.extend(
            fixed
                .into_iter()
                .map(|(id, version)| (version, format!("the advisory {id} says that it is fixed there"))),
        );
    }
    known.extend(wheels(repository, base, &name)?);
    let at =
        from.as_ref().map_or_else(|| shown(&package), |from| format!("{} {}", shown(&package), shown(from)));
    let Some((to, why)) = known.into_iter().find(|(version, _)| newer(version)) else {
        let reason = format!(
            "it was raised in the dependency {at}, and nothing on this machine names a newer version of it{aside}"
        );
        return Ok(Some(Behind::Stays(reason)));
    };
    let bound = bound(repository, base, source, &name)?;
    let said = match bound.as_ref().map(|(file, bound)| (file, bound, allows(source, bound, &to))) {
        None => "the project sets no bound of its own".to_owned(),
        Some((file, bound, Some(true))) => format!("{file} allows it ({})", shown(bound)),
        Some((file, bound, None)) => {
            format!("whether {file} allows it ({}) cannot be told here", shown(bound))
        }
        Some((file, bound, Some(false))) => {
            let reason = format!(
                "it was raised in the dependency {at}; {} {} is known ({why}), but {file} does not allow it ({})",
                shown(&package),
                shown(&to),
                shown(bound)
            );
            return Ok(Some(Behind::Stays(reason)));
        }
    };
    Ok(Some(Behind::Move { package, from, to, why: format!("{why}; {said}") }))
}

impl Behind {
    /// What is known, as a sentence.
    pub(super) fn sentence(&self) -> String {
        match self {
            Behind::Stays(reason) => reason.clone(),
            Behind::Move { package, to, why, .. } => {
                format!(
                    "it was raised in the dependency {}, and version {} is known: {why}",
                    shown(package),
                    shown(to)
                )
            }
        }
    }

    /// Asks a person to move the dependency; nothing here does it.
    pub(super) fn ask(&self, job: &Job<'_>, dossier: &Dossier) -> Option<Ending> {
        let Behind::Move { package, from, to, why } = self else { return None };
        let from = from.as_ref().map_or_else(String::new, |from| format!(" {}", shown(from)));
        let ask = Ask::new(
            format!(
                "\"{}\" was raised in the dependency {}{from}, and version {} is known: {why}. Lock files are not edited here. \
                 Will you move it?",
                dossier.title,
                shown(package),
                shown(to)
            ),
            &[
                (HAND_OVER, "I look at it myself"),
                ("retry", "It is moved; look again"),
                (STAY, "No; go on with what can be done in this repository, a draft at best"),
                ("decline", "Let it be"),
            ],
        );
        Some(Ending::ask(BlockedOn::Approval, ask, job.cost()))
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// The package whose folder a file lies in, with its version where the path tells it.
fn package_of(file: &str) -> Option<(Source, String, Option<String>)> {
    let file = file.replace('\\', "/");
    let after = |folder: &str| file.rsplit_once(folder).map(|(_, rest)| rest);
    let first = |rest: &str| rest.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
    for folder in ["/site-packages/", "/dist-packages/"] {
        if let Some(name) = after(folder).and_then(first) {
            return Some((
                Source::Python,
                name.strip_suffix(".py").map_or(name.clone(), str::to_owned),
                None,
            ));
        }
    }
    if let Some(rest) = after("node_modules/") {
        let parts = if rest.starts_with('@') { 2 } else { 1 };
        let name: Vec<&str> = rest.split('/').take(parts).collect();
        return Some((Source::Node, name.join("/"), None));
    }
    let rest = after("/registry/src/")?;
    let folder = rest.split('/').nth(1)?;
    let at = folder
        .match_indices('-')
        .map(|(at, _)| at)
        .find(|at| folder[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    Some((Source::Rust, folder[..at].to_owned(), Some(folder[at + 1..].to_owned())))
}

/// The installed package that brings a module, with its version.
fn installed(module: &str, python: &Python) -> Option<(String, String)> {
    let (major, minor, _) = python.version;
    let folder = python.environment.as_ref()?.join(format!("lib/python{major}.{minor}/site-packages"));
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.flatten().take(MOST).map(|entry| entry.path()).collect();
    let mut found: Vec<(bool, String, String)> = entries
        .iter()
        .filter_map(|path| {
            let stem = path.file_name()?.to_str()?.strip_suffix(".dist-info")?;
            let (name, version) = stem.rsplit_once('-')?;
            let same = plain(name) == plain(module);
            (same || brings(path, module)).then(|| (same, name.to_owned(), version.to_owned()))
        })
        .collect();
    found.sort_by_key(|(same, name, _)| (!same, name.clone()));
    found.into_iter().next().map(|(_, name, version)| (name, version))
}

fn brings(folder: &Path, module: &str) -> bool {
    let record = folder.join("RECORD");
    let small = fs::metadata(&record).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let text = if small { fs::read_to_string(&record).unwrap_or_default() } else { String::new() };
    let inside = |line: &str| {
        line.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest.starts_with(".py,"))
    };
    text.lines().any(inside)
}

/// Versions of a package that lie in the repository as wheels.
fn wheels(repository: &Repository, base: &Sha, name: &str) -> Result<Vec<(String, String)>, Trouble> {
    let mut found = Vec::new();
    for entry in repository.files(base)? {
        let file = entry.path.file_name();
        let mut parts = file.strip_suffix(".whl").unwrap_or_default().split('-');
        if let (Some(package), Some(version)) = (parts.next(), parts.next())
            && plain(package) == name
        {
            found.push((version.to_owned(), format!("{} lies in the repository", entry.path)));
        }
    }
    Ok(found)
}

/// What the project itself says about the versions of a package, with the file that says it. Exact pins of requirements are
/// no bounds: they lock.
fn bound(
    repository: &Repository,
    base: &Sha,
    source: Source,
    name: &str,
) -> Result<Option<(String, String)>, Trouble> {
    let files: &[&str] = match source {
        Source::Python => &["pyproject.toml", "requirements.in", "requirements.txt"],
        Source::Node => &["package.json"],
        Source::Rust => &["Cargo.toml"],
    };
    for file in files {
        let path = RepoPath::parse(file).map_err(|error| Trouble::Machine(error.to_string()))?;
        let Some(text) = read_text(repository, base, &path)? else { continue };
        let found = match *file {
            "pyproject.toml" => of_pyproject(&text, name),
            "package.json" => of_package(&text, name),
            "Cargo.toml" => of_cargo(&text, name),
            _ => text.lines().find_map(|line| of_requirement(line, name)),
        };
        if let Some(bound) = found.filter(|bound| !bound.is_empty()) {
            return Ok(Some(((*file).to_owned(), bound)));
        }
    }
    Ok(None)
}

/// The bound in one line of requirements, without a pin.
fn of_requirement(line: &str, name: &str) -> Option<String> {
    let line = line.split(['#', ';']).next().unwrap_or_default().trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
    let (package, rest) = line.split_at(end);
    let rest = rest.trim();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    let bound = rest.trim().trim_matches(['(', ')']).to_owned();
    (plain(package) == name && !package.is_empty() && !bound.starts_with("==")).then_some(bound)
}

fn of_pyproject(text: &str, name: &str) -> Option<String> {
    let file: toml::Table = toml::from_str(text).ok()?;
    let list =
        file.get("project").and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    let own = list
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .find_map(|line| of_requirement(line, name));
    own.or_else(|| {
        let tool = file.get("tool")?.get("poetry")?.get("dependencies")?.as_table()?;
        version_of(tool.iter().find(|(known, _)| plain(known) == name)?.1)
    })
}

fn of_cargo(text: &str, name: &str) -> Option<String> {
    let file: toml::Table = toml::from_str(text).ok()?;
    let table = file.get("dependencies")?.as_table()?;
    version_of(table.iter().find(|(known, _)| plain(known) == name)?.1)
}

fn version_of(value: &toml::Value) -> Option<String> {
    let version = value.as_str().or_else(|| value.get("version")?.as_str());
    version.map(str::to_owned)
}

fn of_package(text: &str, name: &str) -> Option<String> {
    let file: serde_json::Value = serde_json::from_str(text).ok()?;
    let tables =
        ["dependencies", "devDependencies"].into_iter().filter_map(|table| file.get(table)?.as_object());
    let mut all = tables.flatten();
    all.find(|(known, _)| plain(known) == name).and_then(|(_, bound)| bound.as_str().map(str::to_owned))
}

/// Whether a bound allows a version; none if it cannot be compared by numbers alone.
fn allows(source: Source, bound: &str, version: &str) -> Option<bool> {
    let version = padded(version)?;
    let mut all = true;
    for part in bound.split([',', ' ']).filter(|part| !part.is_empty()) {
        let end = part.find(|c: char| c.is_ascii_digit() || c == '*').unwrap_or(part.len());
        let (sign, wanted) = part.split_at(end);
        if wanted == "*" {
            continue;
        }
        let given = wanted.split('.').count();
        let at = padded(wanted)?;
        // What a bare version means is up to the package manager.
        let sign = match (sign.trim(), source) {
            ("", Source::Rust) => "^",
            ("", Source::Python | Source::Node) => "==",
            (sign, _) => sign,
        };
        let below = |position: usize| {
            let mut next = at[..=position].to_vec();
            next[position] += 1;
            next.resize(at.len(), 0);
            version < next
        };
        all &= match sign {
            ">=" => version >= at,
            ">" => version > at,
            "<=" => version <= at,
            "<" => version < at,
            "==" | "=" | "===" => version == at,
            "!=" => version != at,
            "~=" => version >= at && below(given.checked_sub(2)?),
            "~" => version >= at && below(usize::from(given > 1)),
            "^" => {
                let first = at.iter().position(|number| *number > 0).unwrap_or(given - 1).min(at.len() - 1);
                version >= at && below(first)
            }
            _ => return None,
        };
    }
    Some(all)
}

/// The numbers of a version, as many as any bound looks at.
fn padded(version: &str) -> Option<Vec<u64>> {
    let mut all = numbers(version)?;
    all.resize(all.len().max(6), 0);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_a_frame_is_told_by_its_path() {
        let of = |file: &str| {
            package_of(file).map(|(source, name, version)| (source, name, version.unwrap_or_default()))
        };
        for (file, expected) in [
            ("/app/.venv/lib/python3.11/site-packages/yaml/reader.py", Some((Source::Python, "yaml", ""))),
            ("/usr/lib/python3/dist-packages/six.py", Some((Source::Python, "six", ""))),
            ("C:\\app\\Lib\\site-packages\\flask\\app.py", Some((Source::Python, "flask", ""))),
            ("/app/node_modules/@scope/kit/lib/a.js", Some((Source::Node, "@scope/kit", ""))),
            ("/app/node_modules/a/node_modules/b/i.js", Some((Source::Node, "b", ""))),
            (
                "/root/.cargo/registry/src/index-1/serde-json-1.0.99/src/a.rs",
                Some((Source::Rust, "serde-json", "1.0.99")),
            ),
            ("/app/shop/cart.py", None),
        ] {
            let expected =
                expected.map(|(source, name, version)| (source, name.to_owned(), version.to_owned()));
            assert_eq!(of(file), expected, "{file}");
        }
    }

    #[test]
    fn a_bound_allows_what_its_package_manager_would_take() {
        use Source::{Node, Python, Rust};
        for (source, bound, version, expected) in [
            (Python, ">=1.2,<2", "1.9.1", Some(true)),
            (Python, ">=1.2,<2", "2.0", Some(false)),
            (Python, "~=1.4.2", "1.4.9", Some(true)),
            (Python, "~=1.4.2", "1.5", Some(false)),
            (Python, "!=1.5", "1.5.0", Some(false)),
            (Node, "^1.2.3", "1.9.0", Some(true)),
            (Node, "^0.2.3", "0.3.0", Some(false)),
            (Node, "~1.2.3", "1.3.0", Some(false)),
            (Node, "1.2.3", "1.2.4", Some(false)),
            (Node, "*", "9.0.0", Some(true)),
            (Node, "1 || 2", "2.0.0", None),
            (Node, "file:../a", "2.0.0", None),
            (Rust, "1.2", "1.3.0", Some(true)),
            (Rust, "0.2", "0.3.0", Some(false)),
            (Python, ">=1.2", "2.0rc1", None),
        ] {
            assert_eq!(allows(source, bound, version), expected, "{bound} {version}");
        }
    }

    #[test]
    fn the_bounds_of_a_project_are_read_from_its_own_files_and_pins_are_none() {
        assert_eq!(of_requirement("PyYAML[x] >=5 ; python_version > '3'", "pyyaml"), Some(">=5".into()));
        assert_eq!(of_requirement("pyyaml==5.1", "pyyaml"), None);
        assert_eq!(of_requirement("pyyaml-extra>=5", "pyyaml"), None);
        let project =
            "[project]\ndependencies = [\"a_b>=1,<2\"]\n[tool.poetry.dependencies]\nc = {version = \"^3\"}\n";
        assert_eq!(of_pyproject(project, "a-b"), Some(">=1,<2".into()));
        assert_eq!(of_pyproject(project, "c"), Some("^3".into()));
        assert_eq!(of_package("{\"devDependencies\": {\"jest\": \"~30.1\"}}", "jest"), Some("~30.1".into()));
        assert_eq!(of_cargo("[dependencies]\nserde = { version = \"1\" }\n", "serde"), Some("1".into()));
        assert_eq!(of_cargo("not toml [", "serde"), None);
    }
}
