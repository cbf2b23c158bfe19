//! Calls whose arguments do not fit the function.

use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments, quoted, similar};
use crate::edit::{Edit, Proposal};
use crate::syntax::{Function, Source};

/// Repairs of a `TypeError` about the arguments of a call.
#[derive(Debug)]
pub(super) struct Arity;

const NAME: &str = "call_arguments";

impl Strategy for Arity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let message = &situation.message;
        let (Some(site), Some(called)) = (situation.sites.first(), called(message)) else {
            return Vec::new();
        };
        if situation.exception != "TypeError" {
            return Vec::new();
        }
        let definitions = definitions(situation, &called);
        let calls: Vec<Node<'_>> = site
            .crashing_of(&["call"])
            .into_iter()
            .filter(|call| {
                let function = call.child_by_field_name("function").map(|function| site.text(function));
                let last = function.and_then(|name| name.rsplit('.').next());
                last == Some(called.as_str()) || called == "__init__"
            })
            .collect();
        if message.contains("unexpected keyword argument") {
            return keyword(site, &calls, &definitions, message);
        }
        if message.contains("missing") && message.contains("required") {
            return missing(site, &calls, &definitions, message);
        }
        if message.contains("positional argument") && message.contains("given") {
            return surplus(site, &calls, &definitions);
        }
        Vec::new()
    }
}

/// The function a message such as `Shop.take() missing 1 required …` is about.
fn called(message: &str) -> Option<String> {
    let name = message.split("()").next().filter(|name| name.len() < message.len())?;
    let last = name.rsplit(['.', ' ']).next()?;
    (!last.is_empty()).then(|| last.to_owned())
}

/// Functions of that name, with their files, those of the crashing file first.
fn definitions(situation: &Situation<'_>, name: &str) -> Vec<(String, Source, Function)> {
    let mut found = Vec::new();
    let own = situation.sites.first().map(|site| site.frame.file.clone());
    let others = situation.files.iter().filter(|file| Some(*file) != own.as_ref()).take(200).cloned();
    for file in own.clone().into_iter().chain(others) {
        let text = (situation.read)(&file).filter(|text| text.contains(&format!("def {name}")));
        let Some(source) = text.as_deref().and_then(Source::parse) else { continue };
        for function in source.functions().into_iter().filter(|function| function.name == name) {
            found.push((file.clone(), source.clone(), function));
        }
        if found.len() >= 4 {
            break;
        }
    }
    found
}

