//! Where messages begin on raw lines of real systems, against the labels of those lines; skipped where they are missing.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first thing that is not as it says, and says what it measured"
)]

use std::fs;
use std::path::{Path, PathBuf};

use groundcrew_logs::header::{Layout, Reader};

fn data() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/logs");
    if !found.is_dir() {
        eprintln!("skipped: no labelled logs in {}", found.display());
        return None;
    }
    Some(found)
}

/// The named column of a table with quoted fields.
fn column(table: &str, name: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let (mut row, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = table.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    let at = rows[0].iter().position(|title| title == name).unwrap();
    rows.into_iter().skip(1).filter_map(|mut row| (row.len() > at).then(|| row.swap_remove(at))).collect()
}

#[test]
fn messages_begin_where_the_labels_say() {
    let Some(data) = data() else { return };
    let only = std::env::var("SYSTEMS").ok();
    let reference = "2026-11-23T00:00:00Z".parse().unwrap();
    let mut systems: Vec<PathBuf> =
        fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    systems.sort();
    let mut worst: f64 = 100.0;
    for system in systems {
        let name = system.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !only.split(',').any(|one| one == name)) {
            continue;
        }
        let raw = fs::read(system.join(format!("{name}_2k.log"))).unwrap();
        let raw = String::from_utf8_lossy(&raw);
        let table = fs::read_to_string(system.join(format!("{name}_2k.labels.csv"))).unwrap();
        let contents = column(&table, "Content");
        let lines: Vec<&str> = raw.lines().collect();
        let layout = Layout::learn(lines.iter().copied(), reference);
        let mut reader = Reader::new(layout.clone(), reference);
        let (mut same, mut learned) = (0_u32, 0);
        let mut wrong = Vec::new();
        for (line, content) in lines.iter().zip(&contents) {
            let head = layout.read(line, reference);
            assert_eq!(reader.read(line), head, "{line}");
            let message = head.map_or(*line, |head| &line[head.message_at..]);
            learned += usize::from(head.is_some_and(|head| head.learned));
            if message.trim() == content.trim() {
                same += 1;
            } else if wrong.len() < 8 {
                wrong.push(format!("  {line}\n    found {message:.120}\n    label {content:.120}"));
            }
        }
        let share = 100.0 * f64::from(same) / lines.len() as f64;
        worst = worst.min(share);
        println!("{name:10} {share:6.2} % learned {learned}\n{}", wrong.join("\n"));
        if std::env::var("SHOW").is_ok() {
            println!("{layout:#?}");
        }
    }
    assert!(worst >= 97.0, "a system has only {worst} % of its messages right");
}
