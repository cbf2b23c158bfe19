//! Attributes that are not there: set on some ways through a class only, of another type's vocabulary, or asked of a
//! value that is already what the call would make of it.

use groundcrew_core::evidence::ChangeKind;
use tree_sitter::Node;

use super::{Site, Situation, Strategy, arguments, body_start, quoted, wrapped};
use crate::edit::{Edit, Patch, Proposal};
use crate::kinds::Kinds;
use crate::syntax::{Source, ancestor, is_statement};

/// Repairs of an `AttributeError` about a value that is there.
#[derive(Debug)]
pub(super) struct Attributes;

const NAME: &str = "attribute";

/// What one type calls otherwise than another: type, its missing method, what to write; `{o}` is the object, `{a}` the
/// arguments.
const VOCABULARY: &[(&str, &str, &str)] = &[
    ("dict", "has_key", "{a} in {o}"),
    ("dict", "iteritems", "{o}.items()"),
    ("dict", "itervalues", "{o}.values()"),
    ("dict", "iterkeys", "{o}.keys()"),
    ("dict", "append", "{o}.update({a})"),
    ("dict", "add", "{o}.update({a})"),
    ("set", "append", "{o}.add({a})"),
    ("set", "extend", "{o}.update({a})"),
    ("list", "add", "{o}.append({a})"),
    ("list", "update", "{o}.extend({a})"),
    ("list", "items", "enumerate({o})"),
    ("list", "keys", "range(len({o}))"),
    ("list", "values", "{o}"),
    ("list", "push", "{o}.append({a})"),
    ("list", "length", "len({o})"),
    ("str", "length", "len({o})"),
    ("list", "size", "len({o})"),
    ("str", "append", "{o} + {a}"),
    ("str", "contains", "{a} in {o}"),
    ("tuple", "append", "{o} + ({a},)"),
    ("list", "split", "{o}"),
    ("str", "format_map", "{o}.format(**{a})"),
    ("dict_keys", "sort", "sorted({o})"),
    ("generator", "next", "next({o})"),
];

impl Strategy for Attributes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        if situation.exception != "AttributeError" || situation.message.contains("NoneType") {
            return Vec::new();
        }
        let words = quoted(&situation.message);
        let (Some(holder), Some(name)) = (words.first(), words.get(1)) else { return Vec::new() };
        let mut found = set_on_every_way(situation, holder, name);
        found.extend(vocabulary(site, holder, name));
        found.extend(key_of(site, holder, name));
        found.extend(already(site, holder, name));
        found.extend(fallback(site, name));
        found
    }
}

/// Uses of an attribute in the crashing statement: (the attribute node, its object).
fn uses<'a>(site: &'a Site, name: &str) -> Vec<(Node<'a>, Node<'a>)> {
    let named = |node: &Node<'a>| {
        node.child_by_field_name("attribute").is_some_and(|attribute| site.text(attribute) == name)
    };
    site.crashing_of(&["attribute"])
        .into_iter()
        .filter(named)
        .filter_map(|node| Some((node, node.child_by_field_name("object")?)))
        .collect()
}

/// An attribute that a class sets later than where some way through its constructor ends, or in another method only.
fn set_on_every_way(situation: &Situation<'_>, holder: &str, name: &str) -> Vec<Proposal> {
    let mut files: Vec<&str> = situation.sites.iter().map(|site| site.frame.file.as_str()).collect();
    files.extend(situation.files.iter().map(String::as_str));
    let mut seen: Vec<&str> = Vec::new();
    for file in files.into_iter().take(400) {
        if seen.contains(&file) {
            continue;
        }
        seen.push(file);
        let Some(text) = (situation.read)(file).filter(|text| text.contains(&format!("class {holder}")))
        else {
            continue;
        };
        let Some(source) = Source::parse(&text) else { continue };
        let class = source.walk(source.root()).into_iter().find(|node| {
            node.kind() == "class_definition"
                && node.child_by_field_name("name").is_some_and(|own| source.of(own) == holder)
        });
        if let Some(class) = class {
            let start = start_of(situation, name);
            let mut made = in_constructor(&source, file, class, name, start);
            made.extend(of_base(&source, file, class, name));
            return made;
        }
    }
    Vec::new()
}

