//! Where a stack lies in a commit, whatever its language, and why not if it does not.
//!
//! Python frames are placed by `groundcrew_repair`, which reads the code. For other languages the file and the line that
//! the log printed are taken as they stand, if the commit has them.

use std::collections::BTreeSet;

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_repair::locate::{LineMatch, LocatedFrame, is_test, locate, map_path};
use groundcrew_workbench::git::{CarriedLine, FileMode, GitError, RepoPath, Repository, Sha, TreeEntry};

use super::memory::{Listing, Memory};
use crate::brain::language::Language;
use crate::brain::rules::telling;

/// Largest source file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Frames of a stack that are looked at.
const FRAMES: usize = 64;

/// Lines on either side of a crash that count as its function.
const MOST_LINES: u32 = 60;

/// Lines on either side of a crash where the function is not known.
const NEARBY: u32 = 8;

/// Commits that deleted files, and other branches, that are searched for a file that is not there.
const DELETIONS: usize = 100;
const BRANCHES: usize = 8;

/// Stands for the name of a function that the log does not name.
const NAMELESS: &str = "?";

/// Frames whose files are searched for elsewhere.
const SOUGHT: usize = 3;

/// A frame as it lies in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// File beneath the repository.
    pub(super) file: String,
    /// Line on the commit.
    pub(super) line: u32,
    /// Function as printed.
    pub(super) function: String,
    /// The statement, where it is known.
    pub(super) statement: Option<String>,
    /// Whether the line is the one that the log printed.
    pub(super) exact: bool,
    /// First and last line that count as its function.
    pub(super) range: (u32, u32),
}

/// A stack on a commit.
pub(super) struct Scene {
    /// The commit.
    pub(super) commit: Sha,
    /// Its files.
    pub(super) listing: Listing,
    /// The frames that lie in it, innermost first.
    pub(super) places: Vec<Place>,
}

impl Scene {
    /// Places the frames of a trace in a commit.
    pub(super) fn of(
        repository: &Repository,
        memory: &Memory,
        commit: &Sha,
        trace: Option<&Trace>,
    ) -> Result<Self, GitError> {
        let listing = memory.files(repository, commit)?;
        let at = Commit { repository, memory, commit, listing: &listing };
        let places = match trace {
            None => Vec::new(),
            Some(trace) if Language::of(trace) == Language::Python => python(&at, trace),
            Some(trace) => others(&at, trace)?,
        };
        Ok(Self { commit: commit.clone(), listing, places })
    }

    /// The same stack on another commit: each line where it went, by what changed between the two.
    ///
    /// None where the file of the crash is gone, or the two differ too much to tell.
    pub(super) fn carried(
        &self,
        repository: &Repository,
        memory: &Memory,
        to: &Sha,
    ) -> Result<Option<Self>, GitError> {
        let Some(carried) = memory.carried(repository, &self.commit, to)? else { return Ok(None) };
        let listing = memory.files(repository, to)?;
        let number = |place: &Place, line| match carried.line(&place.file, line) {
            CarriedLine::Same(line) | CarriedLine::Changed(line) => line,
        };
        let mut places = Vec::new();
        for (depth, place) in self.places.iter().enumerate() {
            let there = carried.file(&place.file).map(str::to_owned);
            let Some(file) = there.filter(|file| listing.iter().any(|entry| entry.path.as_str() == file))
            else {
                if depth == 0 {
                    return Ok(None);
                }
                continue;
            };
            let same = matches!(carried.line(&place.file, place.line), CarriedLine::Same(_));
            let line = number(place, place.line);
            let range = (number(place, place.range.0).min(line), number(place, place.range.1).max(line));
            places.push(Place { file, line, exact: place.exact && same, range, ..place.clone() });
        }
        let at = Commit { repository, memory, commit: to, listing: &listing };
        if let Some(crash) = places.first_mut().filter(|crash| !crash.exact)
            && let Some(line) = at.line(&crash.file, crash.line)?.flatten()
        {
            crash.statement = Some(line);
        }
        Ok((!places.is_empty()).then_some(Self { commit: to.clone(), listing, places }))
    }

    /// The crashing frame, as results carry it.
    pub(super) fn frame(&self) -> Option<Frame> {
        let place = self.places.first()?;
        Some(Frame {
            module: None,
            file: Some(place.file.clone()),
            line: Some(place.line),
            function: (place.function != NAMELESS).then(|| place.function.clone()),
            source: place.statement.clone(),
            in_app: true,
        })
    }

