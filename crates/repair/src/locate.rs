//! From the paths a log printed to files, functions and lines of one commit.
//!
//! A log names files as the running program saw them (`/app/shop/cart.py`, a site-packages folder, a Windows path) and
//! lines as they were in the release that ran. So a path is mapped by its longest suffix that is one file of the
//! commit, and a line first by the source text the log printed with it, then by the function.
//!
//! Frames of other languages than Python are found by path and number only: enough for blame, not for a repair.

use groundcrew_core::trace::{Frame, Trace};

use crate::syntax::{Function, Source, first_line, is_statement, last_line};

/// How the line of a frame was found on the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineMatch {
    /// The printed line holds the printed source text.
    Exact,
    /// The printed source text stands elsewhere in the function.
    BySource,
    /// The log carried no source text; the printed line lies in the printed function.
    ByNumber,
    /// Only the function was found; the line is its first.
    ByFunction,
}

/// A frame of the application, found on the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedFrame {
    /// File beneath the repository.
    pub file: String,
    /// Line on the commit, counted from 1.
    pub line: u32,
    /// How the line was found.
    pub line_match: LineMatch,
    /// Function name as a traceback prints it; `<module>` outside of functions.
    pub function: String,
    /// The function, if the line is in one.
    pub definition: Option<Function>,
    /// First line of the statement at the line.
    pub statement_first: u32,
    /// Last line of that statement.
    pub statement_last: u32,
    /// The statement on one line.
    pub statement: String,
    /// How the module is imported.
    pub module: Module,
}

/// How a file is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Folder that must be on the import path, beneath the repository; empty for its root.
    pub root: String,
    /// Dotted name from there.
    pub name: String,
}

/// The frames of an incident on a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located {
    /// Innermost first; never empty when it comes from [`locate`].
    pub frames: Vec<LocatedFrame>,
    /// How many causes deep the exception lies whose frames these are; 0 for the one that was logged.
    pub depth: usize,
}

impl Located {
    /// The crashing frame of the application.
    pub fn crash(&self) -> Option<&LocatedFrame> {
        self.frames.first()
    }
}

/// Finds the application's frames of a trace among the files of a commit; none if no frame lies in it.
///
/// `read` gives the text of a Python file of the commit.
pub fn locate(trace: &Trace, files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Option<Located> {
    let mut level = Some(trace);
    let mut depth = 0;
    while let Some(trace) = level {
        let frames: Vec<LocatedFrame> =
            trace.frames.iter().take(64).filter_map(|frame| locate_frame(frame, files, read)).collect();
        if !frames.is_empty() {
            return Some(Located { frames, depth });
        }
        level = trace.causes.first();
        depth += 1;
    }
    None
}

/// The one file whose path has the longest suffix in common with a printed path.
///
/// At least the file name must agree. If several files share the longest suffix, none is chosen.
pub fn map_path<'a>(printed: &str, files: &'a [String]) -> Option<&'a str> {
    let printed = printed.replace('\\', "/");
    if is_foreign(&printed) {
        return None;
    }
    if let Some(at) = foreign_library(&printed) {
        // Installed packages count only if the whole path within the package folder is a file of ours.
        let inside = &printed[at..];
        return files.iter().map(String::as_str).find(|file| {
            *file == inside || file.strip_prefix("src/").or_else(|| file.strip_prefix("lib/")) == Some(inside)
        });
    }
    let wanted: Vec<&str> = printed.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let mut best: Option<(usize, &str)> = None;
    let mut tied = false;
    for file in files {
        let common =
            file.rsplit('/').zip(wanted.iter().rev()).take_while(|(ours, theirs)| ours == *theirs).count();
        if common == 0 {
            continue;
        }
        match best {
            Some((most, _)) if most > common => {}
            Some((most, _)) if most == common => tied = true,
            _ => {
                best = Some((common, file));
                tied = false;
            }
        }
    }
    let (common, file) = best?;
    // A bare common name such as `__init__.py` under another folder is no evidence.
    let whole = common == file.split('/').count() || common == wanted.len();
    (!tied && (whole || common >= 2)).then_some(file)
}

/// Whether a path lies where package managers of other languages put what they fetch, or in a runtime itself.
fn is_foreign(printed: &str) -> bool {
    ["/node_modules/", "/pkg/mod/", "/.cargo/registry/", "/.cargo/git/", "/usr/local/go/src/", "/rustc/"]
        .iter()
        .any(|folder| printed.contains(folder))
        || ["node:", "internal/", "node_modules/"].iter().any(|start| printed.starts_with(start))
}