/// An attribute that the constructor of a base class in the same file sets and that is never run.
fn of_base(source: &Source, file: &str, class: Node<'_>, name: &str) -> Option<Proposal> {
    let named = |class: Node<'_>| class.child_by_field_name("name").map(|own| source.of(own).to_owned());
    let supers = class.child_by_field_name("superclasses")?;
    let mut cursor = supers.walk();
    let bases: Vec<&str> = supers.named_children(&mut cursor).map(|base| source.of(base)).collect();
    let base = source.walk(source.root()).into_iter().find(|node| {
        node.kind() == "class_definition" && named(*node).is_some_and(|own| bases.contains(&own.as_str()))
    })?;
    let (above, own) = (constructor_of(source, base)?, constructor_of(source, class)?);
    let runs_it = source.of(own).contains("super(") || source.of(own).contains(".__init__(");
    if runs_it || !source.of(above).contains(&format!("self.{name}")) {
        return None;
    }
    let (wanted, given) = (source.function(above)?.parameters, source.function(own)?.parameters);
    let wanted = wanted.get(1..).unwrap_or_default();
    if !wanted.iter().all(|parameter| given.contains(parameter)) {
        return None;
    }
    let (at, indent) = body_start(source, own)?;
    let text = format!("super().__init__({})\n{indent}", wanted.join(", "));
    Some(Proposal {
        strategy: NAME,
        kind: ChangeKind::Cause,
        one_line_typo: false,
        explanation: format!("runs the constructor of {}, which sets self.{name}", named(base)?),
        patch: Patch::Edits(vec![Edit { file: file.to_owned(), start: at, end: at, text }]),
    })
}

fn constructor_of<'a>(source: &Source, class: Node<'a>) -> Option<Node<'a>> {
    source.walk(class).into_iter().find(|node| {
        node.kind() == "function_definition"
            && node.child_by_field_name("name").is_some_and(|own| source.of(own) == "__init__")
    })
}

/// What an attribute starts at where no literal is known: of the kind that it was seen to have.
fn start_of(situation: &Situation<'_>, name: &str) -> &'static str {
    let seen = situation.sites.first().and_then(|site| {
        let (_, object) = uses(site, name).into_iter().next()?;
        Kinds::empties(site.kinds.values.get(&format!("{}.{name}", site.text(object)))).first().copied()
    });
    seen.unwrap_or("None")
}

fn in_constructor(source: &Source, file: &str, class: Node<'_>, name: &str, start: &str) -> Vec<Proposal> {
    let target = format!("self.{name}");
    let assigned: Vec<(Node<'_>, Node<'_>)> = source
        .walk(class)
        .into_iter()
        .filter(|node| node.kind() == "assignment")
        .filter(|node| node.child_by_field_name("left").is_some_and(|left| source.of(left) == target))
        .filter_map(|node| Some((node, node.child_by_field_name("right")?)))
        .collect();
    let (Some(constructor), Some((first, value))) =
        (constructor_of(source, class), assigned.first().copied())
    else {
        return Vec::new();
    };
    let inside = |node: Node<'_>| {
        node.start_byte() >= constructor.start_byte() && node.end_byte() <= constructor.end_byte()
    };
    let parameters = source.function(constructor).map(|function| function.parameters).unwrap_or_default();
    // A parameter that is nothing by default is the reason why the attribute is not set.
    let optional = parameters.iter().any(|own| own == source.of(value)) && conditional(first, constructor);
    let value = plain_value(source, value, &parameters).filter(|_| !(optional && start != "None"));
    // A start that only the kind tells is a guess: nothing says that it means what is meant.
    let kind = if value.is_none() && start != "None" { ChangeKind::SymptomGuard } else { ChangeKind::Cause };
    let value = value.unwrap_or_else(|| start.to_owned());
    let mut found = Vec::new();
    let mut add = |edits: Vec<Edit>, why: String| {
        found.push(Proposal {
            strategy: NAME,
            kind,
            one_line_typo: false,
            explanation: why,
            patch: Patch::Edits(edits),
        });
    };
    let insert = |at: usize, indent: &str| Edit {
        file: file.to_owned(),
        start: at,
        end: at,
        text: format!("{target} = {value}\n{indent}"),
    };
    if inside(first) {
        // The constructor may end before it comes to the assignment.
        let early = source
            .walk(constructor)
            .into_iter()
            .filter(|node| node.kind() == "return_statement" && node.end_byte() < first.start_byte());
        let edits: Vec<Edit> = early.map(|node| insert(node.start_byte(), source.indent(node))).collect();
        if !edits.is_empty() {
            add(edits, format!("sets {target} where __init__ ends early, too"));
        }
    }
    if let Some((at, indent)) = body_start(source, constructor) {
        add(vec![insert(at, indent)], format!("sets {target} on every way through __init__"));
    }
    found
}

