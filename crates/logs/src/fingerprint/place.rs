//! Where in the application a trace says that it went wrong, in words that last from build to build.
//!
//! Compilers number closures, runtimes wrap coroutines and proxies, bundlers put a hash into file names: what they invent is
//! taken off by its form, so that no language needs to be known. Entry points (`main`, the top of a script, the first
//! function of a worker) say by which road an error was reached, not which it is.

use std::borrow::Cow;
use std::sync::LazyLock;

use groundcrew_core::trace::{Frame, Trace};
use regex::Regex;

use super::path::project_path;

/// Frames that are looked at; a runaway recursion prints thousands.
const MOST: usize = 200;

/// The innermost places of the application, at most so many; each once.
pub(super) fn places(trace: &Trace, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let frames: Vec<&Frame> = trace.frames.iter().take(MOST).filter(|frame| frame.in_app).collect();
    for (at, frame) in frames.iter().enumerate() {
        let innermost = at == 0;
        if frames.get(at + 1).is_some_and(|caller| is_inside(frame, caller, innermost)) {
            continue;
        }
        if !found.is_empty() && is_entry(frame) {
            break;
        }
        let place = place(frame);
        if !found.contains(&place) {
            found.push(place);
        }
        if found.len() == most {
            break;
        }
    }
    found
}

/// The innermost places whatever they belong to.
pub(super) fn any_places(trace: &Trace, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for place in trace.frames.iter().take(MOST).map(place) {
        if found.len() < most && !found.contains(&place) {
            found.push(place);
        }
    }
    found
}

/// The places that a runaway recursion goes round, in an order that does not depend on where it ended.
pub(super) fn recursion(trace: &Trace) -> Vec<String> {
    let all: Vec<String> = trace.frames.iter().take(MOST).map(place).collect();
    let mut round: Vec<String> =
        all.iter().filter(|place| all.iter().filter(|other| other == place).count() > 2).cloned().collect();
    round.sort_unstable();
    round.dedup();
    round.truncate(2);
    round
}

/// Whether a frame only stands for a piece of its caller: a built-in function that is printed with the caller's line where
/// it threw, or a function without a name within a named one.
fn is_inside(frame: &Frame, caller: &Frame, innermost: bool) -> bool {
    let same_file = frame.file.is_some() && frame.file == caller.file;
    let same_line = innermost && frame.line.is_some() && frame.line == caller.line;
    let named = |frame: &Frame| {
        let name = lasting_name(frame.function.as_deref().unwrap_or_default());
        !matches!(last_part(&name), "" | "<lambda>" | "<listcomp>" | "<genexpr>" | "<dictcomp>" | "<setcomp>")
    };
    same_file && !is_entry(caller) && (same_line || !named(frame) && named(caller))
}

/// One frame as function and, where its name does not say it, file.
pub(super) fn place(frame: &Frame) -> String {
    let name = lasting_name(frame.function.as_deref().unwrap_or_default());
    let file = frame.file.as_deref().unwrap_or_default();
    if is_qualified(&name, file) {
        return name.into_owned();
    }
    let file = lasting_file(&project_path(without_origin(file)));
    let bundled = file.contains("<hash>") || file.contains(".min.");
    // In a bundle, short names are dealt out anew by every build.
    let name = if bundled && last_part(&name).len() <= 2 { "" } else { name.as_ref() };
    format!("{name} in {file}")
}

/// Whether the name says by itself where the function is.
fn is_qualified(name: &str, file: &str) -> bool {
    const BY_FILE: [&str; 14] =
        ["py", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "rb", "html", "htm"];
    let ending =
        file.rsplit_once('.').map_or("", |(_, ending)| ending.split(['?', '#']).next().unwrap_or_default());
    !BY_FILE.contains(&ending) && (name.contains("::") || name.contains(['.', '\\']) || name.contains("->"))
}

/// The scheme and host that a browser or a bundler puts before a path.
fn without_origin(file: &str) -> &str {
    let file = file.split(['?', '#']).next().unwrap_or(file);
    let Some((scheme, rest)) = file.split_once("://") else { return file };
    match scheme {
        "http" | "https" => rest.find('/').map_or("", |at| &rest[at + 1..]),
        _ => rest.trim_start_matches(['/', '.']),
    }
}

