//! A name that is not there, or that is something else than what is meant: another one, or an import.

use tree_sitter::Node;

use super::crash::{Export, NAMES};
use super::{Place, calls, likeness, short};

/// Modules of Node itself, by the name that is commonly given to them.
const CORE: &[&str] = &[
    "fs",
    "path",
    "os",
    "util",
    "crypto",
    "url",
    "assert",
    "events",
    "http",
    "https",
    "net",
    "stream",
    "zlib",
    "readline",
    "querystring",
    "child_process",
];
/// Functions of Node's modules that are commonly imported by themselves.
const CORE_FUNCTIONS: &[(&str, &str)] = &[
    ("readFileSync", "fs"),
    ("writeFileSync", "fs"),
    ("existsSync", "fs"),
    ("readFile", "fs/promises"),
    ("writeFile", "fs/promises"),
    ("join", "path"),
    ("basename", "path"),
    ("dirname", "path"),
    ("extname", "path"),
    ("resolve", "path"),
    ("promisify", "util"),
    ("inspect", "util"),
    ("format", "util"),
    ("EventEmitter", "events"),
    ("randomUUID", "crypto"),
    ("createHash", "crypto"),
    ("performance", "perf_hooks"),
    ("fileURLToPath", "url"),
    ("setTimeout", "timers/promises"),
];

/// A module that is taken whole where one part of it is meant, or the other way round.
pub(super) fn imported_otherwise(place: &mut Place<'_>, name: &str) {
    let source = &place.file.source;
    for node in source.walk(source.root()) {
        match node.kind() {
            "variable_declarator" => {
                let (Some(bound), Some(value)) =
                    (node.child_by_field_name("name"), node.child_by_field_name("value"))
                else {
                    continue;
                };
                if !source.of(value).starts_with("require(") {
                    continue;
                }
                let text = source.of(bound);
                if text == name {
                    let made = format!("{{ {name} }}");
                    place.edit(
                        vec![(bound.start_byte(), bound.end_byte(), made)],
                        "import",
                        0.8,
                        format!("takes {name} out of its module"),
                    );
                } else if text.trim_matches(['{', '}', ' ']) == name {
                    place.edit(
                        vec![(bound.start_byte(), bound.end_byte(), name.to_owned())],
                        "import",
                        0.6,
                        format!("{name} is its module"),
                    );
                }
            }
            "import_statement" => {
                let Some(clause) = node.named_child(0).filter(|clause| clause.kind() == "import_clause")
                else {
                    continue;
                };
                let text = source.of(clause);
                if text == name {
                    place.edit(
                        vec![(clause.start_byte(), clause.end_byte(), format!("{{ {name} }}"))],
                        "import",
                        0.8,
                        format!("takes {name} out of its module"),
                    );
                } else if text.trim_matches(['{', '}', ' ']) == name {
                    place.edit(
                        vec![(clause.start_byte(), clause.end_byte(), name.to_owned())],
                        "import",
                        0.6,
                        format!("{name} is what its module gives by default"),
                    );
                }
            }
            _ => {}
        }
    }
}

pub(super) fn not_defined(place: &mut Place<'_>, name: &str, exports: &[Export]) {
    let at: Vec<Node<'_>> = place
        .nodes
        .clone()
        .into_iter()
        .filter(|node| {
            matches!(node.kind(), "identifier" | "shorthand_property_identifier") && place.text(*node) == name
        })
        .collect();
    let member = place.file.properties.iter().any(|property| property == name);
    for node in at {
        let mut found: Vec<(f64, String)> = place
            .names
            .iter()
            .chain(
                [
                    "Math",
                    "Object",
                    "JSON",
                    "Number",
                    "String",
                    "Array",
                    "Date",
                    "Map",
                    "Set",
                    "Promise",
                    "console",
                    "undefined",
                ]
                .map(String::from)
                .iter(),
            )
            .map(|other| (likeness(name, other), other.clone()))
            .filter(|(alike, other)| *alike >= 0.45 && other != name)
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (alike, other) in found.into_iter().take(NAMES) {
            let made = if node.kind() == "identifier" { other } else { format!("{name}: {other}") };
            place.put(node, made, "name", 0.9 * alike);
        }
        for other in place.names.clone().into_iter().take(NAMES) {
            let made = if node.kind() == "identifier" { other } else { format!("{name}: {other}") };
            place.put(node, made, "name", 0.2);
        }
        let this = if member { 0.75 } else { 0.2 };
        if node.kind() == "identifier" {
            place.put_as(node, format!("this.{name}"), "name", this, format!("{name} of this object"));
            for property in calls::siblings(place, "this") {
                let alike = likeness(name, &property);
                if alike >= 0.6 && property != name {
                    place.put(node, format!("this.{property}"), "name", 0.6 * alike);
                }
            }
            for holder in place.names.clone().into_iter().take(NAMES) {
                if calls::siblings(place, &holder).iter().any(|property| property == name) {
                    place.put_as(
                        node,
                        format!("{holder}.{name}"),
                        "name",
                        0.6,
                        format!("{name} of {holder}"),
                    );
                }
            }
            place.put(node, format!("'{name}'"), "constant", 0.1);
        }
    }
    import(place, name, exports);
}