    /// Whether all frames lie in one file.
    pub(super) fn one_file(&self) -> bool {
        let files: BTreeSet<&str> = self.places.iter().map(|place| place.file.as_str()).collect();
        files.len() == 1
    }

    /// Whether there are tests for the module of the crash: a test file that bears its name.
    pub(super) fn tested(&self) -> bool {
        let Some(place) = self.places.first() else { return false };
        let stem = stem(&place.file);
        let tests = self.listing.iter().map(|entry| entry.path.as_str()).filter(|path| is_tests(path));
        tests
            .map(self::stem)
            .any(|test| test.contains(&stem) || matches!(&*stem, "__init__" | "index" | "mod"))
    }
}

/// The name of a file without folder and ending, in lower case and without separators.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether a path lies among tests, in any language.
fn is_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let named = [".test.", ".spec.", "_test.", "Test.java", "Tests.java", "Test.kt"];
    is_test(path) || path.contains("__tests__/") || named.iter().any(|part| name.contains(part))
}

fn paths(listing: &[TreeEntry]) -> Vec<String> {
    listing.iter().map(|entry| entry.path.as_str().to_owned()).collect()
}

/// A commit whose files are read.
struct Commit<'a> {
    repository: &'a Repository,
    memory: &'a Memory,
    commit: &'a Sha,
    listing: &'a [TreeEntry],
}

impl Commit<'_> {
    /// A line of a file; an inner none says that the file is shorter, an outer one that it is no text.
    #[expect(
        clippy::option_option,
        reason = "a file that is no text is something else than one that is too short"
    )]
    fn line(&self, file: &str, line: u32) -> Result<Option<Option<String>>, GitError> {
        let entry = self.listing.iter().find(|entry| entry.path.as_str() == file);
        let Some(entry) = entry else { return Ok(None) };
        let text = self.memory.text(self.repository, self.commit, entry, LARGEST)?;
        let at = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        let shown = |line: &str| line.trim().chars().take(200).collect();
        Ok(text.map(|text| text.lines().nth(at).map(shown)))
    }
}

fn python(at: &Commit<'_>, trace: &Trace) -> Vec<Place> {
    let read = |path: &str| {
        let entry = at.listing.iter().find(|entry| entry.path.as_str() == path)?;
        at.memory.text(at.repository, at.commit, entry, LARGEST).ok().flatten().map(|text| text.to_string())
    };
    let located = locate(trace, &paths(at.listing), &read).unwrap_or_default();
    located.frames.iter().map(place_of).collect()
}

fn place_of(frame: &LocatedFrame) -> Place {
    let range = match &frame.definition {
        Some(definition) => (
            definition.first_line.max(frame.line.saturating_sub(MOST_LINES)).max(1),
            definition.last_line.min(frame.line.saturating_add(MOST_LINES)),
        ),
        None => (frame.line, frame.line),
    };
    Place {
        file: frame.file.clone(),
        line: frame.line,
        function: frame.function.clone(),
        statement: Some(frame.statement.clone()),
        exact: matches!(frame.line_match, LineMatch::Exact | LineMatch::ByNumber),
        range,
    }
}

/// Frames of other languages: only the crash is looked up in its file, to see that the line is there.
fn others(at: &Commit<'_>, trace: &Trace) -> Result<Vec<Place>, GitError> {
    let files = paths(at.listing);
    let trace = telling(trace);
    let mut places = Vec::new();
    for frame in trace.frames.iter().filter(|frame| is_ours(frame)).take(FRAMES) {
        let found =
            candidates(frame).into_iter().find_map(|printed| map_path(&printed, &files).map(str::to_owned));
        let (Some(file), Some(line)) = (found, frame.line) else { continue };
        places.push(Place {
            file,
            line,
            function: frame.function.clone().unwrap_or_else(|| NAMELESS.to_owned()),
            statement: frame.source.clone(),
            exact: true,
            range: (line.saturating_sub(NEARBY).max(1), line.saturating_add(NEARBY)),
        });
    }
    let Some(crash) = places.first_mut() else { return Ok(places) };
    match at.line(&crash.file, crash.line)? {
        Some(Some(line)) => crash.statement = Some(line),
        // The file is shorter than the program that ran.
        Some(None) => crash.exact = false,
        None => {}
    }
    Ok(places)
}

