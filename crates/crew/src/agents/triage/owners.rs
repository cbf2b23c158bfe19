//! Who looks after a file: the repository's list of owners, else who wrote most of the lines.
//!
//! The list is `CODEOWNERS` at one of its usual places. Its last fitting line wins; one without owners says that nobody
//! owns what it fits. Patterns are those of gitignore without negation and character ranges, and `folder/*` means only
//! what lies directly in the folder. All of it is a stranger's text: sizes are capped, and matching takes no more steps
//! than the lengths of pattern and path multiplied.

use std::collections::BTreeMap;

use groundcrew_core::contract::{Owner, OwnerKind, OwnerSource};
use groundcrew_workbench::git::BlamedLine;

/// Where the list may lie; the first that exists counts.
pub(super) const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Largest list that is read, in bytes.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// Lines of a list that count.
const LINES: usize = 10_000;

/// Longest pattern, in bytes.
const PATTERN: usize = 512;

/// Longest name of an owner, in characters.
const NAME: usize = 100;

/// The owner that a list gives to a file.
pub(super) fn listed(list: &str, file: &str) -> Option<Owner> {
    let lines: Vec<&str> = list.lines().take(LINES).collect();
    let owners = lines.iter().rev().find_map(|line| {
        let mut words = words(line).into_iter();
        let pattern = words.next()?;
        fits(&pattern, file).then(|| words.collect::<Vec<_>>())
    })?;
    owners.iter().find_map(|name| owner(name))
}

/// Who wrote most of these lines; of several with equally many the one who did so last.
pub(super) fn main_author(lines: &[BlamedLine]) -> Option<Owner> {
    let mut written: BTreeMap<&str, (usize, i64, &str)> = BTreeMap::new();
    for line in lines {
        let entry = written.entry(&line.by.email).or_insert((0, i64::MIN, ""));
        entry.0 += 1;
        if line.by.time >= entry.1 {
            entry.1 = line.by.time;
            entry.2 = &line.by.name;
        }
    }
    let (_, _, name) = written.into_values().max()?;
    let name = plain(name);
    (!name.is_empty()).then_some(Owner { name, kind: OwnerKind::Person, source: OwnerSource::Blame })
}

/// `@team/of` names a group, `@somebody` and an address a person; anything else is no owner.
fn owner(name: &str) -> Option<Owner> {
    let kind = match name.strip_prefix('@') {
        Some(team) if team.contains('/') => OwnerKind::Team,
        Some(_) => OwnerKind::Person,
        None if name.contains('@') => OwnerKind::Person,
        None => return None,
    };
    let name = plain(name);
    (name.len() > 1).then_some(Owner { name, kind, source: OwnerSource::Codeowners })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME).collect::<String>().trim().to_owned()
}

/// The words of a line up to a comment; a backslash keeps a space or a hash within its word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a pattern fits a file or a folder above it.
fn fits(pattern: &str, file: &str) -> bool {
    if pattern.len() > PATTERN || pattern.starts_with('!') {
        return false;
    }
    let inner = pattern.trim_end_matches('/');
    let only_folder = inner.len() < pattern.len();
    let anchored = inner.contains('/');
    let inner = inner.trim_start_matches('/');
    if inner.is_empty() {
        return pattern == "/";
    }
    let mut wanted: Vec<&str> = inner.split('/').collect();
    if !anchored {
        wanted.insert(0, "**");
    }
    // `folder/*` means the files in the folder, not what lies deeper.
    let only_whole = anchored && wanted.last() == Some(&"*");
    let parts: Vec<&str> = file.split('/').collect();
    (1..=parts.len()).any(|depth| {
        let whole = depth == parts.len();
        let allowed = if whole { !only_folder } else { !only_whole };
        allowed && path_fits(&wanted, &parts[..depth])
    })
}

/// Whether the parts of a pattern fit the parts of a path; `**` stands for any number of parts.
fn path_fits(wanted: &[&str], parts: &[&str]) -> bool {
    // `reach[n]`: the pattern so far fits the first `n` parts.
    let mut reach = vec![false; parts.len() + 1];
    reach[0] = true;
    for want in wanted {
        let mut next = vec![false; parts.len() + 1];
        for at in 0..=parts.len() {
            next[at] = if *want == "**" {
                reach[at] || (at > 0 && next[at - 1])
            } else {
                at > 0 && reach[at - 1] && name_fits(want, parts[at - 1])
            };
        }
        reach = next;
    }
    reach[parts.len()]
}

