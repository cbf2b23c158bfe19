//! eslint: what `--fix` would change in JavaScript and TypeScript under the project's own rules. Suggestions are not fixes.

use serde::Deserialize;

use super::{Fix, Place, Tool, said};
use crate::edit::Edit;

pub(super) const ESLINT: Tool = Tool { strategy: "ecosystem:eslint", program: "eslint", owns, argv, read };

fn owns(file: &str) -> bool {
    let end = file.rsplit_once('.').map(|(_, end)| end);
    matches!(end, Some("js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx"))
}

fn argv(files: &[String]) -> Vec<String> {
    ["eslint", "--format=json", "--"].into_iter().map(str::to_owned).chain(files.iter().cloned()).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(default)]
    rule_id: Option<String>,
    message: String,
    #[serde(default)]
    line: u32,
    #[serde(default)]
    fix: Option<Put>,
}

#[derive(Deserialize)]
struct Put {
    /// In code units of UTF-16, as JavaScript counts.
    range: (usize, usize),
    text: String,
}

fn read(answer: &str, place: &Place<'_>) -> Vec<Fix> {
    let files: Vec<File> = serde_json::from_str(answer).unwrap_or_default();
    let mut fixes = Vec::new();
    for told in files {
        let Some(file) = place.file(&told.file_path) else { continue };
        let Some(text) = (place.text)(&file) else { continue };
        for message in told.messages {
            let Some(put) = message.fix else { continue };
            let (Some(start), Some(end)) = (byte(&text, put.range.0), byte(&text, put.range.1)) else {
                continue;
            };
            let edits = vec![Edit { file: file.clone(), start, end, text: put.text }];
            fixes.push(Fix {
                line: message.line,
                why: said(message.rule_id.as_deref(), &message.message),
                edits,
            });
        }
    }
    fixes
}

fn byte(text: &str, units: usize) -> Option<usize> {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return (seen == units).then_some(at);
        }
        seen += c.len_utf16();
    }
    (seen == units).then_some(text.len())
}
