//! Findings in the interchange format of static analysis (SARIF 2.1.0), so that other tools can show them.
//!
//! Only what a finding holds is written: no text of the repository, and never the text of a secret.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::contract::{Finding, FindingState, Review};

/// Version of the format.
pub const VERSION: &str = "2.1.0";

/// One document with a run per reviewer.
pub fn of_reviews(reviews: &[Review]) -> Value {
    let runs: Vec<Value> = reviews
        .iter()
        .map(|review| run(&format!("groundcrew-{}", review.role), &review.findings, &review.head_sha))
        .collect();
    json!({ "version": VERSION, "runs": runs })
}

/// One document with one run of the findings of one tool about one commit.
pub fn of_findings(tool: &str, findings: &[Finding], commit: &str) -> Value {
    json!({ "version": VERSION, "runs": [run(tool, findings, commit)] })
}

fn run(tool: &str, findings: &[Finding], commit: &str) -> Value {
    let mut rules: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for finding in findings {
        let known = rules.entry(&finding.rule).or_default();
        *known = known.or(finding.cwe.as_deref());
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, rule)| (*rule, at)).collect();
    let described: Vec<Value> = rules.iter().map(|(rule, cwe)| describe(rule, *cwe)).collect();
    let results: Vec<Value> =
        findings.iter().map(|finding| result(finding, index.get(finding.rule.as_str()).copied())).collect();
    json!({
        "tool": { "driver": {
            "name": tool,
            "version": env!("CARGO_PKG_VERSION"),
            "rules": described,
        } },
        "columnKind": "unicodeCodePoints",
        "properties": { "commit": commit },
        "results": results,
    })
}

fn describe(rule: &str, cwe: Option<&str>) -> Value {
    let tags: Vec<String> =
        cwe.iter().map(|cwe| format!("external/cwe/{}", cwe.to_ascii_lowercase())).collect();
    json!({ "id": rule, "shortDescription": { "text": rule }, "properties": { "tags": tags } })
}

fn result(finding: &Finding, rule: Option<usize>) -> Value {
    let level = match finding.level.as_str() {
        level @ ("error" | "warning" | "note") => level,
        _ => "none",
    };
    let baseline = match finding.state {
        FindingState::New => "new",
        FindingState::Existing => "unchanged",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level,
        "baselineState": baseline,
        "message": { "text": finding.message },
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = json!(rule);
    }
    if !finding.file.is_empty() {
        let mut place = json!({ "artifactLocation": { "uri": uri(&finding.file), "uriBaseId": "SRCROOT" } });
        // Lines are counted from 1; a finding about a whole file has none.
        if finding.line > 0 {
            place["region"] = json!({ "startLine": finding.line });
        }
        result["locations"] = json!([{ "physicalLocation": place }]);
    }
    result
}

/// A path as a relative reference: everything that has a meaning in one is written as its number.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, level: &str, file: &str, line: u32) -> Finding {
        Finding {
            rule: rule.into(),
            level: level.into(),
            file: file.into(),
            line,
            message: "why".into(),
            cwe: Some("CWE-89".into()),
            state: FindingState::New,
        }
    }

    #[test]
    fn a_finding_is_written_whole_and_a_rule_only_once() {
        let existing = Finding { state: FindingState::Existing, ..finding("sql-text", "error", "b c.py", 0) };
        let document = of_findings(
            "groundcrew-security",
            &[finding("sql-text", "error", "a.py", 3), existing],
            "c0ffee",
        );
        let expected = json!({
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "groundcrew-security",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": [{
                        "id": "sql-text",
                        "shortDescription": { "text": "sql-text" },
                        "properties": { "tags": ["external/cwe/cwe-89"] },
                    }],
                } },
                "columnKind": "unicodeCodePoints",
                "properties": { "commit": "c0ffee" },
                "results": [
                    {
                        "ruleId": "sql-text", "ruleIndex": 0, "level": "error", "baselineState": "new",
                        "message": { "text": "why" },
                        "locations": [{ "physicalLocation": {
                            "artifactLocation": { "uri": "a.py", "uriBaseId": "SRCROOT" },
                            "region": { "startLine": 3 },
                        } }],
                    },
                    {
                        "ruleId": "sql-text", "ruleIndex": 0, "level": "error", "baselineState": "unchanged",
                        "message": { "text": "why" },
                        "locations": [{ "physicalLocation": {
                            "artifactLocation": { "uri": "b%20c.py", "uriBaseId": "SRCROOT" },
                        } }],
                    },
                ],
            }],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn every_word_and_path_gives_a_document_of_the_right_form() {
        let odd = [finding("x", "loud", "", 0), finding("y", "note", "../é?#", 1)];
        let review = Review { role: "security".into(), findings: odd.to_vec(), ..Review::default() };
        let document = of_reviews(&[review, Review::default()]);
        assert_eq!(document["runs"].as_array().map(Vec::len), Some(2));
        let results = &document["runs"][0]["results"];
        assert_eq!(results[0].get("locations"), None);
        assert_eq!(results[0]["level"], "none");
        let place = &results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "../%C3%A9%3F%23");
    }
}
