//! `logs templates`: which kinds of lines the crew knows of the logs it reads, and what it told about them.

use groundcrew_core::template::Template;
use groundcrew_store::{Access, TemplateFilter};
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::Templates;
use crate::output::Style;
use crate::table::Table;

/// Longest text of a kind of line, in characters.
const TEXT: usize = 110;

/// Lists kinds of lines.
pub(super) fn run(options: &Templates, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = store.templates(&TemplateFilter {
        project: at.project(store.as_ref())?.map(|project| project.id),
        source: options.source.as_ref().map(|path| path.display().to_string()),
        noticed: options.noticed,
        limit: Some(options.limit),
        ..TemplateFilter::default()
    })?;
    if at.out.is_json() {
        at.out.document(&json!({ "templates": found }))?;
    } else if found.is_empty() {
        at.out.line(if options.noticed {
            "nothing was told about kinds of lines"
        } else {
            "no kinds of lines"
        })?;
    } else {
        at.out.lines(lines(at, &found))?;
    }
    Ok(Done::Clean)
}

fn lines(at: &Invocation, templates: &[Template]) -> Vec<String> {
    let mut table = Table::new(["seen", "level", "first", "last", "told", "source", "kind of line"]);
    for kind in templates {
        let name = kind.source.rsplit('/').next().unwrap_or(&kind.source);
        table.row([
            kind.occurrences.to_string(),
            kind.level.as_deref().map_or_else(|| "-".to_owned(), |level| escape::brief(level, 10)),
            moment(kind.first_seen),
            moment(kind.last_seen),
            kind.notice.map_or_else(|| "-".to_owned(), |notice| notice.to_string()),
            escape::brief(name, 24),
            escape::brief(&kind.text, TEXT),
        ]);
    }
    let mut rows = table.lines().into_iter();
    let mut lines: Vec<String> =
        rows.next().map(|head| at.out.paint(Style::Dim, &head)).into_iter().collect();
    lines.extend(rows);
    lines
}
