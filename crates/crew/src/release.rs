//! What the name of a release may mean in a repository.
//!
//! Programs name the release that runs in many ways: a tag, a version with or without its `v`, `name@1.2.3+9f3c1ab`, a
//! commit, a folder such as `20261105-9f3c1ab`. What a name may mean is read from the name alone; whether it does, git says.

use groundcrew_core::trace::Trace;

/// Longest name of a release, in bytes.
pub(crate) const LONGEST: usize = 200;

/// Shortest abbreviation of a commit that is looked up, and its whole length.
const SHORTEST_ID: usize = 7;
const WHOLE_ID: usize = 40;

/// Folders whose children are releases.
const RELEASE_FOLDERS: [&str; 3] = ["releases", "deployments", "versions"];

/// What a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A tag of this name.
    Tag(String),
    /// A commit by its id or the beginning of it.
    Commit(String),
    /// Whatever git finds under this name: a branch, for one.
    Any(String),
}

/// Whether a text can be the name of a release: a revision that searches or walks is none.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '@' | ':');
    !name.is_empty() && name.len() <= LONGEST && !name.starts_with('-') && name.chars().all(allowed)
}

/// What a name may mean, the most exact first.
pub(crate) fn readings(name: &str) -> Vec<Reading> {
    if !is_name(name) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut add = |reading| {
        if !found.contains(&reading) {
            found.push(reading);
        }
    };
    add(Reading::Tag(name.to_owned()));
    for id in ids(name) {
        add(Reading::Commit(id));
    }
    let version = name.rsplit_once(['@', ':']).map_or(name, |(_, version)| version);
    for version in [version, version.split('+').next().unwrap_or(version)] {
        let plain = version.strip_prefix(['v', 'V']).unwrap_or(version);
        for tag in [version.to_owned(), format!("v{plain}"), plain.to_owned(), format!("release-{plain}")] {
            if !tag.is_empty() && !tag.starts_with('-') {
                add(Reading::Tag(tag));
            }
        }
    }
    if !name.contains(['@', ':']) {
        add(Reading::Any(name.to_owned()));
    }
    found
}

/// Parts of a name that look like a commit, the longest first. A number is a date or a count, unless it is as long as an id.
fn ids(name: &str) -> Vec<String> {
    let is_id = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        (SHORTEST_ID..=WHOLE_ID).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (!digits || part.len() == WHOLE_ID)
    };
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    // `v1.2.3-14-g9f3c1ab` is how git itself describes a commit.
    let mut found: Vec<String> = parts
        .flat_map(|part| [Some(part), part.strip_prefix('g')].into_iter().flatten())
        .filter(|part| is_id(part))
        .map(str::to_ascii_lowercase)
        .collect();
    found.sort_by_key(|id| std::cmp::Reverse(id.len()));
    found
}

/// The release that the paths of a stack name: the folder beneath `releases` in which the program was installed.
pub(crate) fn of_paths(trace: &Trace) -> Option<String> {
    let files = trace.frames.iter().filter(|frame| frame.in_app).filter_map(|frame| frame.file.as_deref());
    files.into_iter().find_map(|file| {
        let parts: Vec<&str> = file.split(['/', '\\']).collect();
        let at = parts.iter().position(|part| RELEASE_FOLDERS.contains(part))?;
        // The file itself is no folder.
        let name = parts.get(at + 1..parts.len() - 1)?.first()?;
        let telling = name.bytes().any(|byte| byte.is_ascii_digit());
        (telling && is_name(name)).then(|| (*name).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::Frame;

    use super::*;

    fn told(name: &str) -> Vec<String> {
        let text = |reading| match reading {
            Reading::Tag(name) => format!("tag {name}"),
            Reading::Commit(id) => format!("commit {id}"),
            Reading::Any(name) => format!("any {name}"),
        };
        readings(name).into_iter().map(text).collect()
    }

    #[test]
    fn the_usual_names_of_a_release_are_read() {
        let sha = "9f3c1ab0".repeat(5);
        for (name, wanted) in [
            ("v1.2.3", "tag v1.2.3"),
            ("v1.2.3", "tag 1.2.3"),
            ("1.2.3", "tag v1.2.3"),
            ("1.2.3", "tag release-1.2.3"),
            ("shop@1.2.3", "tag v1.2.3"),
            ("shop@1.2.3+9f3c1ab", "commit 9f3c1ab"),
            ("shop@1.2.3+9f3c1ab", "tag 1.2.3"),
            ("registry/shop:v7", "tag v7"),
            ("20261105-9f3c1ab", "commit 9f3c1ab"),
            ("v1.2.3-14-g9f3c1ab", "commit 9f3c1ab"),
            ("9F3C1AB", "commit 9f3c1ab"),
            ("main", "any main"),
        ] {
            assert!(told(name).contains(&wanted.to_owned()), "{name}: {:?}", told(name));
        }
        assert_eq!(told(&sha)[1], format!("commit {sha}"));
    }

    #[test]
    fn a_date_is_no_commit_and_a_word_of_letters_is_one_only_if_it_is_hexadecimal() {
        for name in ["20261105", "release-2026-11", "gateway", "9f3c1a"] {
            assert!(!told(name).iter().any(|reading| reading.starts_with("commit")), "{name}");
        }
    }

    #[test]
    fn what_searches_or_walks_is_no_release() {
        let long = "x".repeat(201);
        for name in ["", "-x", "HEAD~2", "v1^{}", "main@{1}", "a b", "v1\n", "$(x)", &long] {
            assert_eq!(told(name), Vec::<String>::new(), "{name}");
        }
        assert!(
            told(":/secret").iter().all(|reading| !reading.starts_with("any")),
            "it is looked up as a tag only"
        );
    }

    #[test]
    fn the_folder_in_which_a_program_is_installed_names_its_release() {
        let of = |file: &str| {
            let frame = Frame { file: Some(file.into()), in_app: true, ..Frame::default() };
            of_paths(&Trace { frames: vec![frame], ..Trace::default() })
        };
        assert_eq!(of("/opt/releases/20261105-9f3c1ab/shop/cart.py").as_deref(), Some("20261105-9f3c1ab"));
        assert_eq!(of("C:\\srv\\releases\\1.2.3\\cart.py").as_deref(), Some("1.2.3"));
        for file in ["/srv/shop/cart.py", "/srv/releases/current/cart.py", "/srv/releases/v1", "releases"] {
            assert_eq!(of(file), None, "{file}");
        }
    }
}
