//! What stays of a message when everything is taken out that may differ from one occurrence of an error to the next.
//!
//! Beyond the masks for values of a known form: bodies of JSON and lists, what follows `key=`, hosts, names behind a noun
//! that has a name ("user alice not found"), and capitalised names within a sentence. What is lost is at worst the
//! difference between two errors of one type in one function; what would be lost otherwise is that one error is one.

use std::borrow::Cow;

use super::mask::masked;

/// Lines of a message that say what happened; a dump may follow.
const LINES: usize = 2;
/// Words that count.
const WORDS: usize = 24;
/// Bytes of a message that are read at all.
const LENGTH: usize = 2 << 10;

/// Nouns that are often followed by a name or a key.
const NAMED: &[&str] = &[
    "account",
    "address",
    "app",
    "application",
    "branch",
    "bucket",
    "channel",
    "city",
    "client",
    "cluster",
    "collection",
    "column",
    "constraint",
    "container",
    "country",
    "coupon",
    "currency",
    "customer",
    "database",
    "db",
    "device",
    "directory",
    "domain",
    "email",
    "endpoint",
    "event",
    "feature",
    "field",
    "file",
    "filename",
    "flag",
    "folder",
    "group",
    "host",
    "hostname",
    "id",
    "identifier",
    "image",
    "index",
    "instance",
    "invoice",
    "item",
    "job",
    "key",
    "label",
    "login",
    "member",
    "metric",
    "model",
    "module",
    "name",
    "namespace",
    "node",
    "object",
    "order",
    "org",
    "organisation",
    "organization",
    "owner",
    "package",
    "parameter",
    "param",
    "partition",
    "path",
    "peer",
    "player",
    "plugin",
    "pod",
    "product",
    "project",
    "property",
    "provider",
    "queue",
    "record",
    "region",
    "relation",
    "repository",
    "resource",
    "role",
    "room",
    "route",
    "schema",
    "secret",
    "sequence",
    "server",
    "service",
    "session",
    "shard",
    "sku",
    "stream",
    "symbol",
    "table",
    "tag",
    "task",
    "template",
    "tenant",
    "token",
    "topic",
    "user",
    "username",
    "variable",
    "view",
    "volume",
    "worker",
    "workspace",
    "zone",
];

/// Words that stand behind such a noun without being its name.
const PLAIN: &[&str] = &[
    "a",
    "above",
    "access",
    "after",
    "again",
    "all",
    "already",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "but",
    "by",
    "can",
    "cannot",
    "changed",
    "close",
    "closed",
    "conflict",
    "contains",
    "could",
    "count",
    "creation",
    "data",
    "deleted",
    "denied",
    "did",
    "disabled",
    "do",
    "does",
    "doesn",
    "during",
    "empty",
    "ended",
    "error",
    "exceeded",
    "exceeds",
    "exist",
    "exists",
    "expected",
    "expired",
    "failed",
    "failure",
    "for",
    "format",
    "found",
    "from",
    "full",
    "gone",
    "had",
    "has",
    "have",
    "id",
    "if",
    "ignored",
    "in",
    "inactive",
    "index",
    "info",
    "into",
    "invalid",
    "is",
    "it",
    "key",
    "last",
    "length",
    "limit",
    "list",
    "locked",
    "lookup",
    "lost",
    "management",
    "manager",
    "may",
    "mismatch",
    "missing",
    "must",
    "name",
    "need",
    "needs",
    "never",
    "no",
    "not",
    "null",
    "of",
    "offline",
    "on",
    "only",
    "or",
    "out",
    "over",
    "overflow",
    "pool",
    "quota",
    "range",
    "reached",
    "refused",
    "registration",
    "rejected",
    "removed",
    "request",
    "requires",
    "reset",
    "returned",
    "service",
    "should",
    "size",
    "state",
    "status",
    "store",
    "still",
    "than",
    "that",
    "the",
    "this",
    "time",
    "timed",
    "timeout",
    "to",
    "too",
    "type",
    "unavailable",
    "under",
    "unknown",
    "unreachable",
    "unset",
    "update",
    "usage",
    "used",
    "using",
    "value",
    "version",
    "via",
    "violates",
    "violation",
    "was",
    "were",
    "when",
    "while",
    "will",
    "with",
    "without",
    "would",
    "wrong",
    "handler",
    "object",
    "table",
    "session",
    "token",
    "connection",
    "undefined",
];

