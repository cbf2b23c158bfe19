//! One case of a measurement of repairs, as its author wrote it, and laying it out.
//!
//! A case is data, and hostile as any: files lie beneath its folder, and whatever it runs, runs in the sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::NoRecorder;
use groundcrew_workbench::git::{Change, NewCommit, RepoPath, Repository};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};

/// Longest file of a case, in bytes.
const LARGEST: u64 = 4 << 20;
/// Folders beneath the one that was named.
const DEEPEST: usize = 8;
/// What a plain folder may hold at most, in files.
const MOST_FILES: usize = 20_000;

/// A case with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    /// Path beneath the folder of cases, without its ending.
    pub(super) name: String,
    /// The folder that its paths start from.
    pub(super) folder: PathBuf,
    /// What it says.
    pub(super) said: Said,
}

/// The keys of a case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    /// What kind of mistake it is, for the table.
    #[serde(default)]
    pub(super) kind: String,
    /// The program, with its tests: path and content of each file.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// What makes the program wrong; none where it is wrong as it is.
    #[serde(default)]
    pub(super) edit: Option<Edit>,
    /// A folder with the program instead of `files`; its own git repository if it is one.
    #[serde(default)]
    pub(super) repository: Option<PathBuf>,
    /// A released Python package instead of both, as pip takes it.
    #[serde(default)]
    pub(super) package: Option<String>,
    /// What the package needs, as pip takes it.
    #[serde(default)]
    pub(super) needs: Vec<String>,
    /// The command that runs the tests; none means what `fix` finds.
    #[serde(default)]
    pub(super) test: Option<String>,
    /// What the program logged, for a case without a failing test.
    #[serde(default)]
    pub(super) log: Option<String>,
    /// Python that ends with the error, for a case whose log is made by running it.
    #[serde(default)]
    pub(super) crash: Option<String>,
    /// What the repair does not see.
    #[serde(default)]
    pub(super) hidden: Option<Hidden>,
}

/// One edit that makes a right program wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// The file.
    pub(super) file: String,
    /// The right text, which the file holds exactly once.
    pub(super) right: String,
    /// What stands there instead.
    pub(super) wrong: String,
}

/// What tells whether a fix is right.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hidden {
    /// Code that ends well only where the program is right; it runs at the top of the program: Python, or a module of
    /// JavaScript where the program is written in that.
    pub(super) script: String,
}

/// What a case is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Language {
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
}

impl Language {
    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
        }
    }
}

/// Which of the two programs of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The one that is repaired.
    Wrong,
    /// The one that it was made of.
    Right,
}

