//! The page as Markdown: words of ours as they are, every text of strangers as code, in which nothing has a meaning.
//!
//! A run of backticks longer than any in the text begins and ends it, so that it cannot end by itself. Tables would need
//! marks within code, so there are lists instead.

use super::Block;
use crate::escape;

/// The page.
pub(super) fn write(title: &str, blocks: &[Block]) -> String {
    let mut page = format!("# Evidence\n\n{}\n", code(title));
    for block in blocks {
        page.push('\n');
        page.push_str(&match block {
            Block::Heading(words) => format!("## {words}\n"),
            Block::Say(words) => format!("{words}\n"),
            Block::Facts(facts) => {
                facts.iter().map(|(name, value)| format!("- {name}: {}\n", code(value))).collect()
            }
            Block::Table { head, rows } => rows.iter().map(|row| entry(head, row)).collect(),
            Block::Text(words) => fenced("", words),
            Block::Diff(patch) => fenced("diff", patch),
        });
    }
    page
}

fn entry(head: &[&str], row: &[String]) -> String {
    let cells = head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
    let cells: Vec<String> = cells.map(|(name, cell)| format!("{name}: {}", code(cell))).collect();
    format!("- {}\n", cells.join("; "))
}

/// A text within a line.
fn code(words: &str) -> String {
    let words = escape::line(words);
    if words.trim().is_empty() {
        return "(nothing)".to_owned();
    }
    let fence = "`".repeat(longest_run(&words) + 1);
    // One blank on both sides is taken off again, and keeps backticks of the text apart from ours.
    format!("{fence} {words} {fence}")
}

/// Lines of their own.
fn fenced(language: &str, words: &str) -> String {
    let words = escape::lines(words);
    let fence = "`".repeat((longest_run(&words) + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", words.trim_end_matches('\n'))
}

fn longest_run(words: &str) -> usize {
    words.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, hostile};
    use super::*;

    /// What is left without code, which is what a reader of Markdown gives a meaning to.
    fn outside_code(page: &str) -> String {
        let mut left = String::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let fence: String = line.chars().take_while(|c| *c == '`').collect();
            if fence.len() >= 3 && !line[fence.len()..].contains('`') {
                lines.by_ref().take_while(|line| *line != fence).for_each(drop);
                continue;
            }
            left.push_str(&without_spans(line));
            left.push('\n');
        }
        left
    }

    fn without_spans(line: &str) -> String {
        let mut left = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            left.push_str(&rest[..at]);
            let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let inside = &rest[at + run..];
            let mut from = 0;
            rest = loop {
                let start = from + inside[from..].find('`').expect("a span ends on its line");
                let length = inside[start..].len() - inside[start..].trim_start_matches('`').len();
                from = start + length;
                if length == run {
                    break &inside[from..];
                }
            };
        }
        left + rest
    }

    #[test]
    fn whatever_strangers_write_stays_code() {
        let page = write(HOSTILE, &hostile());
        assert_eq!(
            outside_code(&page),
            "# Evidence\n\n\n\n## Ours\n\nA sentence.\n\n- name: \n- empty: (nothing)\n- tick: \n\n- one: ; two: \n\n\n"
        );
        assert!(page.contains(&escape::line(HOSTILE)) && page.contains(&escape::lines(HOSTILE)));
        assert!(!page.contains(['\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\r']), "{page}");
    }
}