/// Whether a name fits a pattern of letters, `*` and `?`; on a mismatch only the last star takes one letter more.
fn name_fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            Some(_) | None => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_name = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use groundcrew_workbench::git::{Author, Sha};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_fit_as_the_forges_document_them() {
        for (pattern, file, expected) in [
            ("*", "a/b/c.py", true),
            ("*.js", "web/app.js", true),
            ("*.js", "web/app.jsx", false),
            ("/build/logs/", "build/logs/x/y.log", true),
            ("/build/logs/", "sub/build/logs/y.log", false),
            ("docs/*", "docs/getting-started.md", true),
            ("docs/*", "docs/build/troubleshooting.md", false),
            ("apps/", "apps/shop/main.py", true),
            ("apps/", "sub/apps/main.py", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/x", true),
            ("/docs/", "sub/docs/x", false),
            ("**/logs", "deep/down/logs/x.log", true),
            ("/apps/github", "apps/github", true),
            ("/apps/github", "apps/github/x.py", true),
            ("apps/**/x.py", "apps/a/b/x.py", true),
            ("apps/**/x.py", "apps/x.py", true),
            ("src/*/x.py", "src/a/b/x.py", false),
            ("shop.py", "app/shop.py", true),
            ("s?op.py", "shop.py", true),
            ("!shop.py", "shop.py", false),
            ("a b.py", "a b.py", true),
        ] {
            assert_eq!(fits(pattern, file), expected, "{pattern} {file}");
        }
    }

    #[test]
    fn the_last_fitting_line_wins_and_may_say_that_nobody_owns() {
        let list = "# owners\n* @shop/everyone # default\n/pay/ ann@example.invalid bob@example.invalid\n\
                    pay/legacy.py\nweb/my\\ file.js @cleo\n";
        let name = |file: &str| listed(list, file).map(|owner| (owner.name, owner.kind));
        assert_eq!(name("main.py"), Some(("@shop/everyone".into(), OwnerKind::Team)));
        assert_eq!(name("pay/card.py"), Some(("ann@example.invalid".into(), OwnerKind::Person)));
        assert_eq!(name("pay/legacy.py"), None);
        assert_eq!(name("web/my file.js"), Some(("@cleo".into(), OwnerKind::Person)));
        assert_eq!(listed("", "main.py"), None);
    }

    #[test]
    fn a_hostile_name_loses_its_control_characters_and_its_length() {
        let list = format!("* @evil\u{1b}[31m{}\n", "x".repeat(10_000));
        let owner = listed(&list, "a.py").unwrap();
        assert!(owner.name.starts_with("@evil[31mx") && owner.name.chars().count() == NAME, "{}", owner.name);
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let began = std::time::Instant::now();
        let pattern = format!("{}b", "*a".repeat(200));
        let file = format!("{}c", "a".repeat(4_000));
        assert!(!fits(&pattern, &file));
        assert!(!fits(&"**/*b*/".repeat(60), &"a/".repeat(1_000)));
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn the_main_author_wrote_most_lines() {
        let line = |line, name: &str, time| BlamedLine {
            line,
            by: Author {
                sha: Sha::parse(&"a".repeat(40)).unwrap(),
                name: name.into(),
                email: format!("{name}@x"),
                time,
                subject: String::new(),
            },
        };
        let name = |lines: &[BlamedLine]| main_author(lines).map(|owner| owner.name);
        assert_eq!(name(&[line(1, "Ann", 9), line(2, "Bob", 1), line(3, "Bob", 1)]), Some("Bob".into()));
        assert_eq!(name(&[line(1, "Ann", 1), line(2, "Bob", 9)]), Some("Bob".into()));
        assert_eq!(name(&[]), None);
    }

    proptest! {
        #[test]
        fn no_list_and_no_path_ends_badly(list in ".{0,200}", file in ".{1,60}") {
            drop(listed(&list, &file));
        }
    }
}
