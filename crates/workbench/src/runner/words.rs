//! The words of a command line: which of them is the program, and what a script of `package.json` stands for.

/// What is known of a script of `package.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Script {
    /// One plain command, which can be run without a shell.
    Plain(Vec<String>),
    /// It needs a shell; these are the words of its last command.
    Last(Vec<String>),
    /// It needs a shell, and what runs last is not clear.
    Unclear,
}

/// Programs that run the program after them, and the words of theirs that may stand between.
const WRAPPERS: [&str; 12] =
    ["npx", "pnpx", "bunx", "yarn", "pnpm", "exec", "dlx", "cross-env", "env", "c8", "nyc", "dotenv"];

/// The last part of a path.
pub(super) fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Whether a word sets a variable, as before a command in a shell.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Where the program stands, after variables and programs that only run another.
pub(super) fn program_at(words: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let wrapped = at > 0 && words[..at].iter().any(|word| WRAPPERS.contains(&word.as_str()));
        let passed =
            is_assignment(word) || WRAPPERS.contains(&word.as_str()) || (wrapped && word.starts_with('-'));
        if !passed {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The script that a command of a package manager runs; none if it is another command or there is no such script.
pub(super) fn script_of(argv: &[String], package: Option<&str>) -> Option<Script> {
    let name = script_name(argv)?;
    let package: serde_json::Value = serde_json::from_str(package?).ok()?;
    let text = |name: &str| package.pointer("/scripts")?.get(name)?.as_str().map(str::trim);
    let script = text(name)?;
    // What runs before and after it is the package manager's to run.
    let around = ["pre", "post"].iter().any(|when| text(&format!("{when}{name}")).is_some());
    Some(match plain_words(script) {
        Some(words) if !around => Script::Plain(words),
        Some(words) => Script::Last(words),
        None => last_command(script).map_or(Script::Unclear, Script::Last),
    })
}

/// The script of `npm test`, `npm run check`, `yarn check` and the like, without arguments of its own.
fn script_name(argv: &[String]) -> Option<&str> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["npm" | "pnpm" | "yarn", "test" | "t" | "tst"] => Some("test"),
        ["npm" | "pnpm" | "yarn", "run" | "run-script", name] => Some(name),
        _ => None,
    }
}

/// The words of a text that a shell would only split; none if it would do anything else.
pub(super) fn plain_words(script: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = script.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let part = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '$' | '`' | '\\' | '!' if c == '"' => return None,
                        other => part.push(other),
                    }
                }
            }
            '$' | '`' | '\\' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '{' | '}' | '[' | ']' | '*'
            | '?' | '~' | '#' | '!' | '\n' | '\r' => return None,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

/// The words of what stands after the last `&&`, if nothing else is in the way and its own words are plain but for patterns
/// of files.
fn last_command(script: &str) -> Option<Vec<String>> {
    let last = script.rsplit("&&").next()?;
    let simple: String =
        last.chars().map(|c| if matches!(c, '*' | '?' | '{' | '}') { 'x' } else { c }).collect();
    plain_words(&simple)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_script_is_plain_only_where_a_shell_would_do_nothing_but_split_it() {
        assert_eq!(
            plain_words("node --test  'a b'"),
            Some(vec!["node".into(), "--test".into(), "a b".into()])
        );
        for script in ["a && b", "a | b", "a $B", "a *.js", "a `b`", "a \"$b\"", "a 'b", "", "a > b", "(a)"] {
            assert_eq!(plain_words(script), None, "{script}");
        }
    }

    #[test]
    fn the_script_behind_a_package_manager_is_found() {
        let package = |test: &str, pre: &str| {
            serde_json::json!({ "scripts": { "test": test, pre: "true", "check": "jest" } }).to_string()
        };
        let of = |line: &str, package: &str| script_of(&words(line), Some(package));
        let plain = package("node --test", "x");
        assert_eq!(of("npm test", &plain), Some(Script::Plain(words("node --test"))));
        assert_eq!(of("npm run check", &plain), Some(Script::Plain(words("jest"))));
        assert_eq!(
            of("npm test", &package("node --test", "pretest")),
            Some(Script::Last(words("node --test")))
        );
        assert_eq!(
            of("yarn test", &package("tsc && mocha t/*.js", "x")),
            Some(Script::Last(words("mocha t/x.js")))
        );
        assert_eq!(of("npm test", &package("a | b", "x")), Some(Script::Unclear));
        assert_eq!(of("npm run nothing", &plain), None);
        assert_eq!(of("npm test -- -t x", &plain), None);
        assert_eq!(script_of(&words("npm test"), Some("no json")), None);
        assert_eq!(script_of(&words("npm test"), None), None);
    }

    #[test]
    fn the_program_stands_after_variables_and_wrappers() {
        for (line, at) in [
            ("jest", Some(0)),
            ("npx --no-install jest --ci", Some(2)),
            ("A=1 B=2 node --test", Some(2)),
            ("cross-env A=1 vitest", Some(2)),
            ("nyc --reporter=text mocha", Some(2)),
            ("A=1", None),
        ] {
            assert_eq!(program_at(&words(line)), at, "{line}");
        }
    }
}
