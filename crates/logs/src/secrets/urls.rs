//! Passwords and tokens before the host of an address.
//!
//! A password may hold `@` and `/`, so the last `@` before the path counts, and a path only where no number of a port
//! stands before it. The length is bounded so that text without any `@` is not searched to its end from every address.

use super::anchors::is_mixed;
use super::values::is_placeholder;
use crate::redact::{Evidence, Finding};

/// Bytes behind `://` within which the host begins.
const USER: usize = 300;
/// Shortest user name without a password that is taken for a token.
const TOKEN: usize = 20;

/// Adds what stands between `://` and the host's `@`, without the user's name.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for scheme in memchr::memmem::find_iter(text.as_bytes(), "://") {
        let start = scheme + 3;
        let rest = &text[start..text.floor_char_boundary(start + USER)];
        let rest =
            &rest[..rest.find(|c: char| c.is_whitespace() || "\"'<>[]`\\".contains(c)).unwrap_or(rest.len())];
        let Some(user) = user_part(rest) else { continue };
        let secret = match user.split_once(':') {
            Some((name, password)) if !password.is_empty() => start + name.len() + 1..start + user.len(),
            Some(_) => continue,
            None if user.len() >= TOKEN && is_token(user) => start..start + user.len(),
            None => continue,
        };
        if !is_placeholder(&text[secret.clone()]) {
            found.push(Finding { class: "url-password", range: secret, evidence: Evidence::Shape });
        }
    }
}

/// What stands before the host.
fn user_part(rest: &str) -> Option<&str> {
    let path = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest[..path].rfind('@') {
        return Some(&rest[..at]);
    }
    // A slash in the password; a port or no colon at all means that the host has ended before.
    let (_, behind) = rest[..path].split_once(':')?;
    let port = behind.bytes().all(|b| b.is_ascii_digit());
    let at = rest.find('@').filter(|_| !port)?;
    Some(&rest[..at])
}

fn is_token(user: &str) -> bool {
    let hexadecimal = user.bytes().all(|b| b.is_ascii_hexdigit());
    (is_mixed(user.as_bytes()) || hexadecimal || user.bytes().any(|b| b.is_ascii_digit()))
        && !user.contains(['@', '.'])
}
