//! What stands on the page, and in which order: what a reader decides by comes first.

use groundcrew_core::contract::{Candidate, Check, Verification};

use super::commands::Run;
use super::{Block, Page, Suspected};
use crate::evidence::{Evidence, means};

/// Longest text of one block, in bytes; the JSON file has the whole of it.
const LONGEST: usize = 400_000;

/// The whole page.
pub(super) fn blocks(page: &Page<'_>) -> Vec<Block> {
    let mut all = vec![outcome(page)];
    if !page.told.uncommitted.is_empty() {
        let heading = Block::Heading("Uncommitted changes of the checkout, which were not seen");
        all.extend([heading, Block::Text(page.told.uncommitted.join("\n"))]);
    }
    if let Some(patch) = page.told.diff {
        all.extend([Block::Heading("Change"), Block::Diff(cut(patch))]);
    }
    if let Some(shown) = page.told.shown {
        all.extend(checks(page, shown));
    }
    all.extend(reproduction(page));
    if let Some(verified) = &page.verification {
        all.extend(suite(verified));
    }
    if let Some(shown) = page.told.shown {
        all.extend(behaviour(shown));
        all.extend(reviews(shown));
    }
    all.extend(suspects(page));
    all.extend(tried(page));
    all.extend(commands(page));
    all.extend(environment(page));
    all
}

fn outcome(page: &Page<'_>) -> Block {
    let told = page.told;
    let mut facts = vec![("outcome", told.outcome.replace('_', " "))];
    let mut fact = |name: &'static str, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    fact("error", Some(told.error.to_owned()));
    fact("grade", told.grade.map(|grade| format!("{}: {}", grade.as_str(), means(grade))));
    fact("why not more", told.reason.map(str::to_owned));
    fact("question", told.question.map(str::to_owned));
    fact("does", told.shown.map(|shown| shown.explanation.clone()));
    fact("strategy", told.shown.map(|shown| format!("{} ({})", shown.strategy, shown.kind)));
    fact("reverts", told.shown.and_then(|shown| shown.reverts.clone()));
    fact("repository", Some(page.repository.clone()));
    fact("branch", told.branch.map(str::to_owned));
    fact("commit", told.commit.map(str::to_owned));
    fact("tree", page.tree.clone());
    fact("base commit", told.base.map(str::to_owned));
    fact("base tree", page.base_tree.clone());
    Block::Facts(facts)
}

fn checks(page: &Page<'_>, shown: &Evidence) -> Vec<Block> {
    let runs = |name: &String| {
        let numbered = page.commands.commands.iter().zip(1..);
        let behind = numbered.filter(|(run, _)| run.checks.contains(name));
        behind.map(|(_, number): (_, u32)| number.to_string()).collect::<Vec<_>>().join(", ")
    };
    let row = |check: &Check| {
        vec![check.name.clone(), check.status.clone(), check.detail.clone(), runs(&check.name)]
    };
    let head = &["check", "result", "what was seen", "commands behind it"];
    section("Checks", head, shown.checks.iter().map(row).collect())
}

fn reproduction(page: &Page<'_>) -> Vec<Block> {
    let mut all = vec![Block::Heading("Reproduction")];
    let Some(found) = &page.reproduction else {
        all.push(Block::Say("The error was not made to happen again."));
        return all;
    };
    let mut facts = vec![
        ("call", found.call.clone()),
        ("input from", found.origin.clone()),
        ("fails with", format!("{} in {} of {}", found.exception, found.function, found.file)),
        ("on commit", found.fails_on.clone()),
    ];
    if let Some(runs) = page.verification.as_ref().and_then(|shown| shown.reproduction) {
        facts.push(("failed without the fix", format!("{} runs", runs.before)));
        facts.push(("failed with the fix", format!("{} runs", runs.after)));
    }
    all.push(Block::Facts(facts));
    all.push(Block::Say("As a script for the top of a checkout:"));
    all.push(Block::Text(cut(&found.script)));
    all
}

fn suite(verified: &Verification) -> Vec<Block> {
    let counts = [("without the fix", &verified.suite_base), ("with the fix", &verified.suite_head)];
    let rows = counts.into_iter().filter_map(|(name, count)| {
        let count = count.as_ref()?;
        let numbers = [count.collected, count.passed, count.failed, count.skipped, count.flaky];
        Some(std::iter::once(name.to_owned()).chain(numbers.map(|number| number.to_string())).collect())
    });
    let head = &["suite", "tests", "passed", "failed", "skipped", "flaky"];
    let mut all = section("Suite", head, rows.collect());
    let flaky = |test: &groundcrew_core::contract::FlakyTest| {
        format!("{} failed {} without the fix, {} with it", test.test, test.base, test.head)
    };
    for (heading, tests) in [
        ("Tests that fail only with the fix", verified.new_failures.clone()),
        ("Tests that the fix mends", verified.fixed.clone()),
        ("Tests that failed before, too", verified.known_failures.clone()),
        ("Tests that come and go", verified.flaky.iter().map(flaky).collect()),
    ] {
        all.extend(list(heading, &tests));
    }
    all
}

