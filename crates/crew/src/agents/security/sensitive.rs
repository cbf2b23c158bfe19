//! Whether a change touches what guards access: authentication, keys and ciphers, permissions.
//!
//! Told by the words of paths and of the names of changed functions. A word counts whole, so that an author is no
//! authorisation and a tokenizer no token. Tests are left out: they guard nothing.

use std::collections::BTreeSet;

use groundcrew_repair::locate::{is_python, is_test};
use groundcrew_repair::syntax::Source;
use groundcrew_workbench::git::{Diff, RepoPath, Repository, Sha};

use crate::agent::Trouble;
use crate::patch::{ChangedLine, changed_lines};
use crate::site::read_text;

/// Places that are named at most.
const MOST: usize = 20;

/// Words of what guards access.
const WORDS: &[&str] = &[
    "acl",
    "auth",
    "authenticate",
    "authenticated",
    "authentication",
    "authenticator",
    "authn",
    "authorise",
    "authorised",
    "authorization",
    "authorize",
    "authorized",
    "authz",
    "cipher",
    "credential",
    "credentials",
    "crypto",
    "cryptography",
    "csrf",
    "decrypt",
    "encrypt",
    "encryption",
    "hmac",
    "jwt",
    "keystore",
    "login",
    "mfa",
    "oauth",
    "oauth2",
    "oidc",
    "otp",
    "passwd",
    "password",
    "passwords",
    "permission",
    "permissions",
    "privilege",
    "privileges",
    "rbac",
    "saml",
    "signin",
    "sso",
    "sudo",
];

/// The places of a change that guard access: paths, and functions of changed lines as `file:name`.
pub(super) fn touched(
    repository: &Repository,
    base: &Sha,
    head: &Sha,
    diff: &Diff,
) -> Result<Vec<String>, Trouble> {
    let mut found = BTreeSet::new();
    for file in diff.files.iter().filter(|file| !is_test(&file.path)) {
        let names = std::iter::once(&file.path).chain(&file.old_path);
        found.extend(names.filter(|path| guards(path)).cloned());
    }
    let changed = changed_lines(&diff.patch);
    functions(repository, head, &changed.added, &mut found)?;
    functions(repository, base, &changed.removed, &mut found)?;
    Ok(found.into_iter().take(MOST).collect())
}

/// The functions around changed lines whose names say that they guard access.
fn functions(
    repository: &Repository,
    commit: &Sha,
    lines: &[ChangedLine<'_>],
    found: &mut BTreeSet<String>,
) -> Result<(), Trouble> {
    for block in lines.chunk_by(|a, b| a.file == b.file) {
        let Some(file) = block.first().map(|line| line.file) else { continue };
        if !is_python(file) || is_test(file) {
            continue;
        }
        let Ok(path) = RepoPath::parse(file) else { continue };
        let text = read_text(repository, commit, &path)?.unwrap_or_default();
        let Some(source) = Source::parse(&text) else { continue };
        for function in source.functions() {
            let inside = |line: &ChangedLine<'_>| {
                (function.first_line..=function.last_line).contains(&line.line)
                    && !line.text.trim().is_empty()
            };
            if guards(&function.path) && block.iter().any(inside) {
                found.insert(format!("{file}:{}", function.path));
            }
        }
    }
    Ok(())
}

/// Whether a name has a word of what guards access.
fn guards(name: &str) -> bool {
    words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The words of a path or name, in lower case: parted at everything but letters and digits, and before capitals.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        let part = !letter.is_ascii_alphanumeric();
        if (part || (letter.is_ascii_uppercase() && was_lower)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !part {
            word.push(letter.to_ascii_lowercase());
        }
        was_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_whole() {
        for name in
            ["app/auth/views.py", "checkPassword", "can_login", "lib/crypto.py", "User.has_permission"]
        {
            assert!(guards(name), "{name}");
        }
        for name in ["app/authors.py", "tokenize", "passwordless_note", "shop/stock.py", "login2x", "aclara"]
        {
            assert!(!guards(name), "{name}");
        }
    }
}