/// A file's name without what a bundler makes from its content: `main.3f2a1b.js`, `index-BkY3x9Qz.js`.
fn lasting_file(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let Some((stem, ending)) = name.rsplit_once('.') else { return path.to_owned() };
    let mut parts = stem.split_inclusive(['.', '-', '_', '~']);
    let first = parts.next().unwrap_or_default();
    let mut kept = first.to_owned();
    for part in parts {
        let bare = part.trim_end_matches(['.', '-', '_', '~']);
        if is_hash(bare) { kept.push_str(&part.replacen(bare, "<hash>", 1)) } else { kept.push_str(part) }
    }
    if folder.is_empty() { format!("{kept}.{ending}") } else { format!("{folder}/{kept}.{ending}") }
}

fn is_hash(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let hex = part.len() >= 5 && digits > 0 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mixed = |part: &str| {
        let bytes = part.as_bytes();
        bytes.windows(2).filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase()).count()
            >= 3
    };
    let other =
        part.len() >= 8 && part.bytes().all(|b| b.is_ascii_alphanumeric()) && (digits > 0 || mixed(part));
    hex || other
}

static BY_COMPILER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"::h[0-9a-f]{16}$",                                      // hash of a Rust symbol
        r"|::\{\{?(?:closure|impl|vtable)[^}]*\}?\}",             // Rust closures
        r"|(?:\.(?:func|gowrap|deferwrap)\d+)(?:\.\d+)*|-fm$",    // Go closures
        r"|\.(?:part|constprop|isra|cold|llvm|lto_priv)\b[.\d]*", // copies that a C compiler makes
        r"|\.?<anonymous closure>|<asynchronous suspension>",     // Dart
        r"|\+0x[0-9a-fA-F]+|`\d+|@[0-9a-f]{6,}", // offsets, counts of type parameters, addresses
    ))
    .expect("the forms are a valid constant pattern")
});

/// `Run+<Handle>d__5.MoveNext`, `<>c__DisplayClass5_0.<Run>b__0`, `<Main>g__Local|0_0`.
static BY_CSHARP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[.+]?<([.\w]*)>[a-z]?__\w*(?:\|\d+_\d+)?").expect("a valid constant pattern")
});

/// A function's name without what compilers, runtimes and bundlers count or invent.
pub(super) fn lasting_name(function: &str) -> Cow<'_, str> {
    let mut name = function.trim();
    for opening in ["async ", "new ", "static ", "await "] {
        name = name.strip_prefix(opening).unwrap_or(name);
    }
    name = name.split_once(" [as ").map_or(name, |(name, _)| name);
    // Ruby: `block (2 levels) in total`, `rescue in handle`.
    while let Some((kind, rest)) = name.split_once(" in ") {
        let kind = kind.split(' ').next().unwrap_or_default();
        if !matches!(kind, "block" | "rescue" | "ensure") {
            break;
        }
        name = rest;
    }
    if matches!(
        name,
        "<anonymous>" | "Object.<anonymous>" | "anonymous" | "Anonymous function" | "eval" | "?"
    ) {
        return Cow::Borrowed("");
    }
    let name = without_arguments(behind_modules(name));
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Cow::Borrowed(name);
    }
    let name = csharp(name);
    let name = BY_COMPILER.replace_all(&name, "");
    let name = without_type_arguments(&name);
    Cow::Owned(numbered(&closure_of_php(&name)))
}

/// Modules and packages stand before a slash: `app//com.shop.Till.open`, `host/shop/till.Open`.
fn behind_modules(name: &str) -> &str {
    let end = name.find(['(', '<', '[', '{']).unwrap_or(name.len());
    name[..end].rfind('/').map_or(name, |at| &name[at + 1..])
}

/// Without the arguments that C++ and some printers put behind a name; Go's `main.(*T).Run` has its type in brackets.
fn without_arguments(name: &str) -> &str {
    let starts = |(at, _): &(usize, &str)| {
        name[..*at]
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'>' | b'~'))
    };
    name.match_indices('(').find(starts).map_or(name, |(at, _)| &name[..at])
}

