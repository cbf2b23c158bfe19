//! clippy and the compiler: suggestions for Rust that are machine-applicable, as `cargo fix` and `cargo clippy --fix` take.

use serde::Deserialize;

use super::{Fix, Place, Tool, said};
use crate::edit::Edit;

pub(super) const CLIPPY: Tool = Tool {
    strategy: "ecosystem:clippy",
    program: "cargo-clippy",
    owns: |file| file.ends_with(".rs"),
    argv: |_| {
        let words = ["cargo", "clippy", "--workspace", "--all-targets", "--quiet", "--message-format=json"];
        words.map(str::to_owned).to_vec()
    },
    read,
};

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    line_start: u32,
    #[serde(default)]
    suggested_replacement: Option<String>,
    #[serde(default)]
    suggestion_applicability: Option<String>,
    /// Set where the code stands in a macro, whose text is not this.
    #[serde(default)]
    expansion: Option<serde_json::Value>,
}

fn read(answer: &str, place: &Place<'_>) -> Vec<Fix> {
    let mut fixes = Vec::new();
    for line in answer.lines().filter(|line| line.starts_with('{')) {
        let Ok(Line { message: Some(message) }) = serde_json::from_str(line) else { continue };
        let code = message.code.as_ref().map(|code| code.code.as_str());
        for told in std::iter::once(&message).chain(&message.children) {
            let suggested: Vec<&Span> =
                told.spans.iter().filter(|span| span.suggested_replacement.is_some()).collect();
            let safe = |span: &&Span| {
                span.suggestion_applicability.as_deref() == Some("MachineApplicable")
                    && span.expansion.is_none()
            };
            if suggested.is_empty() || !suggested.iter().all(safe) {
                continue;
            }
            let edit = |span: &&Span| {
                let text = span.suggested_replacement.clone()?;
                Some(Edit {
                    file: place.file(&span.file_name)?,
                    start: span.byte_start,
                    end: span.byte_end,
                    text,
                })
            };
            let Some(edits) = suggested.iter().map(edit).collect::<Option<Vec<_>>>() else { continue };
            fixes.push(Fix { line: suggested[0].line_start, why: said(code, &message.message), edits });
        }
    }
    fixes
}
