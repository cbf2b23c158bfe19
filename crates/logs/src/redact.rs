//! Secrets out of text.
//!
//! A secret is known by its own shape (keys of providers, tokens, key blocks) or by the name beside it (`password=…`).
//! Shapes are hardly ever wrong. Names are wrong in source code, where `password=form.password` is no secret, so values
//! that are plainly an expression, a placeholder or a mark of ours are left alone, and a finding says which kind it is.
//! Each mark keeps the class and a short keyed hash: the same secret gets the same mark, and nobody can try candidates
//! without the key. Redacting what is redacted changes nothing.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::secrets;
use crate::wanted::{Personal, RedactError, RedactPattern, Wanted};

/// How often a text is searched at most.
const PASSES: usize = 4;

/// Text without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text, each secret replaced by `[redacted:class:hash]`.
    pub text: String,
    /// How many secrets were replaced.
    pub count: usize,
}

/// Why a finding is taken for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The text itself has the form of a known kind of secret; hardly ever wrong.
    Shape,
    /// Only the name beside it says so, as in `password=…`; in source code this is often harmless.
    Name,
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Kind of secret, such as `aws-key`.
    pub class: &'static str,
    /// Bytes of the secret itself, without the name before it.
    pub range: Range<usize>,
    /// Why it is taken for one.
    pub evidence: Evidence,
}

/// Takes secrets out of text; equal secrets get equal marks under the same key.
#[derive(Clone)]
pub struct Redactor {
    key: Vec<u8>,
    wanted: Option<Arc<Wanted>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor whose marks are made with the key, which should be random and stay the same for an installation.
    pub fn new(key: &[u8]) -> Self {
        Self { key: key.to_vec(), wanted: None }
    }

    /// A redactor with the same key that takes out these, too; never less than this one does.
    ///
    /// # Errors
    /// A pattern cannot be used, or there are too many.
    pub fn also(&self, personal: &[Personal], patterns: &[RedactPattern]) -> Result<Self, RedactError> {
        if personal.is_empty() && patterns.is_empty() {
            return Ok(self.clone());
        }
        Ok(Self { key: self.key.clone(), wanted: Some(Arc::new(Wanted::new(personal, patterns)?)) })
    }

    /// False only for a text in which nothing is found; takes about as long as reading the text, and allocates nothing.
    pub fn may_hold(&self, text: &[u8]) -> bool {
        secrets::may_hold(text) || self.wanted.as_ref().is_some_and(|wanted| wanted.may_hold(text))
    }

    /// Whether it takes out what a user wants taken out besides.
    pub(crate) fn takes_more(&self) -> bool {
        self.wanted.is_some()
    }

    /// As [`Redactor::may_hold`], for a text in which no secret is.
    pub(crate) fn may_hold_besides(&self, text: &[u8]) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.may_hold(text))
    }

    /// The lines of a block that may hold something, in order and without their ends; in all others nothing is found.
    /// Much faster than asking for each line.
    pub fn held_lines(&self, block: &[u8]) -> Vec<Range<usize>> {
        let Some(wanted) = &self.wanted else { return secrets::held_lines(block) };
        let ends = memchr::memchr_iter(b'\n', block).chain([block.len()]);
        let lines = ends.scan(0, |start, end| Some(std::mem::replace(start, end + 1)..end));
        let held = |line: &Range<usize>| {
            secrets::may_hold(&block[line.clone()]) || wanted.may_hold(&block[line.clone()])
        };
        lines.filter(held).collect()
    }

    /// The text with every secret replaced, and how many those were; the text itself where there are none.
    pub fn redacted<'a>(&self, text: &'a str) -> (Cow<'a, str>, usize) {
        if !self.may_hold(text.as_bytes()) {
            return (Cow::Borrowed(text), 0);
        }
        match self.redact(text) {
            Redacted { count: 0, .. } => (Cow::Borrowed(text), 0),
            Redacted { text, count } => (Cow::Owned(text), count),
        }
    }

    /// The text with every secret replaced.
    pub fn redact(&self, text: &str) -> Redacted {
        let mut redacted = Redacted { text: text.to_owned(), count: 0 };
        // A mark may bring together what a line break in the secret kept apart.
        for _ in 0..PASSES {
            let found = Self::find(&redacted.text);
            let found: Vec<_> = found.iter().map(|finding| (finding.class, finding.range.clone())).collect();
            let mut count = self.replace(&mut redacted.text, &found);
            if let Some(wanted) = &self.wanted {
                let text = redacted.text.clone();
                count += self.replace(&mut redacted.text, &apart(&text, wanted.find(&text)));
            }
            if count == 0 {
                break;
            }
            redacted.count += count;
        }
        redacted
    }

    /// Puts marks in the place of what was found, which is in order and without overlaps.
    fn replace(&self, text: &mut String, found: &[(&str, Range<usize>)]) -> usize {
        if found.is_empty() {
            return 0;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (class, range) in found {
            out.push_str(&text[at..range.start]);
            out.push_str(&self.mark(class, &text[range.clone()]));
            at = range.end;
        }
        out.push_str(&text[at..]);
        *text = out;
        found.len()
    }

    /// Where the secrets are, in order and without overlaps; what a user wants taken out besides is not among them.
    pub fn find(text: &str) -> Vec<Finding> {
        secrets::find(text)
    }

    /// Four hexadecimal digits tell secrets apart for a person and give nothing away about them.
    fn mark(&self, class: &str, secret: &str) -> String {
        let inner = Sha256::new().chain_update(&self.key).chain_update([0]).chain_update(secret).finalize();
        let hash = Sha256::new().chain_update(&self.key).chain_update([1]).chain_update(inner).finalize();
        format!("[redacted:{class}:{:02x}{:02x}]", hash[0], hash[1])
    }
}

