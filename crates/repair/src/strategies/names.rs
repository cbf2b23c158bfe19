//! Names that do not exist: misspelt, not imported, or attributes of another spelling.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{Site, Situation, Strategy, quoted, similar};
use crate::edit::{Edit, Proposal};
use crate::locate::module_of;
use crate::syntax::Source;

/// Repairs of `NameError`, `AttributeError`, `ImportError` and `ModuleNotFoundError`.
#[derive(Debug)]
pub(super) struct Names;

const NAME: &str = "name";

const BUILTINS: &str = "abs all any ascii bin bool bytearray bytes callable chr classmethod complex delattr dict dir divmod \
    enumerate eval filter float format frozenset getattr globals hasattr hash hex id input int isinstance issubclass iter \
    len list locals map max min next object oct open ord pow print property range repr reversed round set setattr slice \
    sorted staticmethod str sum super tuple type vars zip True False None Exception ValueError TypeError KeyError IndexError \
    AttributeError RuntimeError StopIteration NotImplementedError OSError";

const MODULES: &str = "abc argparse array ast asyncio atexit base64 bisect calendar collections configparser contextlib copy csv \
    ctypes dataclasses datetime decimal difflib email enum errno fnmatch fractions functools gc getpass glob gzip hashlib \
    heapq hmac html http importlib inspect io ipaddress itertools json locale logging math mimetypes multiprocessing numbers \
    operator os pathlib pickle platform pprint queue random re secrets select shlex shutil signal smtplib socket sqlite3 ssl \
    stat statistics string struct subprocess sys tempfile textwrap threading time traceback types typing unicodedata urllib \
    uuid warnings weakref xml zipfile zlib";

const METHODS: &str = "append capitalize clear copy count decode discard encode endswith extend find format get index insert isalnum \
    isalpha isdigit islower isnumeric isspace isupper items join keys lower lstrip partition pop popitem remove replace \
    reverse rfind rpartition rsplit rstrip setdefault sort split splitlines startswith strip swapcase title translate union \
    update upper values zfill add difference intersection isdisjoint issubset read readline readlines write writelines close \
    flush seek tell";

impl Strategy for Names {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let words = quoted(&situation.message);
        match situation.exception.as_str() {
            "NameError" => {
                words.first().map(|name| undefined(situation, site, name, &words)).unwrap_or_default()
            }
            "AttributeError" => attribute(situation, site, &words),
            "ImportError" | "ModuleNotFoundError" => import(situation, site, &words),
            _ => Vec::new(),
        }
    }
}

fn undefined(situation: &Situation<'_>, site: &Site, name: &str, words: &[String]) -> Vec<Proposal> {
    let mut found = Vec::new();
    let uses: Vec<Node<'_>> =
        site.crashing_of(&["identifier"]).into_iter().filter(|node| site.text(*node) == name).collect();
    let mut known: BTreeSet<String> = site.names_in_reach();
    known.extend(BUILTINS.split_whitespace().map(str::to_owned));
    known.remove(name);
    // What Python itself suggests comes first.
    let suggested = words.get(1).filter(|word| known.contains(*word)).cloned();
    let mut better: Vec<String> = suggested.into_iter().collect();
    better.extend(similar(name, &known));
    better.dedup();
    for other in better {
        let edits: Vec<Edit> = uses.iter().map(|node| site.replace(*node, other.clone())).collect();
        if let [edit] = edits.as_slice() {
            found.push(site.typo(NAME, format!("{name} is misspelt; {other} is meant"), edit.clone()));
        } else if !edits.is_empty() {
            found.push(site.cause(NAME, format!("{name} is misspelt; {other} is meant"), edits));
        }
    }
    found.extend(own_member(site, name, &uses));
    found.extend(imports(situation, site, name));
    found
}