fn is_ours(frame: &Frame) -> bool {
    let file = frame.file.as_deref().unwrap_or_default();
    frame.in_app
        && !file.starts_with("/rustc/")
        && !file.contains("/.cargo/registry/")
        && !file.starts_with("node:")
}

/// What a printed path may be in the repository: as printed; a Java file in the folders of its package; a source file
/// that a build turned into what ran.
fn candidates(frame: &Frame) -> Vec<String> {
    let Some(file) = frame.file.as_deref() else { return Vec::new() };
    let file = file.strip_prefix("file://").unwrap_or(file);
    let file = file.rsplit_once("webpack-internal:///").map_or(file, |(_, inside)| inside);
    let mut found = Vec::new();
    if Language::of_file(file) == Language::Java && !file.contains('/') {
        let function = frame.function.as_deref().unwrap_or_default();
        // `shop.cart.Cart$Row.total`: the package is all but the class and the method.
        let package: Vec<&str> = function.split('.').collect();
        if package.len() > 2 {
            found.push(format!("{}/{file}", package[..package.len() - 2].join("/")));
        }
    }
    found.push(file.to_owned());
    for built in ["/dist/", "/build/", "/lib/"] {
        if let (Some((before, after)), Language::Node) = (file.rsplit_once(built), Language::of_file(file)) {
            let stem = after.rsplit_once('.').map_or(after, |(stem, _)| stem);
            found.extend(["ts", "tsx", "js"].map(|ending| format!("{before}/src/{stem}.{ending}")));
        }
    }
    found
}

/// Why no frame lies in the commit, where that can be told: the file was deleted, is on another branch, or fits several.
pub(super) fn elsewhere(
    repository: &Repository,
    memory: &Memory,
    scene: &Scene,
    trace: &Trace,
) -> Result<Option<String>, GitError> {
    let trace = telling(trace);
    let sought: Vec<String> = trace
        .frames
        .iter()
        .filter(|frame| is_ours(frame))
        .take(SOUGHT)
        .flat_map(candidates)
        .filter(|printed| Language::of_file(printed) != Language::Unknown)
        .collect();
    if sought.is_empty() {
        return Ok(None);
    }
    let base = scene.commit.short();
    if let Some((printed, submodule)) = in_submodule(&sought, &scene.listing) {
        return Ok(Some(format!(
            "{printed} lies in the submodule {submodule}, another repository: add that one as a project of its own"
        )));
    }
    if let Some((printed, fitting)) = several(&sought, &scene.listing) {
        return Ok(Some(format!("{printed} fits {} of {base}", fitting.join(" and "))));
    }
    for touch in memory.deletions(repository, &scene.commit, DELETIONS)?.iter() {
        let files: Vec<String> = touch.files.iter().map(|(path, _, _)| path.as_str().to_owned()).collect();
        if let Some(file) = sought.iter().find_map(|printed| map_path(printed, &files)) {
            return Ok(Some(format!(
                "{file} was deleted by {} ({}), so the program that runs is older than {base}",
                touch.by.sha.short(),
                touch.by.subject.chars().filter(|c| !c.is_control()).take(80).collect::<String>()
            )));
        }
    }
    on_another_branch(repository, memory, scene, &sought)
}

fn on_another_branch(
    repository: &Repository,
    memory: &Memory,
    scene: &Scene,
    sought: &[String],
) -> Result<Option<String>, GitError> {
    let mut looked: BTreeSet<Sha> = [scene.commit.clone()].into();
    for (name, commit) in repository.refs("refs/heads")? {
        if looked.len() > BRANCHES {
            break;
        }
        if name.starts_with("refs/heads/groundcrew/") || !looked.insert(commit.clone()) {
            continue;
        }
        let files = paths(&memory.files(repository, &commit)?);
        if let Some(file) = sought.iter().find_map(|printed| map_path(printed, &files)) {
            let branch = name.trim_start_matches("refs/heads/");
            return Ok(Some(format!(
                "{file} is on branch {branch} ({}) and not in {}; name the branch that runs as project.branch",
                commit.short(),
                scene.commit.short()
            )));
        }
    }
    Ok(None)
}

/// A printed path that leads into a folder which is another repository, whose files are none of this project's.
fn in_submodule(sought: &[String], listing: &[TreeEntry]) -> Option<(String, String)> {
    let others = listing.iter().filter(|entry| entry.mode == FileMode::Gitlink);
    let folders: Vec<String> = others.map(|entry| entry.path.to_string()).collect();
    sought.iter().find_map(|printed| {
        let inside = |folder: &&String| format!("/{printed}").contains(&format!("/{folder}/"));
        folders.iter().find(inside).map(|folder| (printed.clone(), folder.clone()))
    })
}

