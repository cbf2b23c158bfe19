//! A regression test out of a reproduction, in the style of the project's own tests.

use groundcrew_core::contract::TestFile;

use crate::locate::is_test;
use crate::reproduce::Call;

/// A value that the test may assert, with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Source of the value.
    pub value: String,
    /// Where it comes from, as a comment: `before commit 1a2b3c`, `the value of the repaired code`.
    pub origin: String,
}

/// Writes the test; none if the call cannot stand in a test of its own.
///
/// `files` are the paths of the commit and `text` gives the content of one.
pub fn regression_test(
    call: &Call,
    expected: Option<&Expectation>,
    files: &[String],
    text: &dyn Fn(&str) -> Option<String>,
    pytest: bool,
) -> Option<TestFile> {
    let style = Style::of_project(files, text, pytest);
    let stem = format!("test_regression_{}_{}", slug(&call.function), slug(&call.exception));
    let path = (1..50u32).map(|turn| {
        let name = if turn == 1 { format!("{stem}.py") } else { format!("{stem}_{turn}.py") };
        if style.folder.is_empty() { name } else { format!("{}/{name}", style.folder) }
    });
    let path = path.into_iter().find(|path| !files.contains(path))?;
    let test = format!("test_{}_does_not_raise_{}", slug(&call.function), slug(&call.exception));
    let class = format!("{}RegressionTest", camel(&call.function));
    let content = style.write(call, expected, &class, &test);
    let module = path.strip_suffix(".py")?.rsplit('/').next()?.to_owned();
    let id = match style.kind {
        Kind::Pytest => format!("{path}::{test}"),
        Kind::Unittest if style.package => {
            format!("{}.{module}.{class}.{test}", style.folder.replace('/', "."))
        }
        Kind::Unittest => format!("{module}.{class}.{test}"),
    };
    Some(TestFile { path, content, id })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unittest,
    Pytest,
}

struct Style {
    kind: Kind,
    folder: String,
    package: bool,
}

impl Style {
    fn of_project(files: &[String], text: &dyn Fn(&str) -> Option<String>, pytest: bool) -> Style {
        let tests: Vec<&String> = files
            .iter()
            .filter(|file| {
                is_test(file) && file.rsplit('/').next().is_some_and(|name| name.starts_with("test"))
            })
            .filter(|file| file.ends_with(".py"))
            .collect();
        let folder =
            |file: &str| file.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let mut counted: Vec<(usize, String)> = Vec::new();
        for file in &tests {
            let name = folder(file);
            match counted.iter_mut().find(|(_, known)| *known == name) {
                Some((count, _)) => *count += 1,
                None => counted.push((1, name)),
            }
        }
        counted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let folder = counted.into_iter().next().map_or_else(|| "tests".to_owned(), |(_, folder)| folder);
        let classes =
            tests.iter().take(40).filter_map(|file| text(file)).any(|text| text.contains("TestCase"));
        let package = !folder.is_empty() && files.contains(&format!("{folder}/__init__.py"));
        let kind = if pytest && !classes { Kind::Pytest } else { Kind::Unittest };
        Style { kind, folder, package }
    }

    fn write(&self, call: &Call, expected: Option<&Expectation>, class: &str, test: &str) -> String {
        let mut text = format!("\"\"\"{} must not raise {} again.\"\"\"\n\n", call.function, call.exception);
        let mut modules: Vec<String> =
            call.modules.iter().map(|module| format!("import {module}\n")).collect();
        let standard = |line: &String| {
            let name = line.trim_start_matches("import ").trim();
            matches!(
                name,
                "asyncio"
                    | "datetime"
                    | "decimal"
                    | "fractions"
                    | "uuid"
                    | "pathlib"
                    | "collections"
                    | "math"
            )
        };
        if self.kind == Kind::Unittest {
            modules.push("import unittest\n".to_owned());
        }
        modules.sort();
        modules.dedup();
        let (outer, own): (Vec<String>, Vec<String>) =
            modules.into_iter().partition(|line| standard(line) || line == "import unittest\n");
        text.push_str(&outer.concat());
        if !outer.is_empty() && !own.is_empty() {
            text.push('\n');
        }
        text.push_str(&own.concat());
        text.push_str("\n\n");
        let indent = match self.kind {
            Kind::Unittest => {
                text.push_str(&format!("class {class}(unittest.TestCase):\n    def {test}(self):\n"));
                "        "
            }
            Kind::Pytest => {
                text.push_str(&format!("def {test}():\n"));
                "    "
            }
        };
        for line in &call.setup {
            text.push_str(&format!("{indent}{line}\n"));
        }
        let Some(expected) = expected else {
            text.push_str(&format!("{indent}{}\n", call.expression));
            return text;
        };
        text.push_str(&format!("{indent}result = {}\n", call.expression));
        text.push_str(&format!("{indent}# Expected: {}.\n", expected.origin));
        text.push_str(&match self.kind {
            Kind::Unittest => format!("{indent}self.assertEqual(result, {})\n", expected.value),
            Kind::Pytest => format!("{indent}assert result == {}\n", expected.value),
        });
        text
    }
}

fn slug(text: &str) -> String {
    let mut result = String::new();
    for (at, c) in text.rsplit('.').next().unwrap_or(text).chars().enumerate() {
        if c.is_ascii_uppercase() && at > 0 && !result.ends_with('_') {
            result.push('_');
        }
        if c.is_ascii_alphanumeric() || c == '_' {
            result.push(c.to_ascii_lowercase());
        }
    }
    let result = result.trim_matches('_');
    if result.is_empty() { "call".to_owned() } else { result.chars().take(40).collect() }
}

fn camel(text: &str) -> String {
    let parts = slug(text);
    parts
        .split('_')
        .filter(|part| !part.is_empty())
        .map(|part| part[..1].to_ascii_uppercase() + &part[1..])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call {
            setup: vec![],
            expression: "shop.stock.receive({}, [{'sku': 'A'}])".into(),
            modules: vec!["shop.stock".into()],
            function: "receive".into(),
            exception: "KeyError".into(),
        }
    }

    #[test]
    fn a_test_is_written_in_the_style_and_place_of_the_project() {
        let files: Vec<String> =
            ["shop/stock.py", "tests/__init__.py", "tests/test_stock.py"].map(Into::into).into();
        let read = |_: &str| Some("class StockTest(unittest.TestCase):".to_owned());
        let test = regression_test(&call(), None, &files, &read, true).unwrap();
        assert_eq!(test.path, "tests/test_regression_receive_key_error.py");
        assert_eq!(
            test.id,
            "tests.test_regression_receive_key_error.ReceiveRegressionTest.test_receive_does_not_raise_key_error"
        );
        assert_eq!(
            test.content,
            "\"\"\"receive must not raise KeyError again.\"\"\"\n\nimport unittest\n\nimport shop.stock\n\n\n\
             class ReceiveRegressionTest(unittest.TestCase):\n    def test_receive_does_not_raise_key_error(self):\n\
             \x20       shop.stock.receive({}, [{'sku': 'A'}])\n"
        );
        let plain = |_: &str| Some("def test_x():".to_owned());
        let expected =
            Expectation { value: "{'A': 1}".into(), origin: "the value before commit 1a2b".into() };
        let test = regression_test(&call(), Some(&expected), &files, &plain, true).unwrap();
        assert!(
            test.content
                .ends_with("    # Expected: the value before commit 1a2b.\n    assert result == {'A': 1}\n")
        );
        assert!(test.id.starts_with("tests/test_regression_receive_key_error.py::test_"));
    }
}
