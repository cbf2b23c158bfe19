//! The page as HTML: one file, no script, nothing loaded, every text of strangers as text.

use super::Block;
use crate::escape;

/// How it looks; the browser is told to load and run nothing.
const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
h1, td { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8884; }
th { font-weight: 600; white-space: nowrap; }
td { white-space: pre-wrap; }
pre { overflow-x: auto; padding: .6rem; background: #8881; font: .85rem/1.4 ui-monospace, monospace; }
.add { color: #1a7f37; } .del { color: #cf222e; } .dim { opacity: .6; }
</style>
"#;

/// The page.
pub(super) fn write(title: &str, blocks: &[Block]) -> String {
    let title = text(&escape::line(title));
    let mut page = format!("{HEAD}<title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n");
    for block in blocks {
        page.push_str(&match block {
            Block::Heading(words) => format!("<h2>{}</h2>\n", text(words)),
            Block::Say(words) => format!("<p>{}</p>\n", text(words)),
            Block::Facts(facts) => {
                let row = |(name, value): &(&str, String)| {
                    format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", text(name), lines(value))
                };
                format!("<table>\n{}</table>\n", facts.iter().map(row).collect::<String>())
            }
            Block::Table { head, rows } => table(head, rows),
            Block::Text(words) => format!("<pre>{}</pre>\n", lines(words)),
            Block::Diff(patch) => {
                format!("<pre>{}</pre>\n", patch.lines().map(patch_line).collect::<String>())
            }
        });
    }
    page + "</main>\n</body>\n</html>\n"
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let row = |row: &Vec<String>| {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", lines(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn patch_line(line: &str) -> String {
    let class = if ["+++", "---", "diff ", "index "].iter().any(|start| line.starts_with(start)) {
        "dim"
    } else if line.starts_with('+') {
        "add"
    } else if line.starts_with('-') {
        "del"
    } else {
        return lines(line) + "\n";
    };
    format!("<span class=\"{class}\">{}</span>\n", lines(line))
}

fn lines(words: &str) -> String {
    text(&escape::lines(words))
}

/// What stands for itself in HTML, in text and in attributes.
fn text(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::tests::{HOSTILE, hostile};
    use super::*;

    const TAGS: [&str; 19] = [
        "html", "head", "meta", "style", "title", "body", "main", "h1", "h2", "p", "table", "thead", "tbody",
        "tr", "th", "td", "pre", "span", "!doctype",
    ];

    /// The texts between the tags, with what stands for characters read back; every tag is one of ours.
    fn read(page: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            texts.push(read_back(&rest[..at]));
            let end = rest[at..].find('>').expect("every tag ends") + at;
            let tag = &rest[at + 1..end];
            let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
            assert!(TAGS.contains(&name), "a tag that is not ours: <{tag}>");
            let attributes = tag.split_once(' ').map_or("", |(_, attributes)| attributes);
            assert!(
                [
                    "",
                    "html",
                    "lang=\"en\"",
                    "scope=\"row\"",
                    "scope=\"col\"",
                    "class=\"add\"",
                    "class=\"del\"",
                    "class=\"dim\""
                ]
                .contains(&attributes)
                    || (name == "meta" && HEAD.contains(tag)),
                "attributes that are not ours: <{tag}>"
            );
            rest = &rest[end + 1..];
        }
        assert_eq!(rest.trim(), "");
        texts
    }

    fn read_back(text: &str) -> String {
        for (at, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            assert!(known.iter().any(|known| text[at..].starts_with(known)), "{}", &text[at..]);
        }
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        text.replace("&amp;", "&")
    }

    #[test]
    fn whatever_strangers_write_stays_text() {
        let page = write(HOSTILE, &hostile());
        let texts = read(&page);
        let shown = escape::lines(HOSTILE);
        assert_eq!(
            texts.iter().filter(|text| **text == shown).count(),
            4,
            "facts, two cells and lines: {page}"
        );
        assert_eq!(
            texts.iter().filter(|text| **text == escape::line(HOSTILE)).count(),
            2,
            "title and heading"
        );
        assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "no terminal is driven by it");
        assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200b}']), "nothing is turned round or hidden");
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        let page = write("t", &hostile());
        for word in ["<script", "<img", "<link", "<iframe", "<a ", "url(", "@import", "<form", "<object"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
