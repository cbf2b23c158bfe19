//! Imports that a change adds: against the declared layers, and closing a cycle.
//!
//! Only imports that the change adds can do either, so only those are followed.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::contract::Finding;
use groundcrew_repair::locate::module_of;
use groundcrew_repair::syntax::Source;
use groundcrew_workbench::git::RepoPath;

use crate::agents::architect::{Sides, finding};
use crate::config::DesignConfig;
use crate::site::read_text;

/// Files that a search for one cycle reads at most.
const MOST_FILES: usize = 2_000;

/// What the imports of a change break.
#[derive(Debug, Default)]
pub(super) struct Broken {
    pub(super) layers: Vec<String>,
    pub(super) cycles: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at the imports that a change adds.
pub(super) fn review(sides: &Sides<'_>, design: &DesignConfig) -> Broken {
    let by_module: BTreeMap<String, &str> =
        sides.files.iter().map(|file| (module_of(file, &sides.files).name, file.as_str())).collect();
    let mut broken = Broken::default();
    for (file, before, after) in &sides.changed {
        let module = module_of(file, &sides.files).name;
        let before = imported(before, &module, is_package(file));
        for target in imported(after, &module, is_package(file)).difference(&before) {
            if let Some(message) = breaks_layers(&module, target, &design.layers) {
                broken.findings.push(finding("layers", "error", file, 0, message.clone()));
                broken.layers.push(message);
            }
            if let Some(cycle) = cycle(sides, &module, target, &by_module) {
                let message = format!("closes the import cycle {cycle}");
                broken.findings.push(finding("cycle", "error", file, 0, message));
                broken.cycles.push(cycle);
            }
        }
    }
    broken
}

/// The way back from a newly imported module to the one that imports it.
fn cycle(sides: &Sides<'_>, from: &str, to: &str, by_module: &BTreeMap<String, &str>) -> Option<String> {
    let mut came_from: BTreeMap<String, String> = BTreeMap::new();
    let mut waiting = vec![to.to_owned()];
    let mut seen = BTreeSet::from([to.to_owned()]);
    while let Some(module) = waiting.pop() {
        if module == from {
            return Some(path_back(&came_from, from, to));
        }
        let Some(file) = by_module.get(&module) else { continue };
        if seen.len() > MOST_FILES {
            return None;
        }
        let path = RepoPath::parse(file).ok()?;
        let text = read_text(sides.repository, sides.head, &path).ok().flatten().unwrap_or_default();
        for next in imported(&text, &module, is_package(file)) {
            if seen.insert(next.clone()) {
                came_from.insert(next.clone(), module.clone());
                waiting.push(next);
            }
        }
    }
    None
}

fn path_back(came_from: &BTreeMap<String, String>, from: &str, to: &str) -> String {
    let mut way = vec![from.to_owned()];
    let mut at = from;
    while at != to {
        let Some(before) = came_from.get(at) else { break };
        way.push(before.clone());
        at = before;
    }
    way.push(from.to_owned());
    way.reverse();
    way.join(" → ")
}

fn is_package(file: &str) -> bool {
    file.ends_with("__init__.py")
}

/// Modules that a file imports, relative imports resolved; `from a import b` names both `a` and `a.b`.
fn imported(text: &str, module: &str, package: bool) -> BTreeSet<String> {
    let Some(source) = Source::parse(text) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for node in source.walk(source.root()) {
        match node.kind() {
            "import_statement" => {
                found.extend(names_of(&source, node).into_iter().filter(|name| name != module));
            }
            "import_from_statement" => {
                let Some(base) = node.child_by_field_name("module_name") else { continue };
                let Some(base_name) = absolute(source.of(base), module, package) else { continue };
                for name in names_of(&source, node) {
                    found.insert(join(&base_name, &name));
                }
                found.insert(base_name);
            }
            _ => {}
        }
    }
    found.remove(module);
    found
}

fn names_of(source: &Source, node: tree_sitter::Node<'_>) -> Vec<String> {
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor)
        .map(|child| child.child_by_field_name("name").unwrap_or(child))
        .map(|child| source.of(child).to_owned())
        .collect()
}

/// The module that a possibly relative name means in a module.
fn absolute(name: &str, module: &str, package: bool) -> Option<String> {
    let rest = name.trim_start_matches('.');
    let dots = name.len() - rest.len();
    if dots == 0 {
        return Some(name.to_owned());
    }
    let parts: Vec<&str> = module.split('.').collect();
    let up = if package { dots - 1 } else { dots };
    let kept = parts.len().checked_sub(up)?;
    Some(join(&parts[..kept].join("."), rest))
}

fn join(base: &str, name: &str) -> String {
    match (base.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => base.to_owned(),
        (false, false) => format!("{base}.{name}"),
    }
}

/// Why an import goes against the layers, if it does: a layer may import itself and those below it.
fn breaks_layers(module: &str, target: &str, layers: &[Vec<String>]) -> Option<String> {
    let layer_of = |name: &str| {
        layers.iter().position(|prefixes| {
            prefixes.iter().any(|prefix| {
                name == prefix || name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
        })
    };
    let (from, to) = (layer_of(module)?, layer_of(target)?);
    (to < from).then(|| format!("{module} imports {target}, which lies in a layer above it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_absolute_and_relative() {
        let text = "import os.path as p, json\nfrom . import stock\nfrom ..core.money import Price as P\nfrom shop import *\n";
        let found = imported(text, "shop.web.routes", false);
        let expected = [
            "json",
            "os.path",
            "shop",
            "shop.core.money",
            "shop.core.money.Price",
            "shop.web",
            "shop.web.stock",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_layer_may_import_only_downwards() {
        let layers = [vec!["shop.web".to_owned()], vec!["shop.core".to_owned(), "shop.data".to_owned()]];
        assert_eq!(breaks_layers("shop.web.routes", "shop.core.money", &layers), None);
        assert_eq!(breaks_layers("shop.core.money", "shop.data", &layers), None);
        assert_eq!(breaks_layers("shop.core.money", "json", &layers), None);
        assert!(breaks_layers("shop.core.money", "shop.web.routes", &layers).is_some());
        assert_eq!(breaks_layers("shop.core", "shop.website", &layers), None, "a prefix ends at a dot");
    }
}