fn csharp(name: &str) -> Cow<'_, str> {
    if !name.contains(">") || !name.contains("__") {
        return Cow::Borrowed(name);
    }
    let Some(host) =
        BY_CSHARP.captures_iter(name).filter_map(|found| found.get(1)).find(|host| !host.is_empty())
    else {
        return Cow::Borrowed(name);
    };
    let class = &name[..name.find(['<', '+']).unwrap_or(0)];
    Cow::Owned(format!("{}.{}", class.trim_end_matches(['.', '+']), host.as_str()))
}

/// Without `<…>` and `[…]` behind a name; `<T as Trait>::run` and `<main>` keep theirs.
fn without_type_arguments(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut depth = 0usize;
    for c in name.chars() {
        let behind_name =
            kept.chars().next_back().is_some_and(|last| last.is_alphanumeric() || matches!(last, '_' | ':'));
        match c {
            '<' | '[' if depth > 0 || behind_name => depth += 1,
            '>' | ']' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept.trim_end_matches(':').to_owned()
}

/// `{closure:Shop\Router::run():12}` is part of `Shop\Router::run`.
fn closure_of_php(name: &str) -> Cow<'_, str> {
    let Some((before, inside)) = name.split_once("{closure") else { return Cow::Borrowed(name) };
    match inside.strip_prefix(':') {
        Some(host) => {
            Cow::Owned(without_arguments(host.trim_end_matches('}')).trim_end_matches("()").to_owned())
        }
        None => Cow::Owned(before.trim_end_matches(['\\', '-', '>', ':']).to_owned()),
    }
}

/// `lambda$open$0`, `Till$1.run`, `Till$$Enhancer$$0a1b.run`, `total$2`.
fn numbered(name: &str) -> String {
    if !name.contains('$') {
        return name.to_owned();
    }
    let (class, method) = name.rsplit_once('.').unwrap_or(("", name));
    let class = class.find("$$").map_or(class, |at| &class[..at]);
    let method = method.strip_prefix("lambda$").unwrap_or(method);
    let part = |text: &str| {
        let parts = text.split('$').filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
        parts.collect::<Vec<_>>().join("$")
    };
    // A class without a name within a method has the method's; a proxy has only a number.
    let (class, method) = (part(class), part(method));
    if class.is_empty() { method } else { format!("{class}.{method}") }
}

/// Whether a frame is where a program, a script or a worker begins.
fn is_entry(frame: &Frame) -> bool {
    let name = lasting_name(frame.function.as_deref().unwrap_or_default());
    let last = last_part(&name);
    matches!(last, "<module>" | "<main>" | "{main}" | "(root)" | "<top (required)>" | "__main__")
        || words(last).any(|word| word.eq_ignore_ascii_case("main"))
}

/// The last part of a qualified name.
fn last_part(name: &str) -> &str {
    name.rsplit(['.', ':', '\\', '>', '#', '/']).next().filter(|last| !last.is_empty()).unwrap_or(name)
}

/// `HttpMain` and `http_main` as `Http`, `Main` and `http`, `main`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric()).flat_map(|part| {
        let mut starts: Vec<usize> = vec![0];
        let bytes = part.as_bytes();
        starts.extend(
            (1..bytes.len())
                .filter(|at| bytes[*at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase()),
        );
        starts.push(part.len());
        starts.windows(2).map(|pair| &part[pair[0]..pair[1]]).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_last_whatever_compilers_and_bundlers_make_of_them() {
        for (names, expected) in [
            (
                &[
                    "main::run",
                    "main::run::h0123456789abcdef",
                    "main::run::{{closure}}",
                    "main::run::{closure#3}",
                ][..],
                "main::run",
            ),
            (
                &[
                    "main.Run",
                    "main.Run.func1",
                    "main.Run.func2.1",
                    "main.Run-fm",
                    "example.org/shop/main.Run",
                ],
                "main.Run",
            ),
            (&["main.(*Till).Open", "shop/main.(*Till).Open.func3"], "main.(*Till).Open"),
            (&["main.Map", "main.Map[...]", "main.Map[go.shape.int]"], "main.Map"),
            (
                &[
                    "com.shop.Till.open",
                    "app//com.shop.Till.open",
                    "com.shop.Till.lambda$open$0",
                    "com.shop.Till.lambda$open$12",
                ],
                "com.shop.Till.open",
            ),
            (
                &[
                    "com.shop.Till.run",
                    "com.shop.Till$1.run",
                    "com.shop.Till$$EnhancerBySpringCGLIB$$1f2e3d.run",
                ],
                "com.shop.Till.run",
            ),
            (
                &[
                    "Shop.App.Run",
                    "Shop.App+<Run>d__5.MoveNext",
                    "Shop.App.<Run>d__17.MoveNext",
                    "Shop.App.<>c__DisplayClass5_0.<Run>b__0",
                    "Shop.App+<Run>c__AnonStorey0.<>m__0",
                    "Shop.App.<Run>g__Local|0_0",
                    "Shop.App.Run[T]",
                ],
                "Shop.App.Run",
            ),
            (
                &[
                    "total",
                    "block in total",
                    "block (2 levels) in total",
                    "rescue in total",
                    "ensure in block in total",
                ],
                "total",
            ),
            (&["Shop\\run", "Shop\\run{closure}", "{closure:Shop\\run():12}"], "Shop\\run"),
            (
                &[
                    "run",
                    "run.<anonymous closure>",
                    "async run",
                    "run [as handler]",
                    "run$1",
                    "run(int, char const*)",
                    "run+0x1f",
                    "run.part.0",
                    "run.constprop.0",
                ],
                "run",
            ),
            (
                &["shop::find", "shop::find(int)", "shop::find<int>(int)", "shop::find<std::vector<int> >"],
                "shop::find",
            ),
            (&["<anonymous>", "Object.<anonymous>", "", "anonymous"], ""),
            (&["<main>"], "<main>"),
            (&["<module>"], "<module>"),
            (&["<T as shop::Run>::go", "<T as shop::Run>::go::{{closure}}"], "<T as shop::Run>::go"),
        ] {
            for name in names {
                assert_eq!(lasting_name(name), expected, "{name}");
            }
        }
    }

    #[test]
    fn files_of_bundles_keep_their_name_from_build_to_build() {
        for (file, expected) in [
            ("app.3f2a1b.js", "app.<hash>.js"),
            ("main.3f2a1b9c.chunk.js", "main.<hash>.chunk.js"),
            ("index-BkY3x9Qz.js", "index-<hash>.js"),
            ("index-DxRkLmQz.js", "index-<hash>.js"),
            ("assets/vendor~main.0a1b2c3d.js", "assets/vendor~main.<hash>.js"),
            ("order-history.js", "order-history.js"),
            ("order-Controller.js", "order-Controller.js"),
            ("v2-api.js", "v2-api.js"),
            ("app.py", "app.py"),
        ] {
            assert_eq!(lasting_file(file), expected, "{file}");
        }
        let frame = |function: &str, file: &str| Frame {
            file: Some(file.into()),
            function: Some(function.into()),
            in_app: true,
            ..Frame::default()
        };
        assert_eq!(
            place(&frame("t.e", "https://shop.example/static/js/app.3f2a1b.js")),
            place(&frame("n.a", "https://cdn.example/static/js/app.77ffee.js?v=2"))
        );
        assert_ne!(
            place(&frame("checkout", "https://shop.example/js/app.3f2a1b.js")),
            place(&frame("login", "https://shop.example/js/app.3f2a1b.js"))
        );
    }

    #[test]
    fn entry_points_are_told_by_their_words() {
        let entry = |function: &str| is_entry(&Frame { function: Some(function.into()), ..Frame::default() });
        for name in [
            "main",
            "Main",
            "http_main",
            "HttpMain",
            "Shop.App.WorkerMain",
            "main.workerMain.func1",
            "<module>",
            "Shop\\http_main",
            "__main__",
            "mainLoop",
        ] {
            assert!(entry(name), "{name}");
        }
        for name in ["domain", "maintain", "main.loadUser", "main::run", "Remain", "com.main.Till.open", ""] {
            assert!(!entry(name), "{name}");
        }
    }
}