impl Case {
    /// What the program is written in, by the file that is wrong or else by most of its files.
    pub(super) fn language(&self) -> Language {
        let wrong = self.said.edit.as_ref().map(|edit| edit.file.as_str());
        let of = |name: &str| match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("js" | "mjs" | "cjs" | "jsx") => Some(Language::JavaScript),
            Some("ts" | "mts" | "cts" | "tsx") => Some(Language::TypeScript),
            Some("py") => Some(Language::Python),
            Some(_) | None => None,
        };
        let files = self.said.files.keys().map(String::as_str);
        wrong.into_iter().chain(files).find_map(of).unwrap_or(Language::Python)
    }

    /// The files of a version; none where the program lies in a folder.
    pub(super) fn files(&self, version: Version) -> BTreeMap<&str, String> {
        let text = |(path, text): (&String, &String)| match (&self.said.edit, version) {
            (Some(edit), Version::Wrong) if edit.file == *path => text.replacen(&edit.right, &edit.wrong, 1),
            (Some(_) | None, _) => text.clone(),
        };
        self.said.files.iter().map(|entry| (entry.0.as_str(), text(entry))).collect()
    }

    /// The repository with the program that is wrong: a new one at `at`, or the one that is named.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn lay_out(&self, at: &Path, version: Version) -> Result<Repository, Failure> {
        let changes = match &self.said.repository {
            None => self.inline(version)?,
            Some(named) => {
                let folder = self.folder.join(named);
                if folder.join(".git").exists() {
                    return Ok(Repository::open(&folder, Arc::new(NoRecorder))?);
                }
                contents(&folder)?
            }
        };
        self.commit(at, changes)
    }

    /// A new repository at `at` with the program as its only commit.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn commit(&self, at: &Path, changes: Vec<Change>) -> Result<Repository, Failure> {
        let commit = NewCommit {
            author: "Author".to_owned(),
            email: "author@example.com".to_owned(),
            time: 1_767_225_600,
            offset_minutes: 0,
            message: "The program".to_owned(),
            changes,
        };
        Ok(Repository::create(at, "main", &[commit], Arc::new(NoRecorder))?)
    }

    /// Writes the files of a version into a new folder that no git knows of; gives the checkout that they were taken
    /// from, if they were.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn write(&self, at: &Path, version: Version) -> Result<Option<PathBuf>, Failure> {
        let changes = match &self.said.repository {
            None => self.inline(version)?,
            Some(named) => {
                let folder = self.folder.join(named);
                if folder.join(".git").exists() {
                    let repository = Repository::open(&folder, Arc::new(NoRecorder))?;
                    repository.export(at, &repository.head()?.commit)?;
                    return Ok(Some(folder));
                }
                contents(&folder)?
            }
        };
        for change in changes {
            let path = change.path.beneath(at);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            let written = made.and_then(|()| std::fs::write(&path, change.content.unwrap_or_default()));
            written.map_err(|error| {
                Failure::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
            })?;
        }
        Ok(None)
    }

    fn inline(&self, version: Version) -> Result<Vec<Change>, Failure> {
        let files = self.files(version).into_iter();
        files.map(|(path, text)| Ok(Change::write(path_of(path)?, text))).collect()
    }

    /// Why the case cannot be used, if it cannot.
    fn problem(&self) -> Option<String> {
        let said = &self.said;
        let programs = [!said.files.is_empty(), said.repository.is_some(), said.package.is_some()];
        if programs.into_iter().filter(|is_there| *is_there).count() != 1 {
            return Some("it needs one of [files], `repository` and `package`".to_owned());
        }
        if said.package.is_none() && !said.needs.is_empty() {
            return Some("`needs` is for a `package`".to_owned());
        }
        let edit = said.edit.as_ref()?;
        let found = said.files.get(&edit.file).map(|text| text.matches(&edit.right).count());
        match found {
            Some(1) if edit.right != edit.wrong => None,
            Some(1) => Some("its edit changes nothing".to_owned()),
            Some(times) => Some(format!("{} holds the right text of its edit {times} times", edit.file)),
            None => Some(format!("its edit is of {}, which [files] does not have", edit.file)),
        }
    }
}

/// All cases in a folder and the folders in it, by name; or the one case that is named.
///
/// # Errors
/// There is none, or one cannot be used.
pub(super) fn read(place: &Path) -> Result<Vec<Case>, Failure> {
    let mut found = Vec::new();
    if place.is_file() {
        found.push(place.to_owned());
    } else {
        collect(place, DEEPEST, &mut |path| {
            if path.extension().is_some_and(|ending| ending == "toml") {
                found.push(path);
            }
            found.len() <= MOST_FILES
        })?;
    }
    if found.is_empty() {
        let message = format!("there are no cases in {}", place.display());
        return Err(Failure::new(Kind::NotFound, message).hint("a case is a file that ends with .toml"));
    }
    found.sort();
    found.iter().map(|path| case(place, path)).collect()
}

