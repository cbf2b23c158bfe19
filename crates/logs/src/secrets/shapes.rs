//! Secrets that are known by their own form, whatever stands beside them.
//!
//! The forms are one alternation, matched once from left to right; the engine is linear in the text.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::values::is_placeholder;
use crate::redact::{Evidence, Finding};

/// Class in the mark, and pattern with the secret as its only group.
type Rule = (&'static str, &'static str);

const RULES: [Rule; 36] = [
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.(?:eyJ|[A-Za-z0-9_-]{16})[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}"),
    ("bearer", r"\b(?:[Bb]earer|BEARER) {1,8}([A-Za-z0-9._~+/-]{16,}=*)"),
    ("authorization", r"\b(?:[Bb]asic|BASIC) ([A-Za-z0-9+/]{6,}=+|[A-Za-z0-9+/]*[0-9][A-Za-z0-9+/]{7,}=*)"),
    (
        "aws-key",
        r"\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA)[A-Z2-7]{2}[A-Z0-9]{14}\b(?:[ ,:;/|\t]{1,3}[A-Za-z0-9/+]{40}\b)?",
    ),
    ("aws-key", r"\b(?:ABSK[A-Za-z0-9+/]{40,}=*|(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=%_-]{24,})"),
    (
        "google-key",
        r"\b(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_.-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,})",
    ),
    ("google-key", r"\bAAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{100,}"),
    ("azure-secret", r"\b[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}"),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    (
        "gitlab-token",
        r"\b(?:gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_-]{20}[A-Za-z0-9_.-]*|GR1348941[A-Za-z0-9_-]{20})",
    ),
    ("slack-token", r"\b(?:xox[abceoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{20,}|xapp-[A-Za-z0-9-]{20,})"),
    ("slack-webhook", r"\bhooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/-]{10,})"),
    ("discord-webhook", r"\bdiscord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/([A-Za-z0-9_-]{30,})"),
    ("discord-token", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}"),
    ("telegram-token", r"(?:\b|bot)[0-9]{8,10}:[A-Za-z0-9_-]{35}"),
    ("stripe-key", r"\b(?:[srp]k_(?:live|test)_[A-Za-z0-9]{17,}|whsec_[A-Za-z0-9+/=]{24,})"),
    ("twilio-key", r"\bSK[0-9a-f]{32}\b"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("model-key", r"\b(?:sk-(?:proj|ant|svcacct|admin|or|lf)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{22,})"),
    (
        "model-key",
        r"\b(?:hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{36,}|pplx-[A-Za-z0-9]{40,}|nvapi-[A-Za-z0-9_-]{40,})",
    ),
    (
        "registry-token",
        r"\b(?:npm_[A-Za-z0-9]{36,}|pypi-[A-Za-z0-9_-]{50,}|cio[A-Za-z0-9]{32}\b|rubygems_[0-9a-f]{40,}|dckr_[po]at_[A-Za-z0-9_-]{20,})",
    ),
    ("vault-token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    (
        "service-token",
        r"\b(?:do[op]_v1_[0-9a-f]{60,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|tskey-[a-z]+-[A-Za-z0-9-]{20,}|pul-[0-9a-f]{40}|dapi[0-9a-f]{32}\b|key-[0-9a-f]{32}\b)",
    ),
    (
        "service-token",
        r"\b(?:ATATT3[A-Za-z0-9_=-]{40,}|ATCTT3[A-Za-z0-9_=-]{40,}|EAAA[A-Za-z0-9_-]{56,}|NRAK-[A-Z0-9]{27}|PMAK-[0-9a-f]{24}-[0-9a-f]{34})",
    ),
    (
        "service-token",
        r"\b(?:figd_[A-Za-z0-9_-]{30,}|gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,}|sbp_[0-9a-f]{40}|sntry[su]_[A-Za-z0-9+/=_-]{40,})",
    ),
    (
        "private-key",
        r"\b(?:AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{20,}|(?:b3BlbnNzaC1rZXktdjE|MC4CAQAwBQYDK2Vw|MHcCAQEE)[A-Za-z0-9+/]{16,}={0,2})",
    ),
    ("password-hash", r"\$2[aby]\$[0-9]{2}\$[A-Za-z0-9./]{53}"),
    (
        "password-hash",
        r"\$argon2(?:id|i|d)\$v=[0-9]+\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{16,}",
    ),
    (
        "password",
        r#"\b(?:(?:[Ii]dentified|IDENTIFIED)\s+(?i:with\s+\S{1,40}\s+)?(?i:by|as)|[Pp]assword|PASSWORD)\s{0,4}(?:=\s{0,4}|\(\s{0,4})?(?:E|N)?'([^'\n]{1,200})'"#,
    ),
    (
        "password",
        r#"\b(?:[Pp]assword|PASSWORD)\s{1,3}(?:is|was|set to|changed to|reset to)\s{1,3}['"]?([!-~&&[^'"]]*[0-9!][!-~&&[^'"]]*[A-Za-z!][!-~&&[^'"]]*|[!-~&&[^'"]]*[A-Za-z][!-~&&[^'"]]*[0-9!][!-~&&[^'"]]*)"#,
    ),
    ("password", r#"\bmysql[a-z_-]{0,12}\b[^\n|;]{0,200}?[ "']-p([!-~&&[^"',]]{3,})"#),
    ("password", r#"\bsshpass["',]? +["']?-p["',]? *["']?([!-~&&[^"',]]{3,})"#),
    (
        "password",
        r#"\bcurl [^\n|;]{0,200}?(?:-u|--user|--proxy-user)[ =]{0,2}["']?[!-~&&[^:"'\[]]{0,64}:([!-~&&[^"'\[]]{1,200})"#,
    ),
    ("password", r#"\b[A-Za-z0-9_.-]{1,64}:([!-~&&[^@"'\[\]\s]]{1,128})@(?:tcp|unix)\("#),
    ("url-password", r"(?i)%3a%2f%2f[a-z0-9._~%-]{0,64}?%3a([!-~&&[^&\[\]]]{1,128}?)%40"),
    ("private-key", r"Private-MAC: ([0-9a-f]{16,})"),
];

/// All rules at once; the group of each has the number of its rule, counted from 1.
static ALL: LazyLock<Regex> = LazyLock::new(|| {
    let grouped = |pattern: &str| {
        let groups = Regex::new(pattern).expect("the rules are valid constant patterns").captures_len();
        if groups == 1 { format!("({pattern})") } else { format!("(?:{pattern})") }
    };
    let all: Vec<String> = RULES.iter().map(|(_, pattern)| grouped(pattern)).collect();
    // Boundaries between letters of ASCII are found faster, and the tokens have no others.
    Regex::new(&all.join("|").replace(r"\b", r"(?-u:\b)")).expect("the rules are valid constant patterns")
});

/// Adds all secrets that have a form of their own.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(captures) = ALL.captures_at(text, at) {
        let whole = captures.get_match();
        let secret = secret(&captures);
        at = match &secret {
            Some(secret) => secret.range.end,
            None => whole.start() + text[whole.start()..].chars().next().map_or(1, char::len_utf8),
        };
        found.extend(secret);
    }
}

fn secret(captures: &Captures<'_>) -> Option<Finding> {
    RULES.iter().enumerate().find_map(|(number, (class, _))| {
        let secret = captures.get(number + 1).filter(|secret| !is_placeholder(secret.as_str()))?;
        Some(Finding { class, range: secret.range(), evidence: Evidence::Shape })
    })
}