/// `self.name` where the name is a member of the class.
fn own_member(site: &Site, name: &str, uses: &[Node<'_>]) -> Option<Proposal> {
    let function = site.source.function_at(site.frame.line)?;
    let holder = function.class.as_ref().and(function.parameters.first())?;
    let members = members_of_file(&site.source);
    if !members.contains(name) || uses.is_empty() {
        return None;
    }
    let edits = uses.iter().map(|node| site.insert(node.start_byte(), format!("{holder}."))).collect();
    Some(site.cause(NAME, format!("{name} is a member of the object"), edits))
}

/// Imports that would define a name: of a module, as another file does it, or from the file that defines it.
fn imports(situation: &Situation<'_>, site: &Site, name: &str) -> Vec<Proposal> {
    let mut lines: Vec<String> = Vec::new();
    if MODULES.split_whitespace().any(|module| module == name) {
        lines.push(format!("import {name}"));
    }
    for file in situation.files.iter().filter(|file| **file != site.frame.file).take(300) {
        let Some(text) = (situation.read)(file).filter(|text| text.contains(name)) else { continue };
        let Some(source) = Source::parse(&text) else { continue };
        lines.extend(import_of(&source, name));
        let defines =
            source.root().named_children(&mut source.root().walk()).any(|node| defines(&source, node, name));
        if defines {
            lines.push(format!("from {} import {name}", module_of(file, &situation.files).name));
        }
        if lines.len() > 6 {
            break;
        }
    }
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    let at = import_place(&site.source);
    lines
        .into_iter()
        .map(|line| {
            let edit = site.insert(at, format!("{line}\n"));
            Proposal {
                one_line_typo: true,
                ..site.cause(NAME, format!("{name} was not imported"), vec![edit])
            }
        })
        .collect()
}

fn import_of(source: &Source, name: &str) -> Option<String> {
    source.root().named_children(&mut source.root().walk()).find_map(|node| {
        let imports = matches!(node.kind(), "import_statement" | "import_from_statement");
        let text = source.of(node);
        if !imports || text.contains('\n') || !super::bound_names(source, node).contains(&name.to_owned()) {
            return None;
        }
        let mut cursor = node.walk();
        let own = node
            .children_by_field_name("name", &mut cursor)
            .find(|part| source.of(*part).split(" as ").last().is_some_and(|last| last.trim() == name))
            .map(|part| source.of(part))?;
        match node.child_by_field_name("module_name") {
            // A relative import means something else in another folder.
            Some(module) if source.of(module).starts_with('.') => None,
            Some(module) => Some(format!("from {} import {own}", source.of(module))),
            None => Some(format!("import {own}")),
        }
    })
}

fn defines(source: &Source, node: Node<'_>, name: &str) -> bool {
    let node = match node.kind() {
        "decorated_definition" => node.child_by_field_name("definition").unwrap_or(node),
        "expression_statement" => node.named_child(0).unwrap_or(node),
        _ => node,
    };
    let named = match node.kind() {
        "function_definition" | "class_definition" => node.child_by_field_name("name"),
        "assignment" => node.child_by_field_name("left"),
        _ => None,
    };
    named.is_some_and(|named| source.of(named) == name)
}

/// Where a new import goes: after the last plain import at the top, else before the first statement.
fn import_place(source: &Source) -> usize {
    let mut at = 0;
    let mut cursor = source.root().walk();
    for node in source.root().named_children(&mut cursor) {
        match node.kind() {
            "comment" | "import_statement" | "import_from_statement" | "future_import_statement" => {
                at = line_end(source, node);
            }
            "expression_statement" if node.named_child(0).is_some_and(|node| node.kind() == "string") => {
                at = line_end(source, node);
            }
            _ => break,
        }
    }
    at
}

fn line_end(source: &Source, node: Node<'_>) -> usize {
    let end = node.end_byte();
    source.text()[end..].find('\n').map_or(source.text().len(), |at| end + at + 1)
}

fn members_of_file(source: &Source) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for node in source.walk(source.root()) {
        match node.kind() {
            "attribute" => {
                members.extend(node.child_by_field_name("attribute").map(|name| source.of(name).to_owned()));
            }
            "function_definition" => {
                members.extend(node.child_by_field_name("name").map(|name| source.of(name).to_owned()));
            }
            "class_definition" => {
                let body = node.child_by_field_name("body");
                let Some(body) = body else { continue };
                let mut cursor = body.walk();
                for statement in
                    body.named_children(&mut cursor).filter(|node| node.kind() == "expression_statement")
                {
                    let assigned = statement.named_child(0).filter(|node| node.kind() == "assignment");
                    let left = assigned.and_then(|node| node.child_by_field_name("left"));
                    members.extend(left.map(|left| source.of(left).to_owned()));
                }
            }
            _ => {}
        }
    }
    members
}