/// Whether a statement of a function runs on a condition only.
fn conditional(node: Node<'_>, function: Node<'_>) -> bool {
    ancestor(node, |above| above == function || above.kind() == "if_statement")
        .is_some_and(|above| above != function)
}

/// A value that can be written at the start of a function: a literal, or one of its parameters.
fn plain_value(source: &Source, value: Node<'_>, parameters: &[String]) -> Option<String> {
    let text = source.of(value);
    match value.kind() {
        "integer" | "float" | "string" | "none" | "true" | "false" => Some(text.to_owned()),
        "list" | "dictionary" | "tuple" if value.named_child_count() == 0 => Some(text.to_owned()),
        // What is in it may not be known on every way; that it holds nothing yet is.
        "list" | "list_comprehension" => Some("[]".to_owned()),
        "dictionary" | "dictionary_comprehension" => Some("{}".to_owned()),
        "call" if matches!(text, "set()" | "dict()" | "list()") => Some(text.to_owned()),
        "identifier" => parameters.iter().any(|own| own == text).then(|| text.to_owned()),
        _ => None,
    }
}

/// A method of another type that means the same.
fn vocabulary(site: &Site, holder: &str, name: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    for (node, object) in uses(site, name) {
        let call = node
            .parent()
            .filter(|parent| parent.kind() == "call" && parent.child_by_field_name("function") == Some(node));
        let given: Vec<&str> = call
            .map(|call| arguments(call).into_iter().map(|one| site.text(one)).collect())
            .unwrap_or_default();
        for (_, _, text) in VOCABULARY.iter().filter(|(kind, missing, _)| (*kind, *missing) == (holder, name))
        {
            if text.contains("{a}") != (given.len() == 1) {
                continue;
            }
            let object = wrapped(&site.source, object);
            let text = text.replace("{o}", &object).replace("{a}", given.first().unwrap_or(&""));
            let why = format!("a {holder} has no {name}: {text}");
            found.push(site.cause(NAME, why, vec![site.replace(call.unwrap_or(node), text)]));
        }
    }
    found
}

/// `d.key` of a dictionary.
fn key_of(site: &Site, holder: &str, name: &str) -> Vec<Proposal> {
    if holder != "dict" {
        return Vec::new();
    }
    let read = uses(site, name).into_iter().filter(|(node, _)| {
        node.parent().is_none_or(|parent| {
            parent.kind() != "call" || parent.child_by_field_name("function") != Some(*node)
        })
    });
    read.map(|(node, object)| {
        let text = format!("{}[\"{name}\"]", wrapped(&site.source, object));
        site.cause(NAME, format!("{name} is a key of the dictionary"), vec![site.replace(node, text)])
    })
    .collect()
}