/// The places without overlaps and without the marks in them.
fn apart<'a>(text: &str, found: Vec<(&'a str, Range<usize>)>) -> Vec<(&'a str, Range<usize>)> {
    let mut end = 0;
    let mut parts = Vec::with_capacity(found.len());
    for (class, range) in found {
        let free = range.start.max(end)..range.end.max(end);
        end = free.end;
        parts.extend(secrets::without_marks(text, &free).into_iter().map(|part| (class, part)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redact(text: &str) -> Redacted {
        Redactor::new(b"key").redact(text)
    }

    fn redactor() -> Redactor {
        Redactor::new(b"key")
    }

    /// The shortest tokens of kinds that are met by their length, and forms that are met by a rare sign.
    const TOKENS: [&str; 22] = [
        "glft-A1b2C3d4E5f6G7h8J9k0",
        "gloas-A1b2C3d4E5f6G7h8J9k0",
        "gldt-A1b2C3d4E5f6G7h8J9k0",
        "sk_live_A1b2C3d4E5f6G7h8J",
        "rk_test_a1b2c3d4e5f6g7h8j",
        "sk-a1b2c3d4e5f6g7h8j9k0l1",
        "sk-or-a1b2c3d4e5f6g7h8j9k0",
        "xoxb-12345678901234567890",
        "xoxe.xoxp-12345678901234567890",
        "xapp-12345678901234567890",
        "whsec_a1b2c3d4e5f6g7h8j9k0l1m2",
        "GOCSPX-a1b2c3d4e5f6g7h8j9k0",
        "hf_a1b2c3d4e5f6g7h8j9k0a1b2c3d4e5",
        "npm_a1b2c3d4e5f6g7h8j9k0a1b2c3d4e5f6g7h8",
        "ghp_a1b2c3d4e5f6g7h8j9k0a1b2c3d4e5f6g7h8",
        "github_pat_a1b2c3d4e5f6g7h8j9k0a1",
        "dckr_oat_a1b2c3d4e5f6g7h8j9k0",
        "SKa1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4",
        "BASIC dXNlcjpwYXNzd29yZA==",
        "u:p4ssw0rd@unix(/x)",
        "hooks.slack.com/services/T0000/B0000/x1y2z3",
        "abc8Q~a1b2c3d4e5f6g7h8j9k0l1m2n3o4p5q6r7",
    ];

    /// Texts in which names, signs, quotes, secrets and marks meet as they never would in a log.
    fn parts() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                Just("password=".to_owned()),
                Just("token: ".to_owned()),
                Just("\"secret\": \"".to_owned()),
                Just("Authorization: Bearer ".to_owned()),
                Just("Cookie: ".to_owned()),
                Just("://u:".to_owned()),
                Just("@".to_owned()),
                Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
                Just("\n".to_owned()),
                Just("-----BEGIN PRIVATE KEY-----".to_owned()),
                Just("-----END PRIVATE KEY-----".to_owned()),
                Just("'".to_owned()),
                Just("\"".to_owned()),
                Just(" ".to_owned()),
                Just("&".to_owned()),
                Just("[redacted:token:12ab]".to_owned()),
                Just(" --token ".to_owned()),
                Just("value: ".to_owned()),
                Just("\\n".to_owned()),
                Just("\\\"".to_owned()),
                Just("{".to_owned()),
                Just("}".to_owned()),
                Just("[".to_owned()),
                Just("sk-proj-".to_owned()),
                Just("mysql -p".to_owned()),
                Just("%3D".to_owned()),
                Just("<password>".to_owned()),
                Just(" PASSWORD '".to_owned()),
                Just("://".to_owned()),
                prop::sample::select(&TOKENS[..]).prop_map(str::to_owned),
                "[ -~]{0,12}",
                "\\PC{0,4}",
                "[A-Za-z0-9+/]{60,70}",
            ],
            0..12,
        )
        .prop_map(|parts| parts.concat())
    }

    #[test]
    fn equal_secrets_get_equal_marks_and_only_under_the_same_key() {
        let text = "password=hunter2 and password=hunter2 but password=hunter3";
        let marks = |redactor: Redactor| -> Vec<String> {
            redactor.redact(text).text.split("password=").skip(1).map(|part| part[..24].to_owned()).collect()
        };
        let first = marks(Redactor::new(b"one"));
        assert_eq!(first[0], first[1]);
        assert_ne!(first[0], first[2]);
        assert_ne!(first, marks(Redactor::new(b"two")));
    }

    #[test]
    fn every_kind_of_secret_is_taken_out() {
        let body = "A1b2C3d4E5f6G7h8J9k0L1m2N3p4Q5r6S7t8";
        for (class, text, secret) in [
            (
                "authorization",
                format!("Authorization: Basic dXNlcjpwYXNz{body}"),
                format!("dXNlcjpwYXNz{body}"),
            ),
            ("authorization", format!("'authorization': 'Bearer {body}'"), body.to_owned()),
            ("bearer", format!("curl with Bearer {body} failed"), body.to_owned()),
            ("cookie", "Cookie: session=abc123; theme=dark".into(), "session=abc123; theme=dark".into()),
            ("cookie", "\"Set-Cookie\": \"sid=s3cr3tvalue; Path=/\"".into(), "s3cr3tvalue".into()),
            ("jwt", format!("token was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{body}"), "eyJhbGci".into()),
            ("url-password", "postgres://app:s3cr3t@db:5432/shop".into(), "s3cr3t".into()),
            ("url-password", "redis://:p%40ss/w@cache/0".into(), "p%40ss".into()),
            ("password", "GET /login?user=bob&password=hunter2&x=1".into(), "hunter2".into()),
            ("password", "{\"passwd\": \"hunter two\"}".into(), "hunter two".into()),
            ("password", "{\\\"password\\\": \\\"hunter2\\\"}".into(), "hunter2".into()),
            ("password", "DB_PASSWORD=hunter2".into(), "hunter2".into()),
            ("password", "host=db user=app password='it is' dbname=x".into(), "it is".into()),
            ("password", "Server=db;User Id=app;Password=hunter2;".into(), "hunter2".into()),
            ("secret", "client_secret: 8f14e45fceea167a".into(), "8f14e45fceea167a".into()),
            ("secret", "clientSecret=8f14e45fceea167a".into(), "8f14e45fceea167a".into()),
            ("token", "access_token=abcDEF123456".into(), "abcDEF123456".into()),
            ("token", "X-Auth-Token: abcDEF123456".into(), "abcDEF123456".into()),
            ("api-key", "api_key=abcDEF123456".into(), "abcDEF123456".into()),
            ("api-key", "x-api-key: abcDEF123456".into(), "abcDEF123456".into()),
            ("aws-key", "using AKIAIOSFODNN7EXAMPLE now".into(), "AKIAIOSFODNN7EXAMPLE".into()),
            (
                "api-key",
                "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
                "wJalrXUtnFEMI".into(),
            ),
            ("google-key", format!("key AIza{}", &body[..35]), format!("AIza{}", &body[..35])),
            ("github-token", format!("ghp_{body}"), format!("ghp_{body}")),
            ("github-token", format!("github_pat_{body}_{body}"), "github_pat_".into()),
            ("gitlab-token", "glpat-A1b2C3d4E5f6G7h8J9k0".into(), "glpat-A1b2".into()),
            ("slack-token", "xoxb-1234567890-abcdefghij".into(), "xoxb-".into()),
            (
                "slack-webhook",
                "hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/xyzXYZ123".into(),
                "xyzXYZ".into(),
            ),
            ("stripe-key", "sk_live_A1b2C3d4E5f6G7h8J9k0".into(), "sk_live_A1".into()),
            ("model-key", format!("sk-proj-{body}"), "sk-proj-".into()),
            ("model-key", format!("sk-ant-api03-{body}"), "sk-ant-".into()),
            ("registry-token", format!("npm_{body}"), "npm_A1".into()),
        ] {
            let redacted = redact(&text);
            assert!(!redacted.text.contains(&secret), "{class}: {} keeps {secret}", redacted.text);
            assert!(redacted.text.contains(&format!("[redacted:{class}:")), "{class}: {}", redacted.text);
        }
    }

    #[test]
    fn key_blocks_go_whole_wherever_they_are_cut() {
        let line = "MIIEpAIBAAKCAQEA7bq0Zk3+abcDEFghiJKLmnoPQRstuVWXyz0123456789/+Ab";
        let block = format!("-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}\n-----END RSA PRIVATE KEY-----");
        for text in [
            block.clone(),
            block.replace('\n', "\\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{line}\n{line}"),
            format!("{line}\n{line}\n-----END PRIVATE KEY-----"),
            line.to_owned(),
            block.replace('\n', "\n    "),
        ] {
            let redacted = redact(&text);
            assert!(!redacted.text.contains("MIIEpAIBAAKC"), "{}", redacted.text);
            assert!(redacted.text.contains("[redacted:private-key:"), "{}", redacted.text);
        }
    }

    #[test]
    fn ordinary_lines_stay_as_they_are() {
        for line in [
            "2026-11-05T10:00:00Z INFO shop.http GET /cart/2186 200 12ms",
            "user 12 asked for a new password: mail sent",
            "the token has expired",
            "invalid token: unexpected end",
            "secret santa list: 3 names",
            "KeyError: 'password'",
            "    return check(password=password, token=self.token)",
            "    api_key = os.environ[\"API_KEY\"]",
            "password: str = Field(...)",
            "password = get_password()",
            "token=None secret='' password=***",
            "password=%s token={token} secret=${SECRET} api_key=<your-key>",
            "tokens=1200 max_tokens=4096 token_count: 17",
            "token_type=bearer password_length=12 secret_name=db/main",
            "commit 9f3c1ab2d4e5f60718293a4b5c6d7e8f90a1b2c3 at sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "request 550e8400-e29b-41d4-a716-446655440000 done",
            "see https://example.org/path?id=3#x and mail bob@example.org",
            "connecting to postgres://db:5432/shop",
            "File \"/srv/app/tokens/secret.py\", line 3, in token",
            "Authorization: none",
            "scan_secrets = \"24h\"",
            "token_secret: 90s",
            "author: Bob; bearer of news",
            "========================================================================",
            "sk-learn task-1 risk-assessment-for-the-whole-department",
        ] {
            assert_eq!(redact(line), Redacted { text: line.to_owned(), count: 0 });
        }
    }

    /// Beginnings of secrets without an end, each many times; a pass that read on to the end of the text from each of
    /// them would take minutes.
    #[test]
    fn a_long_text_takes_linear_time() {
        for part in [
            "password=",
            "password=a,",
            "password='",
            "password=\"\\",
            "password ' ",
            "Authorization: ",
            "Authorization: Digest a=\"",
            "Cookie: a=b;",
            "cookie: {",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n",
            "-----END PRIVATE KEY-----\n",
            "://a:",
            "://a@",
            "eyJ",
            "\\\"token\\\":",
            "\\u003d",
            "%3D",
            "\"value\":\"password\":",
            " --token ",
            "mysql ",
            "curl -u a:",
            "a:b@tcp(",
            "A1b2C3d4",
            "[redacted:token:12ab]",
            "a",
        ] {
            let text = part.repeat((1 << 18) / part.len());
            let _ = redact(&text);
        }
    }

    proptest! {
        #[test]
        fn what_is_let_go_unread_holds_nothing(text in parts()) {
            prop_assert!(redactor().may_hold(text.as_bytes()) || secrets::search(&text).is_empty(), "{text}");
        }

        #[test]
        fn a_line_of_a_block_is_let_go_only_if_it_holds_nothing_by_itself(text in parts()) {
            let held = redactor().held_lines(text.as_bytes());
            let mut start = 0;
            for line in text.split('\n') {
                let range = start..start + line.len();
                start = range.end + 1;
                prop_assert!(held.contains(&range) || secrets::search(line).is_empty(), "{text:?}: {line}");
            }
        }

        #[test]
        fn redacting_twice_is_redacting_once(text in parts()) {
            let once = redact(&text);
            let twice = redact(&once.text);
            prop_assert_eq!(&twice.text, &once.text);
        }
    }
}