fn attribute(situation: &Situation<'_>, site: &Site, words: &[String]) -> Vec<Proposal> {
    // "'T' object has no attribute 'x'", "module 'm' has no attribute 'x'", perhaps ". Did you mean: 'y'?"
    let (Some(holder), Some(name)) = (words.first(), words.get(1)) else { return Vec::new() };
    // A name that exists elsewhere is not misspelt: it is asked of the wrong value, or at the wrong time.
    let assigned = format!("self.{name} =");
    let exists = METHODS.split_whitespace().any(|method| method == name)
        || situation.sites.iter().any(|site| {
            site.source.text().contains(&assigned) || site.source.text().contains(&format!("def {name}("))
        });
    if exists {
        return Vec::new();
    }
    if holder == "NoneType" {
        return Vec::new();
    }
    let uses: Vec<Node<'_>> = site
        .crashing_of(&["attribute"])
        .into_iter()
        .filter_map(|node| node.child_by_field_name("attribute"))
        .filter(|node| site.text(*node) == name)
        .collect();
    let mut known = members_of_file(&site.source);
    for file in situation.files.iter().filter(|file| **file != site.frame.file).take(200) {
        if let Some(source) = (situation.read)(file).as_deref().and_then(Source::parse) {
            known.extend(source.functions().into_iter().map(|function| function.name));
            if file.ends_with(&format!("{}.py", holder.rsplit('.').next().unwrap_or(holder))) {
                known.extend(members_of_file(&source));
            }
        }
    }
    let own = class_members(situation, holder);
    if matches!(holder.as_str(), "str" | "bytes" | "list" | "dict" | "set" | "tuple" | "frozenset") {
        known = METHODS.split_whitespace().map(str::to_owned).collect();
    }
    known.remove(name);
    let mut better: Vec<String> = words.get(2).cloned().into_iter().collect();
    // What the class itself has comes before what anything has.
    for other in similar(name, &own).into_iter().chain(similar(name, &known)) {
        if !better.contains(&other) {
            better.push(other);
        }
    }
    let mut found = Vec::new();
    for other in better {
        for node in &uses {
            let why = format!("{holder} has {other}, not {name}");
            found.push(site.typo(NAME, why, site.replace(*node, other.clone())));
        }
    }
    found
}

/// Fields, methods and attributes set on `self` of the class of a name, wherever in the repository it is.
fn class_members(situation: &Situation<'_>, holder: &str) -> BTreeSet<String> {
    let holder = holder.rsplit('.').next().unwrap_or(holder);
    let mut members = BTreeSet::new();
    let opening = format!("class {holder}");
    for file in situation.files.iter().filter(|file| file.ends_with(".py")).take(400) {
        let Some(text) = (situation.read)(file).filter(|text| text.contains(&opening)) else { continue };
        let Some(source) = Source::parse(&text) else { continue };
        let named = |node: &Node<'_>| {
            node.kind() == "class_definition"
                && node.child_by_field_name("name").is_some_and(|own| source.of(own) == holder)
        };
        for class in source.walk(source.root()).into_iter().filter(named) {
            members.extend(members_of(&source, class));
        }
    }
    members
}

/// What a class defines: fields and methods of its body, and what its methods set on `self`.
fn members_of(source: &Source, class: Node<'_>) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    if let Some(body) = class.child_by_field_name("body") {
        let mut cursor = body.walk();
        for statement in body.named_children(&mut cursor) {
            let inner = match statement.kind() {
                "expression_statement" => statement.named_child(0),
                "decorated_definition" => statement.child_by_field_name("definition"),
                _ => Some(statement),
            };
            let name = inner.and_then(|inner| match inner.kind() {
                "assignment" => inner.child_by_field_name("left"),
                "function_definition" => inner.child_by_field_name("name"),
                _ => None,
            });
            members.extend(
                name.filter(|name| name.kind() == "identifier").map(|name| source.of(name).to_owned()),
            );
        }
    }
    for node in source.walk(class).into_iter().filter(|node| node.kind() == "assignment") {
        let left = node.child_by_field_name("left").map(|left| source.of(left));
        let set = left.and_then(|left| left.strip_prefix("self."));
        members.extend(set.filter(|set| !set.contains(['.', '['])).map(str::to_owned));
    }
    members
}

