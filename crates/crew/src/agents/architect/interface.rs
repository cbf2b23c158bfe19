//! What a change does to public functions, and whether callers that were right break.
//!
//! A parameter that is added with a default value, or taken by stars, breaks nobody; one that is gone, renamed, moved or
//! now has to be given does.

use std::collections::BTreeMap;

use groundcrew_core::contract::ApiChange;
use groundcrew_repair::syntax::Source;
use tree_sitter::Node;

use crate::agents::architect::Sides;

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    /// Whether a call may leave it out.
    optional: bool,
}

/// The public functions that a change adds, removes or gives other parameters.
pub(super) fn changes(sides: &Sides<'_>) -> Vec<ApiChange> {
    let mut found = Vec::new();
    for (file, before, after) in &sides.changed {
        let (before, after) = (public_functions(before), public_functions(after));
        for (name, was) in &before {
            let symbol = format!("{file}:{name}");
            match after.get(name) {
                None => found.push(ApiChange {
                    symbol,
                    kind: "removed".into(),
                    breaking: true,
                    detail: format!("removes the public function {name}"),
                }),
                Some(now) if now != was => found.push(ApiChange {
                    symbol,
                    kind: "parameters".into(),
                    breaking: breaks(was, now),
                    detail: format!(
                        "changes the parameters of {name} from ({}) to ({})",
                        told(was),
                        told(now)
                    ),
                }),
                Some(_) => {}
            }
        }
        let new = after.keys().filter(|name| !before.contains_key(*name));
        found.extend(new.map(|name| ApiChange {
            symbol: format!("{file}:{name}"),
            kind: "added".into(),
            breaking: false,
            detail: format!("adds the public function {name}"),
        }));
    }
    found
}

/// Whether a call that was right may be wrong now.
fn breaks(was: &[Parameter], now: &[Parameter]) -> bool {
    let kept = was.iter().zip(now).all(|(was, now)| was.name == now.name && (now.optional || !was.optional));
    !kept || now.len() < was.len() || now.iter().skip(was.len()).any(|added| !added.optional)
}

fn told(parameters: &[Parameter]) -> String {
    let words = parameters.iter().map(|parameter| match parameter.optional {
        true => format!("{}=…", parameter.name),
        false => parameter.name.clone(),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Public functions and methods with their parameters.
fn public_functions(text: &str) -> BTreeMap<String, Vec<Parameter>> {
    let Some(source) = Source::parse(text) else { return BTreeMap::new() };
    let public = |path: &str| !path.split('.').any(|part| part.starts_with('_') && !part.starts_with("__"));
    let mut found = BTreeMap::new();
    for node in source.walk(source.root()) {
        if node.kind() != "function_definition" {
            continue;
        }
        let Some(function) = source.function(node) else { continue };
        if !function.nested && public(&function.path) {
            found.insert(function.path, parameters(&source, node));
        }
    }
    found
}

fn parameters(source: &Source, function: Node<'_>) -> Vec<Parameter> {
    let Some(list) = function.child_by_field_name("parameters") else { return Vec::new() };
    let mut cursor = list.walk();
    let mut found = Vec::new();
    for node in list.named_children(&mut cursor) {
        let (name, optional) = match node.kind() {
            "identifier" => (Some(node), false),
            "default_parameter" | "typed_default_parameter" => (node.child_by_field_name("name"), true),
            "list_splat_pattern" | "dictionary_splat_pattern" => (Some(node), true),
            "typed_parameter" => {
                (node.named_child(0), node.named_child(0).is_some_and(|child| child.kind() != "identifier"))
            }
            _ => continue,
        };
        if let Some(name) = name {
            found.push(Parameter { name: source.of(name).to_owned(), optional });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters_of(list: &str) -> Vec<Parameter> {
        public_functions(&format!("def f({list}):\n    pass\n")).remove("f").unwrap()
    }

    #[test]
    fn only_what_makes_a_right_call_wrong_breaks() {
        for (was, now, broken) in [
            ("a, b", "a, b, c=None", false),
            ("a, b", "a, b, *more", false),
            ("a, b: int", "a, b: float", false),
            ("a, b", "a, b=0", false),
            ("a, b", "a", true),
            ("a, b", "b, a", true),
            ("a, b", "a, c", true),
            ("a, b=1", "a, b", true),
            ("a", "a, b", true),
            ("a, b", "a, c=1, b=2", true),
        ] {
            assert_eq!(breaks(&parameters_of(was), &parameters_of(now)), broken, "({was}) to ({now})");
        }
    }

    #[test]
    fn a_private_function_is_nobodys_business() {
        let found = public_functions(
            "def pay(a, b):\n    pass\ndef _help(x):\n    pass\nclass C:\n    def m(self): pass\n    def __init__(self): pass\nclass _D:\n    def m(self): pass\n",
        );
        assert_eq!(found.keys().collect::<Vec<_>>(), ["C.__init__", "C.m", "pay"]);
    }
}