/// The skeleton of a message.
pub(super) fn skeleton(message: &str) -> String {
    let message = &message[..message.floor_char_boundary(LENGTH)];
    let text = masked(&without_bodies(&telling_lines(message)));
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    for word in text.split(' ') {
        let before = words.last().map(Cow::as_ref);
        let word = plain(before, word);
        // A list of values is one value.
        let repeats = is_mark(&word) && before.is_some_and(|last| bare(last) == bare(&word));
        if !repeats {
            words.push(word);
        }
        if words.len() == WORDS {
            break;
        }
    }
    words.join(" ")
}

/// The first line, and the next where the first only leads to it.
fn telling_lines(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut text = lines.next().unwrap_or_default().to_owned();
    for line in lines.take(LINES - 1) {
        if !text.ends_with(':') {
            break;
        }
        text.push(' ');
        text.push_str(line);
    }
    text
}

/// The text with `{…}`, `[…]` and `(…)` emptied where they hold data: something quoted, numbered or assigned.
fn without_bodies(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut open: Vec<(char, usize)> = Vec::new();
    for c in text.chars() {
        let closes = open.last().is_some_and(|(opening, _)| closing(*opening) == c);
        kept.push(c);
        if closes {
            if let Some((opening, at)) = open.pop()
                && holds_data(&kept[at..])
            {
                kept.truncate(at);
                kept.push('…');
                kept.push(closing(opening));
            }
        } else if matches!(c, '{' | '[' | '(') {
            open.push((c, kept.len()));
        }
    }
    // A body that was cut off holds data as well.
    if let Some((opening, at)) =
        open.first().filter(|(opening, at)| *opening != '(' && holds_data(&kept[*at..]))
    {
        kept.truncate(*at);
        kept.push('…');
        kept.push(closing(*opening));
    }
    kept
}

fn closing(opening: char) -> char {
    match opening {
        '{' => '}',
        '[' => ']',
        _ => ')',
    }
}

fn holds_data(body: &str) -> bool {
    // What redaction left says which secret it was, and is masked as a whole.
    !body.starts_with("redacted:")
        && body.contains(|c: char| matches!(c, '"' | '\'' | ':' | '=' | '…') || c.is_ascii_digit())
}

fn plain<'a>(before: Option<&str>, word: &'a str) -> Cow<'a, str> {
    let names = before.is_some_and(names_something);
    if let Some(mark) = bare_mark(word) {
        // What is named by a number here may be named by a word there.
        return if names { Cow::Owned(word.replacen(mark, "<name>", 1)) } else { Cow::Borrowed(word) };
    }
    if let Some((key, _)) = word.split_once('=').filter(|(key, value)| is_word(key) && !value.is_empty()) {
        return Cow::Owned(format!("{key}=<value>"));
    }
    let inner = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '_');
    let replaced = |mark: &str| Cow::Owned(word.replacen(inner, mark, 1));
    if inner.is_empty() {
        return Cow::Borrowed(word);
    }
    if is_host(inner) {
        return replaced("<name>");
    }
    let Some(before) = before else { return Cow::Borrowed(word) };
    if names && !PLAIN.contains(&inner.to_ascii_lowercase().as_str()) {
        return replaced("<name>");
    }
    let in_sentence = before.chars().all(|c| c.is_ascii_lowercase());
    if in_sentence && is_proper_name(inner) { replaced("<name>") } else { Cow::Borrowed(word) }
}

