//! What a repair may change: of a file or a change it says allowed, needs a person's word, or refused, and why.
//!
//! Refused is what would make a fix pass without fixing anything (tests and their configuration, continuous
//! integration), what another program writes (lock files, generated code), and what belongs to others (licences,
//! vendored code). A person decides about what guards access or secrets, about changes of stored data, and about
//! changes beyond the budget: those may be right, but being wrong there costs more than a crash.

use std::collections::BTreeSet;

use groundcrew_core::contract::DiffStat;
use groundcrew_workbench::git::Change;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::locate::is_test;

/// What may happen to a file or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may be changed.
    Allowed,
    /// It may be changed when a person said so for this reason.
    NeedsApproval(Need),
    /// It is never changed by a repair.
    Refused(Refusal),
}

/// Why a person is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// It decides who may do what, or handles secrets.
    Access,
    /// It changes how stored data is changed.
    Migration,
    /// It is larger than one fix may be.
    Budget,
}

/// Why something is never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// It is a test.
    Test,
    /// It says how tests or releases run.
    Pipeline,
    /// A package manager writes it.
    LockFile,
    /// It states the terms of use.
    Licence,
    /// A program writes it.
    Generated,
    /// It is a copy of somebody else's code.
    Vendored,
    /// It lies in a hidden folder or is a hidden file.
    Hidden,
}

impl Need {
    /// Stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Migration => "migration",
            Self::Budget => "budget",
        }
    }

    /// Why a person is asked, as the end of a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Access => "it decides who may do what, or handles secrets",
            Self::Migration => "it changes how stored data is changed",
            Self::Budget => "it is larger than one fix may be",
        }
    }
}

impl Refusal {
    /// Stable word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Pipeline => "pipeline",
            Self::LockFile => "lock_file",
            Self::Licence => "licence",
            Self::Generated => "generated",
            Self::Vendored => "vendored",
            Self::Hidden => "hidden",
        }
    }

    /// Why it is never changed, as the end of a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Test => "it is a test, and a repair never changes what it is measured by",
            Self::Pipeline => "it says how tests or releases run",
            Self::LockFile => "a package manager writes it",
            Self::Licence => "it states the terms of use",
            Self::Generated => {
                "a program writes it, so the next run would undo the change; change what it is made from"
            }
            Self::Vendored => "it is a copy of somebody else's code; mend it there, or take a newer version",
            Self::Hidden => "it is hidden, so it configures tools rather than the program",
        }
    }
}

/// How large one fix may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Files of the program.
    pub files: u32,
    /// Lines of the program added or removed.
    pub lines: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { files: 3, lines: 60 }
    }
}

/// A change that stood in the way of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    /// The file.
    pub file: String,
    /// What may happen to it; never [`Permission::Allowed`].
    pub permission: Permission,
    /// What the change would do, in one sentence.
    pub change: String,
}

impl Barrier {
    /// Why, as one sentence.
    pub fn sentence(&self) -> String {
        match self.permission {
            Permission::Allowed => format!("{} may be changed", self.file),
            Permission::NeedsApproval(need) => {
                format!("{} is not changed unasked: {}", self.file, need.why())
            }
            Permission::Refused(refusal) => format!("{} is not changed: {}", self.file, refusal.why()),
        }
    }

    /// What a person could allow; none if it is refused for good.
    pub fn need(&self) -> Option<Need> {
        match self.permission {
            Permission::NeedsApproval(need) => Some(need),
            Permission::Allowed | Permission::Refused(_) => None,
        }
    }
}

