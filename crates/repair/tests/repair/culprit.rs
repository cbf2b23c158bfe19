//! The commit that brought a failure is found by running commits, and of it as little as possible is undone.

use groundcrew_core::evidence::ChangeKind;

use crate::project::{Project, content, incident};

const RIGHT: &str = "def price(prices, sku):\n    return prices.get(sku, 0)\n\n\ndef label(sku):\n    return sku.upper()\n\n\ndef total(prices, skus):\n    return sum(price(prices, sku) for sku in skus)\n";

#[test]
fn the_culprit_is_found_by_running_commits_and_only_its_part_on_the_stack_is_undone() {
    let wrong = RIGHT.replace("prices.get(sku, 0)", "prices[sku]").replace("sku.upper()", "sku.title()");
    let broken = format!("{wrong}\n\ndef half(:\n");
    let later = format!("{wrong}\n\ndef double(prices, skus):\n    return 2 * total(prices, skus)\n");
    let numbers: Vec<String> = (0..12).map(|number| format!("N = {number}\n")).collect();
    let mut commits: Vec<Vec<(&str, &str)>> = vec![vec![("till.py", RIGHT)]];
    commits.extend(numbers[..4].iter().map(|text| vec![("other.py", text.as_str())]));
    commits.push(vec![("till.py", wrong.as_str())]);
    commits.push(vec![("till.py", broken.as_str())]);
    commits.push(vec![("till.py", later.as_str())]);
    commits.extend(numbers[4..].iter().map(|text| vec![("other.py", text.as_str())]));
    let commits: Vec<&[(&str, &str)]> = commits.iter().map(Vec::as_slice).collect();
    let project = Project::new(&commits, None);
    let facts = incident(
        "KeyError",
        "'NEW-1'",
        &[
            ("till.py", 2, "price", "return prices[sku]"),
            ("till.py", 10, "total", "return sum(price(prices, sku) for sku in skus)"),
        ],
        &["INFO POST /total {\"prices\": {\"A\": 1}, \"skus\": [\"NEW-1\"]}"],
    );
    let repaired = project.repaired(&facts);
    let culprit = &repaired.suspects[0];
    assert_eq!(culprit.subject, "Commit 6");
    assert!(culprit.evidence.starts_with("bisect: it fails on "), "{}", culprit.evidence);
    assert_eq!(repaired.chosen.kind, ChangeKind::Revert);
    assert!(
        repaired.chosen.explanation.starts_with("undoes the part of "),
        "{}",
        repaired.chosen.explanation
    );
    assert_eq!(
        content(&repaired),
        later.replace("prices[sku]", "prices.get(sku, 0)"),
        "what else the commit did, and what came after it, stays"
    );
    let candidate = &repaired.candidates[0];
    assert_eq!((candidate.outcome.as_str(), candidate.repro_pass), ("plausible", Some(true)));
    assert_eq!((candidate.diff_stat.added, candidate.diff_stat.removed), (1, 1));
    assert!(candidate.score > 80, "{candidate:?}");
}

#[test]
fn a_failure_that_was_always_there_has_no_culprit() {
    let wrong = RIGHT.replace("prices.get(sku, 0)", "prices[sku]");
    let project = Project::new(&[&[("till.py", &wrong)], &[("other.py", "N = 1\n")]], None);
    let facts = incident(
        "KeyError",
        "'NEW-1'",
        &[("till.py", 2, "price", "return prices[sku]")],
        &["INFO {\"prices\": {\"A\": 1}, \"sku\": \"NEW-1\"}"],
    );
    let repaired = project.repaired(&facts);
    assert!(repaired.suspects.iter().all(|suspect| !suspect.evidence.starts_with("bisect")));
    assert_ne!(repaired.chosen.kind, ChangeKind::Revert);
}