/// `x.m()` where `x` is already what `m` makes: `timetuple()` of a tuple, `keys()` of a list.
fn already(site: &Site, holder: &str, name: &str) -> Vec<Proposal> {
    let kinds =
        ["tuple", "list", "str", "int", "float", "dict", "set", "date", "datetime", "bytes", "struct_time"];
    let converts = name.contains(holder)
        || name.starts_with("to_")
        || name.starts_with("as_")
        || matches!(name, "toordinal" | "tolist" | "isoformat" | "total_seconds" | "timestamp" | "date");
    if !kinds.contains(&holder) || !converts {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (node, object) in uses(site, name) {
        let call = node.parent().filter(|parent| parent.kind() == "call" && arguments(*parent).is_empty());
        if let Some(call) = call {
            let why = format!("a {holder} needs no {name}()");
            found.push(site.cause(NAME, why, vec![site.replace(call, site.text(object))]));
        }
    }
    found
}

/// A read that may find nothing.
fn fallback(site: &Site, name: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    for (node, object) in uses(site, name) {
        let statement = ancestor(node, is_statement);
        let written = ancestor(node, |above| matches!(above.kind(), "assignment" | "augmented_assignment"))
            .and_then(|above| above.child_by_field_name("left"))
            .is_some_and(|left| left.start_byte() <= node.start_byte() && node.end_byte() <= left.end_byte());
        let called = node.parent().is_some_and(|parent| {
            parent.kind() == "call" && parent.child_by_field_name("function") == Some(node)
        });
        if statement.is_none() || written || called || site.text(object) == "self" {
            continue;
        }
        for start in site.empties(node, &["None"]) {
            let text = format!("getattr({}, \"{name}\", {start})", site.text(object));
            let why = format!("takes {start} where {} has no {name}", site.text(object));
            found.push(site.guard(NAME, why, vec![site.replace(node, text)]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;
    use crate::strategies::testing::{lines_changed, proposals, proposals_in, proposals_seeing};

    fn lines(message: &str, code: &str) -> Vec<String> {
        lines_changed(&Attributes, "AttributeError", message, code)
    }

    #[test]
    fn an_attribute_is_set_where_the_constructor_ends_early() {
        let code = "class Bar:\n    def __init__(self, total=None, off=False):\n        if off:\n            self.off = True\n            return\n        self.total = total\n\n    def __len__(self):\n        return self.total  # crash\n";
        let made = proposals(&Attributes, "AttributeError", "'Bar' object has no attribute 'total'", code);
        assert!(
            made[0].1.contains(
                "            self.off = True\n            self.total = total\n            return\n"
            ),
            "{}",
            made[0].1
        );
        assert!(
            made[1].1.contains("off=False):\n        self.total = total\n        if off:\n"),
            "{}",
            made[1].1
        );
    }

    #[test]
    fn an_attribute_that_another_method_sets_starts_at_its_literal() {
        let code = "class Cart:\n    def __init__(self):\n        self.lines = []\n\n    def open(self):\n        self.seen = {}\n\n    def has(self, k):\n        return k in self.seen  # crash\n";
        let message = "'Cart' object has no attribute 'seen'";
        assert_eq!(lines(message, code), ["self.seen = {}"]);
    }

    #[test]
    fn an_attribute_of_one_branch_starts_empty_on_the_other() {
        let code = "class Cache:\n    def __init__(self, path):\n        if path:\n            self.data = {'path': path}\n\n    def get(self, key):\n        return self.data.get(key)  # crash\n";
        assert_eq!(lines("'Cache' object has no attribute 'data'", code), ["self.data = {}"]);
    }

    #[test]
    fn the_constructor_of_the_base_class_is_run() {
        let code = "class Base:\n    def __init__(self, name):\n        self.name = name\n\nclass Child(Base):\n    def __init__(self, name, age):\n        self.age = age\n\n    def show(self):\n        return self.name  # crash\n";
        assert_eq!(lines("'Child' object has no attribute 'name'", code), ["super().__init__(name)"]);
    }

    #[test]
    fn what_another_type_calls_otherwise_is_translated() {
        for (message, code, line) in [
            (
                "'dict' object has no attribute 'has_key'",
                "def f(d, k):\n    return d.has_key(k)  # crash\n",
                "return k in d",
            ),
            ("'list' object has no attribute 'add'", "def f(x):\n    x.add(1)  # crash\n", "x.append(1)"),
            (
                "'dict' object has no attribute 'name'",
                "def f(d):\n    return d.name  # crash\n",
                "return d[\"name\"]",
            ),
            (
                "'tuple' object has no attribute 'timetuple'",
                "def f(t):\n    return g(t.timetuple())  # crash\n",
                "return g(t)",
            ),
        ] {
            assert_eq!(lines(message, code)[0], line, "{message}");
        }
    }

    #[test]
    fn an_attribute_that_is_set_on_a_condition_starts_at_the_kind_that_it_was_seen_to_have() {
        let code = "class Order:\n    def __init__(self, cut=None):\n        if cut is not None:\n            self.cut = cut\n\n    def total(self):\n        return 9 - self.cut  # crash\n";
        let kinds =
            Kinds { values: [("self.cut".to_owned(), [Kind::Number].into())].into(), ..Kinds::default() };
        let message = "'Order' object has no attribute 'cut'";
        let lines = proposals_seeing(&Attributes, "AttributeError", message, code, &kinds);
        assert_eq!(lines, ["self.cut = 0"]);
        let made = proposals_in(&Attributes, "AttributeError", message, code, &[], &kinds);
        assert_eq!(made[0].0.kind, ChangeKind::SymptomGuard, "what it should start at is only guessed");
    }

    #[test]
    fn an_attribute_that_may_be_missing_is_read_with_a_fallback_but_not_of_self() {
        let message = "'Order' object has no attribute 'note'";
        assert_eq!(
            lines(message, "def f(order):\n    return order.note  # crash\n"),
            ["return getattr(order, \"note\", None)"]
        );
        assert_eq!(lines(message, "def f(self):\n    return self.note  # crash\n"), Vec::<String>::new());
    }
}
