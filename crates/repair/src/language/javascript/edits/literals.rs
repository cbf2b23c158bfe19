//! Numbers, texts and patterns.

use tree_sitter::Node;

use super::{Kind, Place, likeness};

/// Other texts that are tried for one.
const TEXTS: usize = 6;

/// Other numbers.
pub(super) fn number(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    if let Ok(value) = text.replace('_', "").parse::<i64>() {
        let tries = [
            (value.wrapping_add(1), 0.45),
            (value.wrapping_sub(1), 0.45),
            (0, 0.2),
            (1, 0.2),
            (-1, 0.12),
            (2, 0.08),
            (value.wrapping_neg(), 0.12),
            (value.wrapping_mul(10), 0.08),
            (value / 10, 0.06),
            (value.wrapping_mul(2), 0.05),
        ];
        let mut seen = vec![value];
        for (other, prior) in tries {
            if !seen.contains(&other) {
                seen.push(other);
                place.put(node, other.to_string(), "number", prior);
            }
        }
        if value == 0 {
            for other in ["-Infinity", "Infinity"] {
                place.put(node, other, "initialiser", 0.15);
            }
        }
    } else if let Ok(value) = text.parse::<f64>() {
        for (other, prior) in [
            (1.0 - value, 0.15),
            (value * 10.0, 0.15),
            (value / 10.0, 0.15),
            (-value, 0.1),
            (1.0 + value, 0.12),
        ] {
            place.put(node, format!("{}", (other * 1e9).round() / 1e9), "number", prior);
        }
    }
    let all: Vec<String> =
        place.file.numbers.iter().filter(|other| *other != text).take(TEXTS).cloned().collect();
    for other in all {
        place.put(node, other, "number", 0.12);
    }
    for other in place.names_of(Kind::Number).into_iter().take(4) {
        place.put(node, other, "name", 0.12);
    }
}

/// Other texts.
pub(super) fn string(place: &mut Place<'_>, node: Node<'_>) {
    if node.parent().is_some_and(|parent| matches!(parent.kind(), "import_statement" | "export_statement")) {
        return;
    }
    let text = place.text(node);
    let quote = text.chars().next().unwrap_or('\'');
    let inner = text.trim_matches(quote);
    let quoted = |inner: &str| format!("{quote}{inner}{quote}");
    let mut tries: Vec<(String, f64)> = Vec::new();
    for other in ["", " ", ", ", ",", "\\n", "-", "0"] {
        if inner.chars().count() <= 2 && other != inner {
            tries.push((quoted(other), 0.12));
        }
    }
    if !inner.is_empty() {
        tries.extend([
            (quoted(&inner.to_lowercase()), 0.2),
            (quoted(&inner.to_uppercase()), 0.15),
            (quoted(inner.trim()), 0.2),
            (quoted(&format!("{inner} ")), 0.12),
            (quoted(&format!(" {inner}")), 0.08),
        ]);
    }
    let mut near: Vec<(f64, String)> = place
        .file
        .texts
        .iter()
        .filter(|other| *other != text)
        .map(|other| (likeness(other.trim_matches(['\'', '"']), inner), other.clone()))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    tries.extend(near.into_iter().take(TEXTS).map(|(alike, other)| (other, 0.12 + 0.15 * alike)));
    for property in place.file.properties.clone() {
        let alike = likeness(&property, inner);
        if alike >= 0.7 && property != inner {
            tries.push((quoted(&property), 0.35 * alike));
        }
    }
    for (other, prior) in tries {
        place.put(node, other, "constant", prior);
    }
}

/// Patterns that find a little more or less.
pub(super) fn regex(place: &mut Place<'_>, node: Node<'_>) {
    let text = place.text(node);
    let Some(end) = text.rfind('/').filter(|at| *at > 0) else { return };
    let (pattern, flags) = (&text[1..end], &text[end + 1..]);
    for (flag, prior) in [('g', 0.4), ('i', 0.25), ('m', 0.1), ('u', 0.03)] {
        let other = if flags.contains(flag) { flags.replace(flag, "") } else { format!("{flags}{flag}") };
        place.put(node, format!("/{pattern}/{other}"), "pattern", prior);
    }
    let mut tries: Vec<(String, f64)> = Vec::new();
    if !pattern.starts_with('^') {
        tries.push((format!("^{pattern}"), 0.2));
    } else {
        tries.push((pattern[1..].to_owned(), 0.2));
    }
    if !pattern.ends_with('$') {
        tries.push((format!("{pattern}$"), 0.2));
        tries.push((format!("^{}$", pattern.trim_start_matches('^')), 0.25));
    } else {
        tries.push((pattern[..pattern.len() - 1].to_owned(), 0.15));
    }
    for (at, c) in pattern.char_indices() {
        let (head, tail) = (&pattern[..at], &pattern[at + c.len_utf8()..]);
        match c {
            '*' => tries.push((format!("{head}+{tail}"), 0.3)),
            '+' => {
                tries.push((format!("{head}*{tail}"), 0.3));
                if !tail.starts_with('?') {
                    tries.push((format!("{head}+?{tail}"), 0.2));
                }
            }
            '.' if !head.ends_with('\\') => tries.push((format!("{head}\\.{tail}"), 0.3)),
            'd' if head.ends_with('\\') && !tail.starts_with(['+', '*', '{']) => {
                tries.push((format!("{head}d+{tail}"), 0.3));
            }
            'w' if head.ends_with('\\') && !tail.starts_with(['+', '*', '{']) => {
                tries.push((format!("{head}w+{tail}"), 0.25));
            }
            's' if head.ends_with('\\') && !tail.starts_with(['+', '*', '{']) => {
                tries.push((format!("{head}s+{tail}"), 0.3));
            }
            _ => {}
        }
    }
    for (other, prior) in tries.into_iter().filter(|(other, _)| !other.is_empty()).take(24) {
        place.put(node, format!("/{other}/{flags}"), "pattern", prior);
    }
}