fn behaviour(shown: &Evidence) -> Vec<Block> {
    let mut all = list("Inputs on which behaviour differs", &shown.behaviour_diff);
    all.extend(list("Another way, and the input on which it differs", &shown.other_ways));
    all.extend(list("Mutants that survived", &shown.survivors));
    all
}

fn reviews(shown: &Evidence) -> Vec<Block> {
    let rows = shown.reviews.iter().flat_map(|review| {
        let findings = review.findings.iter().map(|found| {
            let told = format!("{}:{}: {} ({})", found.file, found.line, found.message, found.rule);
            vec![review.role.clone(), found.level.clone(), told]
        });
        let verdict = vec![review.role.clone(), review.verdict.clone(), review.summary.clone()];
        std::iter::once(verdict).chain(findings).collect::<Vec<_>>()
    });
    section("Reviews", &["role", "verdict", "why"], rows.collect())
}

fn suspects(page: &Page<'_>) -> Vec<Block> {
    let mut all = Vec::new();
    if let Some(cause) = &page.root_cause {
        all.push(Block::Heading("Where the defect is taken to be"));
        all.push(Block::Facts(vec![
            ("place", format!("{}:{}", cause.file, cause.line)),
            ("statement", cause.statement.clone()),
            ("because", cause.why.clone()),
        ]));
    }
    let row = |suspect: &Suspected| match suspect {
        Suspected::Statement(found) => vec![
            format!("{:.2}", found.score),
            format!("{}:{}", found.file, found.line),
            found.statement.clone(),
            found.reason.clone(),
        ],
        Suspected::Commit(found) => vec![
            format!("{:.2}", found.score),
            found.sha.clone(),
            found.subject.clone(),
            std::iter::once(&found.evidence).chain(&found.facts).cloned().collect::<Vec<_>>().join("; "),
        ],
    };
    let head = &["score", "place or commit", "statement or subject", "reason"];
    all.extend(section("Suspects", head, page.suspects.iter().map(row).collect()));
    all
}

fn tried(page: &Page<'_>) -> Vec<Block> {
    let row = |candidate: &Candidate| {
        let Candidate { strategy, kind, explanation, outcome, .. } = candidate;
        vec![strategy.clone(), kind.to_string(), explanation.clone(), outcome.clone()]
    };
    let head = &["strategy", "kind", "what it does", "what became of it"];
    let mut all = section("What was tried", head, page.tried.iter().map(row).collect());
    if page.effort.validations > 0 {
        let effort = page.effort;
        all.push(Block::Facts(vec![
            ("candidates run", effort.validations.to_string()),
            ("running them", format!("{} ms", effort.validation_ms)),
            ("whole search", format!("{} ms", effort.search_ms)),
        ]));
    }
    all
}

fn commands(page: &Page<'_>) -> Vec<Block> {
    let row = |(run, number): (&Run, u32)| {
        vec![
            number.to_string(),
            run.agent.clone(),
            run.argv.join(" "),
            run.exit_code.map_or_else(|| run.ended.clone(), |code| code.to_string()),
            format!("{} ms", run.wall_ms),
            run.sandbox.clone(),
            run.checks.join(", "),
        ]
    };
    let head = &["number", "agent", "command", "exit code", "took", "sandbox", "for"];
    let mut all = section("Commands", head, page.commands.commands.iter().zip(1..).map(row).collect());
    all.push(Block::Facts(vec![
        ("further commands", page.commands.commands_left_out.to_string()),
        ("git commands", page.commands.git_commands.to_string()),
    ]));
    all
}

fn environment(page: &Page<'_>) -> Vec<Block> {
    let mut facts = vec![("program", page.program.clone()), ("written at", page.made_at.to_string())];
    if let Some(verified) = &page.verification {
        facts.push(("sandbox", verified.sandbox.clone()));
        facts.push(("environment hash", verified.env_hash.clone()));
        facts.push(("runs of the suite", verified.suite_runs.to_string()));
        facts.push(("all checks took", format!("{} ms", verified.duration_ms)));
    }
    vec![Block::Heading("Environment"), Block::Facts(facts)]
}

/// A heading with a table; nothing where it has no rows.
fn section(heading: &'static str, head: &'static [&'static str], rows: Vec<Vec<String>>) -> Vec<Block> {
    if rows.is_empty() { Vec::new() } else { vec![Block::Heading(heading), Block::Table { head, rows }] }
}

/// A heading with lines; nothing where there are none.
fn list(heading: &'static str, lines: &[String]) -> Vec<Block> {
    if lines.is_empty() {
        return Vec::new();
    }
    vec![Block::Heading(heading), Block::Text(cut(&lines.join("\n")))]
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST);
    format!("{}\n… {} bytes more, in evidence.json", &text[..end], text.len() - end)
}