/// Whether a name may follow this word.
fn names_something(word: &str) -> bool {
    let ended = word.ends_with(['.', '!', '?', ';', ',', ')']);
    !ended && NAMED.contains(&bare(word).to_ascii_lowercase().as_str())
}

fn is_mark(word: &str) -> bool {
    bare_mark(word).is_some()
}

fn bare_mark(word: &str) -> Option<&str> {
    let word = word.trim_matches(|c: char| matches!(c, ',' | '.' | ';' | ':' | '(' | ')' | '[' | ']'));
    (word.starts_with('<') && word.ends_with('>')).then_some(word)
}

fn bare(word: &str) -> &str {
    bare_mark(word).unwrap_or_else(|| word.trim_matches(|c: char| c.is_ascii_punctuation()))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// `db.internal` and `user.address.city`; a type such as `java.lang.String` says what it is.
fn is_host(word: &str) -> bool {
    let parts = || word.split('.');
    parts().count() > 1
        && parts().all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        })
}

/// `Alice` and `Müller`, but neither `ValueError` nor `HTTP`.
fn is_proper_name(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase)
        && word.chars().count() > 1
        && chars.all(|c| c.is_lowercase() || c == '\'' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(messages: &[&str]) {
        let found: Vec<String> = messages.iter().map(|message| skeleton(message)).collect();
        for (message, skeleton) in messages.iter().zip(&found) {
            assert_eq!(*skeleton, found[0], "{message}");
        }
    }

    #[test]
    fn names_keys_hosts_and_bodies_do_not_tell_messages_apart() {
        same(&["user alice not found", "user bob not found", "user u1042 not found"]);
        same(&["no profile for Alice", "no profile for Müller"]);
        same(&["relation \"orders\" does not exist", "relation \"users\" does not exist"]);
        same(&["host db.internal unreachable", "host cache.prod.internal unreachable"]);
        same(&["connect ECONNREFUSED 10.0.0.1:5432", "connect ECONNREFUSED 10.9.8.7:5433"]);
        same(&[
            "bad payload {\"id\": 1, \"name\": \"x\"}",
            "bad payload {\"name\": \"y\"}",
            "bad payload {\"id\": 7, \"na",
        ]);
        same(&["SELECT a FROM t WHERE id IN (1, 2, 3)", "SELECT a FROM t WHERE id IN (4)"]);
        same(&["job failed attempt=3 node=blue", "job failed attempt=4 node=green"]);
        same(&["cannot open /tmp/a1/x.json", "cannot open /var/tmp/zz/y.json"]);
        same(&["refused: [redacted:token:0a1b]", "refused: [redacted:token:ffff]"]);
        same(&[
            "Invalid base64 data (at line 3, character 8)\nabc\n  ^",
            "Invalid base64 data (at line 9, character 1)\nzz",
        ]);
    }

    #[test]
    fn what_a_message_says_tells_messages_apart() {
        for (one, other) in [
            ("stock locked for item 7", "address missing for item 7"),
            ("failed to open the index", "failed to close the index"),
            ("user missing", "user locked"),
            ("could not send to bob: timed out", "could not send to bob: connection refused"),
            (
                "called on an Err value: ParseIntError { kind: InvalidDigit }",
                "called on an Err value: Os { code: 2 }",
            ),
            ("Java heap space", "Metaspace"),
        ] {
            assert_ne!(skeleton(one), skeleton(other));
        }
    }

    #[test]
    fn a_hostile_message_is_read_in_bounds() {
        for text in ["(".repeat(1 << 20), "a=".repeat(1 << 20), "{\"".repeat(1 << 20), "é ".repeat(1 << 20)]
        {
            assert!(skeleton(&text).len() < 1 << 13);
        }
        assert_eq!(skeleton(""), "");
        assert_eq!(skeleton("\n\n"), "");
    }
}