/// What may happen to a file, by its path and, where known, its text.
pub fn of_file(path: &str, text: Option<&str>) -> Permission {
    let lower = path.to_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let (name, folders) = parts.split_last().map_or(("", &[][..]), |(name, folders)| (*name, folders));
    if let Some(refusal) = refusal_of_path(path, name, folders) {
        return Permission::Refused(refusal);
    }
    if text.is_some_and(|text| is_generated(text) || is_minified(text)) {
        return Permission::Refused(Refusal::Generated);
    }
    if folders.iter().any(|folder| matches!(*folder, "migrations" | "migration" | "alembic")) {
        return Permission::NeedsApproval(Need::Migration);
    }
    if parts.iter().any(|part| words_of(part).any(|word| guards_access(&word))) {
        return Permission::NeedsApproval(Need::Access);
    }
    Permission::Allowed
}

fn refusal_of_path(path: &str, name: &str, folders: &[&str]) -> Option<Refusal> {
    let in_folder = |known: &[&str]| folders.iter().any(|folder| known.contains(folder));
    if in_folder(&["vendor", "vendored", "_vendor", "third_party", "node_modules", "site-packages"]) {
        return Some(Refusal::Vendored);
    }
    if in_folder(&["generated"])
        || [".min.js", ".min.css", "_pb2.py", "_pb2_grpc.py", ".pb.go"].iter().any(|end| name.ends_with(end))
    {
        return Some(Refusal::Generated);
    }
    let locked = name.ends_with(".lock")
        || name.ends_with("-lock.json")
        || name.ends_with("-lock.yaml")
        || matches!(name, "go.sum" | "npm-shrinkwrap.json");
    if locked {
        return Some(Refusal::LockFile);
    }
    let legal = ["license", "licence", "copying", "notice", "copyright"];
    let stem = name.split('.').next().unwrap_or(name);
    let is_source = name.ends_with(".py");
    if !is_source && legal.contains(&stem.split(['-', '_']).next().unwrap_or(stem)) {
        return Some(Refusal::Licence);
    }
    let pipeline = in_folder(&[".github", ".gitlab", ".circleci", ".buildkite"])
        || name.starts_with("azure-pipelines")
        || matches!(
            name,
            "jenkinsfile" | ".gitlab-ci.yml" | ".travis.yml" | "tox.ini" | "noxfile.py" | "setup.py"
        );
    if pipeline {
        return Some(Refusal::Pipeline);
    }
    if is_test(path) {
        return Some(Refusal::Test);
    }
    folders.iter().chain([&name]).any(|part| part.starts_with('.')).then_some(Refusal::Hidden)
}

/// Whether the comments at the head of a file say that a program wrote it.
fn is_generated(text: &str) -> bool {
    let mut quote: Option<&str> = None;
    for line in text.lines().take(40) {
        let line = line.trim();
        let opens = ["\"\"\"", "'''"].into_iter().find(|mark| line.starts_with(mark));
        let comment = ["#", "//", "/*", "*", "--", "<!--", ";"].iter().any(|mark| line.starts_with(mark));
        if quote.is_none() && opens.is_none() && !comment && !line.is_empty() {
            return false;
        }
        let lower: String = line.chars().take(400).collect::<String>().to_lowercase();
        let says = lower.contains("do not edit")
            || lower.contains("@generated")
            || lower.contains("generated by ")
            || lower.contains("autogenerated")
            || lower.contains("auto-generated");
        if says {
            return true;
        }
        quote = match (quote, opens) {
            (None, Some(mark)) if !line[mark.len()..].contains(mark) => Some(mark),
            (Some(mark), _) if line.contains(mark) => None,
            (open, _) => open,
        };
    }
    false
}

/// Whether a file has lines as only programs write them.
fn is_minified(text: &str) -> bool {
    text.len() > 5000 && text.len() / text.lines().count().max(1) > 500
}