/// The import that is missing.
fn import(place: &mut Place<'_>, name: &str, exports: &[Export]) {
    let text = place.file.source.text();
    let is_module = text.lines().any(|line| line.starts_with("import ") || line.starts_with("export "));
    let at = after_header(text);
    let path = place.file.path.clone();
    let mut add = |what: String, from: &str, prior: f64| {
        let line = if is_module {
            format!("import {what} from '{from}';\n")
        } else {
            format!("const {what} = require('{from}');\n")
        };
        place.edit(vec![(at, at, line)], "import", prior, format!("imports {name} from {from}"));
    };
    for export in exports.iter().filter(|export| export.name == name) {
        add(format!("{{ {name} }}"), &between(&path, &export.file, is_module), 0.85);
    }
    if CORE.contains(&name) {
        add(name.to_owned(), &format!("node:{name}"), 0.85);
    }
    for (_, module) in CORE_FUNCTIONS.iter().filter(|(function, _)| *function == name) {
        add(format!("{{ {name} }}"), &format!("node:{module}"), 0.8);
    }
    // From a module that is imported already.
    let source = &place.file.source;
    let mut more: Vec<(usize, String)> = Vec::new();
    for node in source.walk(source.root()) {
        let taken = match node.kind() {
            "variable_declarator"
                if node
                    .child_by_field_name("value")
                    .is_some_and(|value| source.of(value).starts_with("require(")) =>
            {
                node.child_by_field_name("name").filter(|bound| bound.kind() == "object_pattern")
            }
            "named_imports" => Some(node),
            _ => None,
        };
        if let Some(last) =
            taken.and_then(|taken| taken.named_child(taken.named_child_count().saturating_sub(1) as u32))
        {
            more.push((last.end_byte(), source.of(node).to_owned()));
        }
    }
    for (end, what) in more {
        place.edit(
            vec![(end, end, format!(", {name}"))],
            "import",
            0.6,
            format!("also takes {name} of {}", short(&what)),
        );
    }
}

/// Where an import goes: behind the first lines that are comments, `'use strict'` or imports.
fn after_header(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let plain = line.trim();
        let header = plain.is_empty()
            || plain.starts_with("#!")
            || plain.starts_with("//")
            || plain.starts_with("/*")
            || plain.starts_with('*')
            || plain.contains("use strict")
            || plain.starts_with("import ")
            || plain.contains("require(");
        if !header {
            break;
        }
        at += line.len();
        if plain.is_empty() && at > line.len() {
            // Before the empty line that ends the imports.
            let rest = text[at..].trim_start();
            if !rest.starts_with("import ") && !rest.lines().next().unwrap_or("").contains("require(") {
                return at - line.len();
            }
        }
    }
    at
}

/// The path of one file as another one names it.
fn between(from: &str, to: &str, with_ending: bool) -> String {
    let folders: Vec<&str> = from.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let parts: Vec<&str> = to.split('/').collect();
    let common = folders.iter().zip(&parts).take_while(|(a, b)| a == b).count();
    let up = folders.len() - common;
    let mut path = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    path.push_str(&parts[common..].join("/"));
    if with_ending { path } else { path.strip_suffix(".js").unwrap_or(&path).to_owned() }
}