/// Where the path within an installed package or the standard library starts.
fn foreign_library(printed: &str) -> Option<usize> {
    for folder in ["/site-packages/", "/dist-packages/"] {
        if let Some(at) = printed.rfind(folder) {
            return Some(at + folder.len());
        }
    }
    let at = printed.rfind("/lib/python3.").or_else(|| printed.rfind("/lib/python2."))?;
    let rest = printed[at + 5..].find('/')?;
    Some(at + 5 + rest + 1)
}

fn locate_frame(
    frame: &Frame,
    files: &[String],
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<LocatedFrame> {
    let printed = printed_path(frame)?;
    let file = map_path(&printed, files)?;
    if !is_python(file) {
        return locate_foreign(frame, file, &read(file)?);
    }
    let source = Source::parse(&read(file)?)?;
    let name = frame.function.as_deref().unwrap_or("<module>");
    let (line, line_match) = find_line(&source, frame, name)?;
    let definition = source.function_at(line);
    let statement = source.statement_at(line);
    Some(LocatedFrame {
        file: file.to_owned(),
        line,
        line_match,
        function: name.rsplit('.').next().unwrap_or(name).to_owned(),
        definition,
        statement_first: statement.map_or(line, first_line),
        statement_last: statement.map_or(line, |node| header_end(node).max(line)),
        statement: statement.map(|node| source.headline(node)).unwrap_or_default(),
        module: module_of(file, files),
    })
}

/// The path of a frame; where a log prints only the file's name, as the Java machine does, the function says its folder.
fn printed_path(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref()?;
    let folder =
        frame.function.as_deref().filter(|_| language_of(file) == Some("Java") && !file.contains('/'));
    let packages: Vec<&str> = folder
        .map(|name| name.split('.').take_while(|part| part.starts_with(|c: char| c.is_lowercase())).collect())
        .unwrap_or_default();
    Some(if packages.is_empty() { file.to_owned() } else { format!("{}/{file}", packages.join("/")) })
}

/// A frame of a language that is not parsed here, by its text or else its number.
fn locate_foreign(frame: &Frame, file: &str, text: &str) -> Option<LocatedFrame> {
    language_of(file)?;
    let number = frame.line?;
    let at = |line: u32| text.lines().nth(line.checked_sub(1)? as usize).map(str::trim);
    let printed = frame.source.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let here = at(number).filter(|here| !here.is_empty());
    let (line, line_match) = match (printed, here) {
        (Some(printed), Some(here)) if printed == here => (number, LineMatch::Exact),
        (Some(printed), _) => {
            let same = text.lines().zip(1u32..).filter(|(here, _)| here.trim() == printed);
            (same.min_by_key(|(_, line)| line.abs_diff(number))?.1, LineMatch::BySource)
        }
        (None, Some(_)) => (number, LineMatch::ByNumber),
        (None, None) => return None,
    };
    Some(LocatedFrame {
        file: file.to_owned(),
        line,
        line_match,
        function: frame.function.clone().unwrap_or_default(),
        definition: None,
        statement_first: line,
        statement_last: line,
        statement: at(line).unwrap_or_default().chars().take(400).collect(),
        module: Module { root: String::new(), name: String::new() },
    })
}

/// Last line of what is executed at a statement itself: the header of a block, all of a plain statement.
fn header_end(node: tree_sitter::Node<'_>) -> u32 {
    let body = node.child_by_field_name("body").or_else(|| node.child_by_field_name("consequence"));
    body.map_or_else(|| last_line(node), |body| first_line(body).saturating_sub(1).max(first_line(node)))
}

fn find_line(source: &Source, frame: &Frame, name: &str) -> Option<(u32, LineMatch)> {
    let plain = name.rsplit('.').next().unwrap_or(name);
    let inside = |line: u32| match plain {
        "<module>" => true,
        "<lambda>" | "<listcomp>" | "<dictcomp>" | "<setcomp>" | "<genexpr>" => true,
        _ => source.functions().iter().any(|function| {
            function.name == plain && function.first_line <= line && line <= function.last_line
        }),
    };
    let printed_text = frame.source.as_deref().map(str::trim).filter(|text| !text.is_empty());
    match (frame.line, printed_text) {
        (Some(line), Some(text))
            if source.line(line).is_some_and(|here| here.trim() == text) && inside(line) =>
        {
            return Some((line, LineMatch::Exact));
        }
        (Some(line), None)
            if inside(line) && source.line(line).is_some_and(|here| !here.trim().is_empty()) =>
        {
            return Some((line, LineMatch::ByNumber));
        }
        _ => {}
    }
    if let Some(text) = printed_text {
        let near = frame.line.unwrap_or(1);
        let same =
            source.text().lines().zip(1u32..).filter(|(here, line)| here.trim() == text && inside(*line));
        if let Some((_, line)) = same.min_by_key(|(_, line)| line.abs_diff(near)) {
            return Some((line, LineMatch::BySource));
        }
    }
    let functions = source.functions();
    let function = functions.iter().find(|function| function.name == plain)?;
    Some((first_body_line(source, function), LineMatch::ByFunction))
}

fn first_body_line(source: &Source, function: &Function) -> u32 {
    let body = source.function_node(&function.path).and_then(|node| node.child_by_field_name("body"));
    let Some(body) = body else { return function.first_line };
    let mut cursor = body.walk();
    let documents =
        |node: &tree_sitter::Node<'_>| node.named_child(0).is_some_and(|child| child.kind() == "string");
    let mut statements = body.named_children(&mut cursor).filter(|node| is_statement(*node)).peekable();
    let first = statements.peek().copied();
    statements.find(|node| !documents(node)).or(first).map_or(function.first_line, first_line)
}

/// Whether a path names Python source.
pub fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}