/// The words of a name: `check_password`, `checkPassword` and `check-password` have the same two.
fn words_of(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for letter in name.chars().take(4000) {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        lower_before = letter.is_lowercase();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

fn guards_access(word: &str) -> bool {
    matches!(
        word,
        "auth"
            | "authn"
            | "authz"
            | "authenticate"
            | "authenticated"
            | "authentication"
            | "authorize"
            | "authorized"
            | "authorization"
            | "login"
            | "password"
            | "passwords"
            | "passwd"
            | "permission"
            | "permissions"
            | "acl"
            | "oauth"
            | "jwt"
            | "crypto"
            | "cryptography"
            | "cipher"
            | "encrypt"
            | "decrypt"
            | "hmac"
    )
}

/// What stands in the way of a change, the hardest rule first; empty if it may be made.
///
/// `read` gives the text of a file before the change; needs in `approved` do not stand in the way. A change that only
/// takes away may be larger than the budget: undoing a commit removes what that commit added.
pub fn barriers(
    changes: &[Change],
    what: &str,
    read: &dyn Fn(&str) -> Option<String>,
    budget: Budget,
    approved: &BTreeSet<Need>,
) -> Vec<Barrier> {
    let mut found = Vec::new();
    let mut size = DiffStat::default();
    for change in changes {
        let path = change.path.as_str();
        let before = read(path).unwrap_or_default();
        let after = String::from_utf8_lossy(change.content.as_deref().unwrap_or_default()).into_owned();
        let (removed, added) = differing_lines(&before, &after);
        size.files += 1;
        size.removed += count(removed.len());
        size.added += count(added.len());
        let mut permission = of_file(path, Some(&before));
        let touched =
            removed.iter().chain(&added).any(|line| words_of(line).any(|word| guards_access(&word)));
        if permission == Permission::Allowed && touched {
            permission = Permission::NeedsApproval(Need::Access);
        }
        if permission != Permission::Allowed {
            found.push(Barrier { file: path.to_owned(), permission, change: what.to_owned() });
        }
    }
    if size.files > budget.files || size.added > budget.lines {
        let file = changes.first().map(|change| change.path.to_string()).unwrap_or_default();
        let permission = Permission::NeedsApproval(Need::Budget);
        found.push(Barrier { file, permission, change: what.to_owned() });
    }
    found.retain(|barrier| barrier.need().is_none_or(|need| !approved.contains(&need)));
    found.sort_by_key(|barrier| barrier.need().is_some());
    found
}

/// How much some changes change.
pub fn diff_stat(changes: &[Change], read: &dyn Fn(&str) -> Option<String>) -> DiffStat {
    let mut size = DiffStat { files: count(changes.len()), ..DiffStat::default() };
    for change in changes {
        let before = read(change.path.as_str()).unwrap_or_default();
        let after = String::from_utf8_lossy(change.content.as_deref().unwrap_or_default()).into_owned();
        let (removed, added) = differing_lines(&before, &after);
        size.removed += count(removed.len());
        size.added += count(added.len());
    }
    size
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Lines up to which two texts are compared line by line between their equal ends.
const COMPARED: usize = 4000;

/// The lines that only one of two texts has: of the first, of the second.
fn differing_lines<'a>(before: &'a str, after: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[head..], &after[head..]);
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
    if before.len() + after.len() > COMPARED {
        return (before.to_vec(), after.to_vec());
    }
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for part in capture_diff_slices(Algorithm::Myers, before, after) {
        if !matches!(part, DiffOp::Equal { .. }) {
            removed.extend_from_slice(&before[part.old_range()]);
            added.extend_from_slice(&after[part.new_range()]);
        }
    }
    (removed, added)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_may_happen_to_it() {
        for (path, expected) in [
            ("shop/cart.py", Permission::Allowed),
            ("shop/author.py", Permission::Allowed),
            ("shop/tokenizer.py", Permission::Allowed),
            ("tests/test_cart.py", Permission::Refused(Refusal::Test)),
            ("conftest.py", Permission::Refused(Refusal::Test)),
            (".github/workflows/ci.yml", Permission::Refused(Refusal::Pipeline)),
            ("setup.py", Permission::Refused(Refusal::Pipeline)),
            ("poetry.lock", Permission::Refused(Refusal::LockFile)),
            ("web/package-lock.json", Permission::Refused(Refusal::LockFile)),
            ("LICENSE", Permission::Refused(Refusal::Licence)),
            ("COPYING.txt", Permission::Refused(Refusal::Licence)),
            ("shop/license.py", Permission::Allowed),
            ("shop/_vendor/six.py", Permission::Refused(Refusal::Vendored)),
            ("third_party/x/y.py", Permission::Refused(Refusal::Vendored)),
            ("web/app.min.js", Permission::Refused(Refusal::Generated)),
            ("api/order_pb2.py", Permission::Refused(Refusal::Generated)),
            (".hidden/x.py", Permission::Refused(Refusal::Hidden)),
            ("shop/migrations/0004_price.py", Permission::NeedsApproval(Need::Migration)),
            ("shop/auth/session.py", Permission::NeedsApproval(Need::Access)),
            ("shop/check_password.py", Permission::NeedsApproval(Need::Access)),
        ] {
            assert_eq!(of_file(path, None), expected, "{path}");
        }
    }

    #[test]
    fn a_head_that_says_so_makes_a_file_generated_and_a_later_line_does_not() {
        for (text, expected) in [
            ("# Generated by protoc. DO NOT EDIT.\nx = 1\n", true),
            (
                "#!/usr/bin/env python\n\n\"\"\"Tables.\n\nThis file was generated by ply.\n\"\"\"\nx = 1\n",
                true,
            ),
            ("\"\"\"Tables.\"\"\"\nx = 'generated by us'\n", false),
            ("import os\n# Generated by hand, do not edit\n", false),
            ("", false),
        ] {
            assert_eq!(is_generated(text), expected, "{text}");
        }
        let minified = "a=1;".repeat(3000);
        assert_eq!(of_file("app.js", Some(&minified)), Permission::Refused(Refusal::Generated));
    }

    fn change(path: &str, text: &str) -> Change {
        Change::write(path.parse().unwrap(), text)
    }

    fn found(changes: &[Change], before: &str, approved: &[Need]) -> Vec<Permission> {
        let read = |_: &str| Some(before.to_owned());
        let approved = approved.iter().copied().collect();
        let found = barriers(changes, "changes it", &read, Budget { files: 2, lines: 3 }, &approved);
        found.into_iter().map(|barrier| barrier.permission).collect()
    }

    #[test]
    fn a_line_that_guards_access_needs_a_persons_word_in_any_file() {
        let before = "def f(user):\n    return user.checkPassword('x')\n";
        let after = "def f(user):\n    return user and user.checkPassword('x')\n";
        let changes = [change("shop/cart.py", after)];
        assert_eq!(found(&changes, before, &[]), [Permission::NeedsApproval(Need::Access)]);
        assert_eq!(found(&changes, before, &[Need::Access]), [], "a person said so");
    }

    #[test]
    fn a_large_change_needs_a_persons_word_and_a_refusal_stands_first() {
        let large = [change("a.py", "1\n2\n3\n4\n")];
        assert_eq!(found(&large, "", &[]), [Permission::NeedsApproval(Need::Budget)]);
        assert_eq!(found(&[change("a.py", "")], "1\n2\n3\n4\n5\n", &[]), [], "it only takes away");
        let many = [change("a.py", "1\n"), change("b.py", "1\n"), change("tests/c.py", "1\n")];
        assert_eq!(
            found(&many, "", &[]),
            [Permission::Refused(Refusal::Test), Permission::NeedsApproval(Need::Budget)]
        );
    }

    #[test]
    fn the_size_of_a_change_is_that_of_its_differing_lines() {
        let read = |_: &str| Some("a\nb\nc\n".to_owned());
        assert_eq!(
            diff_stat(&[change("x.py", "a\nB\nb2\nc\n")], &read),
            DiffStat { files: 1, added: 2, removed: 1 }
        );
        assert_eq!(
            diff_stat(&[change("x.py", "A\nb\nC\n")], &read),
            DiffStat { files: 1, added: 2, removed: 2 }
        );
    }
}