fn keyword(
    site: &Site,
    calls: &[Node<'_>],
    definitions: &[(String, Source, Function)],
    message: &str,
) -> Vec<Proposal> {
    let mut found = Vec::new();
    let Some(wrong) = quoted(message).into_iter().next() else { return found };
    for call in calls {
        for argument in arguments(*call).into_iter().filter(|argument| argument.kind() == "keyword_argument")
        {
            let Some(name) = argument.child_by_field_name("name").filter(|name| site.text(*name) == wrong)
            else {
                continue;
            };
            for (_, _, function) in definitions {
                for other in similar(&wrong, &function.parameters) {
                    let why = format!("the parameter is called {other}, not {wrong}");
                    found.push(site.typo(NAME, why, site.replace(name, other)));
                }
            }
            let given: Vec<&str> = arguments(*call)
                .into_iter()
                .filter_map(|other| other.child_by_field_name("name").map(|name| site.text(name)))
                .collect();
            let placed = arguments(*call).iter().filter(|other| other.kind() != "keyword_argument").count();
            for (_, _, function) in definitions {
                let own = function.parameters.iter().filter(|name| !matches!(name.as_str(), "self" | "cls"));
                let open: Vec<&String> =
                    own.skip(placed).filter(|name| !given.contains(&name.as_str())).collect();
                if let [only] = open.as_slice() {
                    let why = format!("{only} is the one parameter that is not given");
                    found.push(site.cause(NAME, why, vec![site.replace(name, only.as_str())]));
                }
            }
            if let Some(edit) = without(site, *call, argument) {
                found.push(site.guard(NAME, format!("the function takes no {wrong}"), vec![edit]));
            }
        }
    }
    found
}

/// The edit that drops one argument with its comma.
fn without(site: &Site, call: Node<'_>, argument: Node<'_>) -> Option<Edit> {
    let given = arguments(call);
    let at = given.iter().position(|other| *other == argument)?;
    let (start, end) = match (at.checked_sub(1).and_then(|before| given.get(before)), given.get(at + 1)) {
        (Some(before), _) => (before.end_byte(), argument.end_byte()),
        (None, Some(after)) => (argument.start_byte(), after.start_byte()),
        (None, None) => (argument.start_byte(), argument.end_byte()),
    };
    Some(Edit { file: site.frame.file.clone(), start, end, text: String::new() })
}

fn missing(
    site: &Site,
    calls: &[Node<'_>],
    definitions: &[(String, Source, Function)],
    message: &str,
) -> Vec<Proposal> {
    let mut found = Vec::new();
    let names = site.names_in_reach();
    for name in quoted(message) {
        for call in calls.iter().filter(|_| names.contains(&name)) {
            let Some(list) = call.child_by_field_name("arguments") else { continue };
            let comma = if arguments(*call).is_empty() { "" } else { ", " };
            let at = arguments(*call).last().map_or(list.start_byte() + 1, |last| last.end_byte());
            let edit = site.insert(at, format!("{comma}{name}={name}"));
            found.push(site.cause(NAME, format!("{name} was not passed on"), vec![edit]));
        }
        for (file, source, function) in definitions {
            found.extend(unused_parameter(site, file, source, function, &name));
        }
    }
    found
}

/// A default for a parameter the caller does not know.
fn unused_parameter(
    site: &Site,
    file: &str,
    source: &Source,
    function: &Function,
    name: &str,
) -> Option<Proposal> {
    let node = source.function_node(&function.path)?;
    let list = node.child_by_field_name("parameters")?;
    let mut cursor = list.walk();
    let parameter = list.named_children(&mut cursor).find(|parameter| {
        matches!(parameter.kind(), "identifier" | "typed_parameter")
            && source.of(*parameter).split(':').next().is_some_and(|own| own.trim() == name)
    })?;
    let spaced = if parameter.kind() == "identifier" { "=None" } else { " = None" };
    let at = parameter.end_byte();
    let edit = Edit { file: file.to_owned(), start: at, end: at, text: spaced.to_owned() };
    Some(site.guard(NAME, format!("{name} may be left out"), vec![edit]))
}

/// A method without `self`, or one argument too many.
fn surplus(site: &Site, calls: &[Node<'_>], definitions: &[(String, Source, Function)]) -> Vec<Proposal> {
    let mut found = Vec::new();
    for (file, source, function) in definitions {
        let is_method = function.class.is_some();
        let holder = function.parameters.first().map(String::as_str);
        if !is_method || matches!(holder, Some("self" | "cls")) {
            continue;
        }
        let list =
            source.function_node(&function.path).and_then(|node| node.child_by_field_name("parameters"));
        if let Some(list) = list {
            let text = if function.parameters.is_empty() { "self" } else { "self, " };
            let at = list.start_byte() + 1;
            let edit = Edit { file: file.clone(), start: at, end: at, text: text.to_owned() };
            found.push(site.cause(NAME, format!("the method {} lacks self", function.name), vec![edit]));
        }
    }
    for call in calls {
        if let Some(edit) = arguments(*call).last().and_then(|last| without(site, *call, *last)) {
            found.push(site.cause(NAME, "the function takes one argument less", vec![edit]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{first_line_changed, lines_changed};

    #[test]
    fn a_misspelt_keyword_is_replaced() {
        let code =
            "def take(quantity):\n    return quantity\ndef f():\n    return take(quantitty=1)  # crash\n";
        let message = "take() got an unexpected keyword argument 'quantitty'";
        assert_eq!(first_line_changed(&Arity, "TypeError", message, code), "return take(quantity=1)");
    }

    #[test]
    fn a_name_in_reach_is_passed_on() {
        let code =
            "def take(shop, sku):\n    return shop[sku]\ndef f(shop, sku):\n    return take(shop)  # crash\n";
        let message = "take() missing 1 required positional argument: 'sku'";
        assert_eq!(
            lines_changed(&Arity, "TypeError", message, code),
            ["return take(shop, sku=sku)", "def take(shop, sku=None):"]
        );
    }

    #[test]
    fn a_method_without_self_gets_one() {
        let code =
            "class A:\n    def take(sku):\n        return sku\ndef f(a):\n    return a.take(1)  # crash\n";
        let message = "A.take() takes 1 positional argument but 2 were given";
        assert_eq!(first_line_changed(&Arity, "TypeError", message, code), "def take(self, sku):");
    }
}