fn case(place: &Path, path: &Path) -> Result<Case, Failure> {
    let wrong = |why: String| Failure::new(Kind::Usage, format!("{}: {why}", path.display()));
    if std::fs::metadata(path).map_or(0, |found| found.len()) > LARGEST {
        return Err(wrong(format!("it is larger than {LARGEST} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let said: Said = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    let beneath = path.strip_prefix(place).ok().filter(|rest| !rest.as_os_str().is_empty());
    let name = beneath.unwrap_or_else(|| Path::new(path.file_name().unwrap_or_default()));
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let case = Case { name: name.with_extension("").to_string_lossy().into_owned(), folder, said };
    case.problem().map_or(Ok(case), |problem| Err(wrong(problem)))
}

/// Gives all files beneath a folder to `take` until it says no; links are not followed, and what git keeps is left out.
fn collect(folder: &Path, deep: usize, take: &mut dyn FnMut(PathBuf) -> bool) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        let kind = if folder.exists() { Kind::Failed } else { Kind::NotFound };
        Failure::new(kind, format!("cannot read {}: {error}", folder.display()))
            .hint("name a folder with cases; docs/bench.md says what a case is")
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && deep > 0 && entry.file_name() != ".git" {
            collect(&entry.path(), deep - 1, take)?;
        } else if kind.is_file() && !take(entry.path()) {
            return Ok(());
        }
    }
    Ok(())
}

/// Paths of all files beneath a folder, in order.
///
/// # Errors
/// It cannot be read.
pub(super) fn files_beneath(folder: &Path) -> Result<Vec<RepoPath>, Failure> {
    let mut names = Vec::new();
    collect(folder, usize::MAX, &mut |path| {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        names.push(name);
        names.len() <= MOST_FILES
    })?;
    names.sort();
    names.iter().map(|name| path_of(name)).collect()
}

/// The files of a plain folder.
///
/// # Errors
/// One cannot be read, or there are very many.
pub(super) fn contents(folder: &Path) -> Result<Vec<Change>, Failure> {
    let mut paths = Vec::new();
    collect(folder, usize::MAX, &mut |path| {
        paths.push(path);
        paths.len() <= MOST_FILES
    })?;
    if paths.len() > MOST_FILES {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} holds more than {MOST_FILES} files", folder.display()),
        ));
    }
    paths.sort();
    let change = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        let content = std::fs::read(path).map_err(|error| {
            Failure::new(Kind::Failed, format!("cannot read {}: {error}", path.display()))
        })?;
        Ok(Change::write(path_of(&name)?, content))
    };
    paths.iter().map(change).collect()
}

fn path_of(path: &str) -> Result<RepoPath, Failure> {
    Ok(RepoPath::parse(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<Case, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.toml"), text).unwrap();
        let mut cases = read(folder.path())?;
        assert_eq!(cases.len(), 1);
        Ok(cases.remove(0))
    }

    const CASE: &str = "kind = \"boundary\"\n[files]\n\"a.py\" = \"x = 1\\n\"\n[edit]\nfile = \"a.py\"\n";

    #[test]
    fn the_wrong_program_differs_from_the_right_one_by_its_edit() {
        let case = written(&format!("{CASE}right = \"1\"\nwrong = \"2\"\n")).unwrap();
        assert_eq!((case.name.as_str(), case.said.kind.as_str()), ("one", "boundary"));
        assert_eq!(case.files(Version::Right), BTreeMap::from([("a.py", "x = 1\n".to_owned())]));
        assert_eq!(case.files(Version::Wrong), BTreeMap::from([("a.py", "x = 2\n".to_owned())]));
    }

    #[test]
    fn a_case_that_cannot_be_used_says_why() {
        let problem = |text: &str| written(text).unwrap_err().message;
        for (text, why) in [
            (
                format!("{CASE}right = \"7\"\nwrong = \"2\"\n"),
                "a.py holds the right text of its edit 0 times",
            ),
            (format!("{CASE}right = \"1\"\nwrong = \"1\"\n"), "its edit changes nothing"),
            ("kind = \"x\"\n".to_owned(), "it needs one of [files], `repository` and `package`"),
            ("kinds = \"x\"\n".to_owned(), "unknown field `kinds`"),
        ] {
            assert!(problem(&text).contains(why), "{}", problem(&text));
        }
        assert_eq!(written("").map(|case| case.name).unwrap_err().kind, Kind::Usage);
        assert_eq!(read(Path::new("/nonexistent")).unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn files_of_a_case_stay_beneath_its_folder() {
        let case = written("[files]\n\"../a.py\" = \"\"\n").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let laid_out = case.lay_out(&folder.path().join("repo"), Version::Wrong);
        assert!(laid_out.is_err());
        assert!(!folder.path().join("a.py").exists());
    }
}