fn import(situation: &Situation<'_>, site: &Site, words: &[String]) -> Vec<Proposal> {
    let mut found = Vec::new();
    let modules: BTreeSet<String> =
        situation.files.iter().map(|file| module_of(file, &situation.files).name).collect();
    match (situation.exception.as_str(), words) {
        ("ImportError", [name, module, ..]) => {
            let file = situation.files.iter().find(|file| module_of(file, &situation.files).name == *module);
            let text = file.and_then(|file| (situation.read)(file));
            if let Some(source) = text.as_deref().and_then(Source::parse) {
                let mut known: BTreeSet<String> = BTreeSet::new();
                for node in source.root().named_children(&mut source.root().walk()) {
                    known.extend(super::bound_names(&source, node));
                    if let Some(inner) = node.named_child(0) {
                        known.extend(super::bound_names(&source, inner));
                    }
                }
                for other in similar(name, &known) {
                    found.extend(replace_word(site, name, &other));
                }
            }
        }
        (_, [module, ..]) => {
            for other in similar(module, &modules) {
                found.extend(replace_word(site, module, &other));
            }
        }
        _ => {}
    }
    found
}

fn replace_word(site: &Site, word: &str, better: &str) -> Vec<Proposal> {
    site.crashing_of(&["dotted_name", "identifier"])
        .into_iter()
        .filter(|node| site.text(*node) == word)
        .take(1)
        .map(|node| {
            site.typo(NAME, format!("{word} is misspelt; {better} is meant"), site.replace(node, better))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::{first_line_changed, lines_changed, proposals_with};

    #[test]
    fn a_misspelt_name_is_replaced_by_the_one_in_scope() {
        let code = "def f(quantity):\n    total = quantity * 2\n    return totl + 1  # crash\n";
        assert_eq!(
            first_line_changed(&Names, "NameError", "name 'totl' is not defined", code),
            "return total + 1"
        );
    }

    #[test]
    fn a_missing_import_is_added_after_the_others() {
        let code = "\"\"\"Doc.\"\"\"\nimport os\n\ndef f():\n    return json.dumps(os.name)  # crash\n";
        assert!(
            lines_changed(&Names, "NameError", "name 'json' is not defined", code)
                .contains(&"import json".to_owned())
        );
        let others = [("shop/__init__.py", ""), ("shop/cart.py", "def total(x):\n    return x\n")];
        let code = "def f(x):\n    return total(x)  # crash\n";
        let made = proposals_with(&Names, "NameError", "name 'total' is not defined", code, &others);
        assert!(made.iter().any(|(_, text)| text.starts_with("from shop.cart import total\n")), "{made:?}");
    }

    #[test]
    fn an_attribute_that_was_renamed_in_its_class_elsewhere_is_replaced() {
        let others = [(
            "fleet.py",
            "from dataclasses import dataclass\n\n@dataclass\nclass Hire:\n    customer: str\n    start: int\n    ended: int = 0\n",
        )];
        let code = "def receipt(hire):\n    return hire.started  # crash\n";
        let message = "'Hire' object has no attribute 'started'";
        let made = proposals_with(&Names, "AttributeError", message, code, &others);
        assert_eq!(made[0].1, "def receipt(hire):\n    return hire.start\n");
    }

    #[test]
    fn a_misspelt_attribute_is_replaced() {
        let code = "class A:\n    def __init__(self):\n        self.levels = {}\n    def f(self):\n        return self.level  # crash\n";
        let message = "'A' object has no attribute 'level'";
        assert_eq!(first_line_changed(&Names, "AttributeError", message, code), "return self.levels");
        let code = "def f(s):\n    return s.uper()  # crash\n";
        let message = "'str' object has no attribute 'uper'";
        assert_eq!(first_line_changed(&Names, "AttributeError", message, code), "return s.upper()");
    }
}