/// The name of the language of a source file; none for anything else.
pub fn language_of(path: &str) -> Option<&'static str> {
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending {
        "py" => "Python",
        "js" | "mjs" | "cjs" | "jsx" => "Node",
        "ts" | "mts" | "cts" | "tsx" => "TypeScript",
        "java" => "Java",
        "kt" | "kts" => "Kotlin",
        "go" => "Go",
        "rs" => "Rust",
        "rb" => "Ruby",
        "php" => "PHP",
        _ => return None,
    })
}

/// Whether a path lies among tests.
pub fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path
        .split('/')
        .rev()
        .skip(1)
        .any(|part| matches!(part, "tests" | "test" | "testing" | "spec" | "__tests__"));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let foreign = language_of(name).is_some_and(|language| match language {
        "Node" | "TypeScript" => stem.ends_with(".test") || stem.ends_with(".spec"),
        "Go" => stem.ends_with("_test"),
        "Java" | "Kotlin" => stem.ends_with("Test") || stem.ends_with("Tests"),
        _ => false,
    });
    folder
        || foreign
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || matches!(name, "conftest.py" | "tests.py")
}

/// How a file is imported: from the folder above its outermost package.
pub fn module_of(file: &str, files: &[String]) -> Module {
    let mut parts: Vec<&str> = file.strip_suffix(".py").unwrap_or(file).split('/').collect();
    if parts.len() > 1 && parts.last() == Some(&"__init__") {
        parts.pop();
    }
    let folders: Vec<&str> = file.split('/').collect();
    let is_package = |depth: usize| {
        let marker = format!("{}/__init__.py", folders[..depth].join("/"));
        files.contains(&marker)
    };
    let depth = folders.len() - 1;
    let mut root = depth;
    while root > 0 && is_package(root) {
        root -= 1;
    }
    if root == depth && depth > 0 && !matches!(folders[0], "src" | "lib" | "scripts" | "bin" | "tools") {
        // A folder without a marker may be a namespace package; such a project imports it from the root.
        let identifiers = folders[..depth].iter().all(|part| is_identifier(part));
        if identifiers && imported_from_root(folders[0], files) {
            root = 0;
        }
    }
    Module { root: folders[..root].join("/"), name: parts[root..].join(".") }
}