/// A printed path that fits several files of the commit equally well.
fn several(sought: &[String], listing: &[TreeEntry]) -> Option<(String, Vec<String>)> {
    sought.iter().find_map(|printed| {
        let tail = printed.rsplit(['/', '\\']).next()?;
        let fitting: Vec<String> = listing
            .iter()
            .filter(|entry| entry.path.file_name() == tail)
            .map(|entry| entry.path.to_string())
            .take(3)
            .collect();
        (fitting.len() > 1).then(|| (printed.clone(), fitting))
    })
}

/// The files of a stack as paths, each once, innermost first.
pub(super) fn files_of(places: &[Place]) -> Vec<RepoPath> {
    let mut files: Vec<RepoPath> = Vec::new();
    for place in places {
        if let Ok(path) = RepoPath::parse(&place.file)
            && !files.contains(&path)
        {
            files.push(path);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_submodule_is_another_repositorys() {
        let entry = |path: &str, mode| TreeEntry {
            path: RepoPath::parse(path).unwrap(),
            mode,
            blob: Sha::parse(&"a".repeat(40)).unwrap(),
            size: 0,
        };
        let listing = [entry("vendor/till", FileMode::Gitlink), entry("shop.py", FileMode::File)];
        let found = |printed: &str| in_submodule(&[printed.to_owned()], &listing);
        let inside = "/srv/app/vendor/till/core.py";
        assert_eq!(found(inside), Some((inside.to_owned(), "vendor/till".to_owned())));
        assert_eq!(found("vendor/till/core.py").map(|(_, folder)| folder), Some("vendor/till".to_owned()));
        assert_eq!((found("/srv/app/shop.py"), found("/srv/vendor/tills/core.py")), (None, None));
    }

    fn frame(file: &str, function: &str) -> Frame {
        Frame {
            file: Some(file.into()),
            line: Some(3),
            function: Some(function.into()),
            in_app: true,
            ..Frame::default()
        }
    }

    #[test]
    fn printed_paths_of_all_languages_lead_to_files_of_the_repository() {
        let files: Vec<String> = [
            "src/cart.ts",
            "src/api/cart.ts",
            "src/main/java/shop/cart/Cart.java",
            "src/test/java/shop/cart/CartTest.java",
            "internal/cart/cart.go",
            "crates/cart/src/lib.rs",
        ]
        .map(str::to_owned)
        .to_vec();
        for (file, function, expected) in [
            ("file:///srv/app/src/cart.ts", "total", Some("src/cart.ts")),
            ("/srv/app/dist/api/cart.js", "total", Some("src/api/cart.ts")),
            ("webpack-internal:///./src/api/cart.ts", "total", Some("src/api/cart.ts")),
            ("Cart.java", "shop.cart.Cart.total", Some("src/main/java/shop/cart/Cart.java")),
            ("Cart.java", "shop.cart.Cart$Row.total", Some("src/main/java/shop/cart/Cart.java")),
            ("/go/src/shop/internal/cart/cart.go", "cart.Total", Some("internal/cart/cart.go")),
            ("crates/cart/src/lib.rs", "cart::total", Some("crates/cart/src/lib.rs")),
            ("/srv/other/thing.go", "main.main", None),
        ] {
            let found = candidates(&frame(file, function))
                .into_iter()
                .find_map(|printed| map_path(&printed, &files).map(str::to_owned));
            assert_eq!(found.as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn frames_of_the_toolchain_are_not_ours() {
        assert!(!is_ours(&frame("/rustc/9fc6b431/library/core/src/option.rs", "expect_failed")));
        assert!(!is_ours(&frame("/home/a/.cargo/registry/src/x/src/lib.rs", "f")));
        assert!(!is_ours(&Frame { in_app: false, ..frame("src/cart.rs", "f") }));
        assert!(is_ours(&frame("src/cart.rs", "f")));
    }

    #[test]
    fn test_files_are_known_in_every_language() {
        for (path, expected) in [
            ("tests/test_shop.py", true),
            ("src/cart.test.ts", true),
            ("src/__tests__/cart.js", true),
            ("cart/cart_test.go", true),
            ("src/test/java/shop/CartTest.java", true),
            ("src/cart.ts", false),
            ("contest.py", false),
        ] {
            assert_eq!(is_tests(path), expected, "{path}");
        }
    }
}
