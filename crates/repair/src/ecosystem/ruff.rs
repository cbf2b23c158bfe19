//! ruff: fixes of Python whose applicability is `safe`.

use serde::Deserialize;

use super::{Fix, Place, Tool, said};
use crate::edit::Edit;
use crate::locate::is_python;

pub(super) const RUFF: Tool =
    Tool { strategy: "ecosystem:ruff", program: "ruff", owns: is_python, argv, read };

fn argv(files: &[String]) -> Vec<String> {
    let options = ["ruff", "check", "--no-fix", "--no-cache", "--exit-zero", "--output-format=json", "--"];
    options.into_iter().map(str::to_owned).chain(files.iter().cloned()).collect()
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    code: Option<String>,
    message: String,
    filename: String,
    location: At,
    #[serde(default)]
    fix: Option<Told>,
}

#[derive(Deserialize)]
struct Told {
    applicability: String,
    edits: Vec<Put>,
}

#[derive(Deserialize)]
struct Put {
    content: String,
    location: At,
    end_location: At,
}

/// Line and character, both from 1.
#[derive(Deserialize)]
struct At {
    row: u32,
    column: usize,
}

impl At {
    fn byte(&self, text: &str) -> Option<usize> {
        let row = usize::try_from(self.row).ok()?.checked_sub(1)?;
        let start = match row {
            0 => 0,
            row => text.match_indices('\n').nth(row - 1)?.0 + 1,
        };
        let line = text.get(start..)?;
        let line = line.split_inclusive('\n').next().unwrap_or("");
        let column = self.column.checked_sub(1)?;
        let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        Some(start + ends.into_iter().nth(column)?)
    }
}

fn read(answer: &str, place: &Place<'_>) -> Vec<Fix> {
    let complaints: Vec<Complaint> = serde_json::from_str(answer).unwrap_or_default();
    let fix = |complaint: Complaint| {
        let told = complaint.fix.filter(|told| told.applicability == "safe")?;
        let file = place.file(&complaint.filename)?;
        let text = (place.text)(&file)?;
        let edit = |put: Put| {
            let (start, end) = (put.location.byte(&text)?, put.end_location.byte(&text)?);
            Some(Edit { file: file.clone(), start, end, text: put.content })
        };
        let edits = told.edits.into_iter().map(edit).collect::<Option<Vec<_>>>()?;
        let why = said(complaint.code.as_deref(), &complaint.message);
        Some(Fix { line: complaint.location.row, why, edits })
    };
    complaints.into_iter().filter_map(fix).collect()
}