fn imported_from_root(folder: &str, files: &[String]) -> bool {
    let prefix = format!("{folder}/");
    files.iter().filter(|file| is_python(file) && file.starts_with(&prefix)).count() > 1
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[&str]) -> Vec<String> {
        list.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_printed_path_is_mapped_by_its_longest_unique_suffix() {
        let files = files(&["shop/cart.py", "shop/__init__.py", "api/cart.py", "api/__init__.py", "main.py"]);
        for (printed, expected) in [
            ("/app/shop/cart.py", Some("shop/cart.py")),
            ("C:\\srv\\api\\cart.py", Some("api/cart.py")),
            ("./shop/cart.py", Some("shop/cart.py")),
            ("main.py", Some("main.py")),
            ("/srv/releases/41/main.py", Some("main.py")),
            ("/x/cart.py", None),
            ("/x/other/__init__.py", None),
            ("/usr/lib/python3.11/site-packages/shop/cart.py", Some("shop/cart.py")),
            ("/usr/lib/python3.11/shop/main.py", None),
            ("/venv/lib/python3.11/site-packages/other/main.py", None),
        ] {
            assert_eq!(map_path(printed, &files), expected, "{printed}");
        }
    }

    #[test]
    fn frames_of_other_languages_are_found_by_path_and_number() {
        let code = "one\ntwo\n\n  const total = cart.sum;\n";
        let read = |_: &str| Some(code.to_owned());
        let files =
            files(&["src/cart.js", "app/com/acme/Cart.java", "cmd/main.go", "src/main.rs", "lib/Cart.java"]);
        let found = |file: &str, line: u32, function: &str, source: Option<&str>| {
            let frame = Frame {
                module: None,
                file: Some(file.into()),
                line: Some(line),
                function: Some(function.into()),
                source: source.map(Into::into),
                in_app: true,
            };
            let trace = Trace { frames: vec![frame], ..Trace::default() };
            let located = locate(&trace, &files, &read)?;
            let crash = located.frames.into_iter().next()?;
            Some((crash.file, crash.line, crash.line_match, crash.statement))
        };
        let four = "const total = cart.sum;".to_owned();
        assert_eq!(
            found("file:///srv/app/src/cart.js", 4, "total", None),
            Some(("src/cart.js".into(), 4, LineMatch::ByNumber, four.clone()))
        );
        assert_eq!(
            found("/srv/src/cart.js", 1, "total", Some("const total = cart.sum;")),
            Some(("src/cart.js".into(), 4, LineMatch::BySource, four.clone()))
        );
        assert_eq!(
            found("Cart.java", 2, "com.acme.Cart.total", None),
            Some(("app/com/acme/Cart.java".into(), 2, LineMatch::ByNumber, "two".into()))
        );
        assert_eq!(
            found("/build/cmd/main.go", 1, "main.main", None).map(|found| found.0),
            Some("cmd/main.go".into())
        );
        assert_eq!(
            found("./src/main.rs", 2, "app::main", None).map(|found| found.0),
            Some("src/main.rs".into())
        );
        assert_eq!(found("/srv/src/cart.js", 90, "total", None), None, "there is no such line");
        for foreign in ["/srv/node_modules/x/src/cart.js", "node:internal/cart.js", "/rustc/1/src/main.rs"] {
            assert_eq!(found(foreign, 1, "f", None), None, "{foreign}");
        }
    }

    #[test]
    fn a_module_is_named_from_above_its_outermost_package() {
        let files = files(&[
            "src/shop/__init__.py",
            "src/shop/sub/__init__.py",
            "src/shop/sub/a.py",
            "tool.py",
            "ns/x.py",
            "ns/y.py",
        ]);
        let module = |file| {
            let module = module_of(file, &files);
            (module.root, module.name)
        };
        assert_eq!(module("src/shop/sub/a.py"), ("src".into(), "shop.sub.a".into()));
        assert_eq!(module("src/shop/__init__.py"), ("src".into(), "shop".into()));
        assert_eq!(module("tool.py"), (String::new(), "tool".into()));
        assert_eq!(module("ns/x.py"), (String::new(), "ns.x".into()));
    }

    fn frame(line: u32, function: &str, source: Option<&str>) -> Trace {
        let frame = Frame {
            module: None,
            file: Some("/app/m.py".into()),
            line: Some(line),
            function: Some(function.into()),
            source: source.map(Into::into),
            in_app: true,
        };
        Trace { exception: Some("KeyError".into()), frames: vec![frame], ..Trace::default() }
    }

    #[test]
    fn a_line_that_moved_is_found_by_its_text_then_by_its_function() {
        let code = "import os\n\n\ndef f(d):\n    x = 1\n    return d['a']\n";
        let read = |_: &str| Some(code.to_owned());
        let found = |trace: &Trace| {
            let located = locate(trace, &files(&["m.py"]), &read).unwrap();
            (located.frames[0].line, located.frames[0].line_match)
        };
        assert_eq!(found(&frame(6, "f", Some("return d['a']"))), (6, LineMatch::Exact));
        assert_eq!(found(&frame(2, "f", Some("return d['a']"))), (6, LineMatch::BySource));
        assert_eq!(found(&frame(5, "f", None)), (5, LineMatch::ByNumber));
        assert_eq!(found(&frame(90, "f", Some("gone()"))), (5, LineMatch::ByFunction));
        assert_eq!(locate(&frame(90, "g", Some("gone()")), &files(&["m.py"]), &read), None);
    }
}
