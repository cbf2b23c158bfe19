//! Whatever the source looks like, a family never panics and never breaks a file that was whole.

use groundcrew_core::trace::{Frame, Trace};
use groundcrew_repair::edit::resolve;
use groundcrew_repair::kinds::Kinds;
use groundcrew_repair::locate::locate;
use groundcrew_repair::strategies::{Site, Situation, all, propose};
use groundcrew_repair::syntax::Source;
use proptest::prelude::*;

const ERRORS: &[(&str, &str)] = &[
    ("KeyError", "'sku'"),
    ("IndexError", "list index out of range"),
    ("NameError", "name 'totl' is not defined"),
    ("AttributeError", "'NoneType' object has no attribute 'upper'"),
    ("AttributeError", "'str' object has no attribute 'decode'"),
    ("TypeError", "'NoneType' object is not subscriptable"),
    ("TypeError", "can only concatenate str (not \"int\") to str"),
    ("TypeError", "f() got an unexpected keyword argument 'skv'"),
    ("TypeError", "f() takes 1 positional argument but 2 were given"),
    ("ValueError", "invalid literal for int() with base 10: '1,5'"),
    ("ZeroDivisionError", "division by zero"),
    ("UnboundLocalError", "local variable 'total' referenced before assignment"),
    ("UnicodeDecodeError", "'ascii' codec can't decode byte 0xff"),
    ("ImportError", "cannot import name 'totl' from 'app'"),
];

const PIECES: &[&str] = &[
    "total += d['sku']",
    "return d[k].append(x)",
    "for i in range(len(x) + 1):",
    "while i <= len(x): i += x[i]",
    "if a is None and not b: return",
    "x = y.sort()",
    "return totl / (n - 1)",
    "f(a, skv=1)",
    "del d['sku']; pass",
    "def f(self, sku=None, *args, **kw):",
    "class A:",
    "    ",
    "\t",
    "return 'é' + str(n) # crash",
    "try:",
    "except ValueError:",
    "lambda q: q[0]",
    "[v['sku'] for v in d if v]",
    "text[-1] == 'ü'",
    "open(p, 'r').read().decode('ascii')",
    "@decorated",
    "import json",
    "from app import totl",
    "async def g():",
    "    await h(d['sku'])",
    "'''",
    "\\",
    "x = (",
    ")",
    "int(t)",
    "match d:",
    "case {'sku': s}:",
    "print(f'{d[\"sku\"]!r:>{w}}')",
    "global total",
    "assert d['sku'], 'no'",
];

fn code() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        8 => (0usize..3, proptest::sample::select(PIECES)).prop_map(|(depth, piece)| "    ".repeat(depth) + piece),
        1 => "[ -~\u{e9}\u{4e2d}]{0,30}",
    ];
    let whole = proptest::collection::vec(line, 1..14).prop_map(|lines| lines.join("\n") + "\n");
    let nested = proptest::collection::vec(proptest::sample::select(PIECES), 1..5).prop_map(|pieces| {
        format!("def f(d, k, x, n, t):\n    {}\n    return None\n", pieces.join("\n    "))
    });
    prop_oneof![whole, nested]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn no_family_panics_and_every_edit_leaves_a_whole_file_whole(code in code(), line in 1u32..14) {
        let files = vec!["app.py".to_owned()];
        let read = |path: &str| (path == "app.py").then(|| code.clone());
        for (exception, message) in ERRORS {
            let function = Source::parse(&code).and_then(|source| source.function_at(line));
            let frame = Frame {
                file: Some("/srv/app.py".into()),
                line: Some(line),
                function: Some(function.map_or("<module>".into(), |function| function.name)),
                ..Frame::default()
            };
            let trace = Trace { exception: Some((*exception).into()), frames: vec![frame], ..Trace::default() };
            let Some(located) = locate(&trace, &files, &read) else { continue };
            let sites = located.frames.into_iter().filter_map(|frame| {
                Some(Site { frame, source: Source::parse(&code)?, kinds: Kinds::default() })
            });
            let situation = Situation {
                exception: (*exception).into(),
                message: (*message).into(),
                sites: sites.collect(),
                reverts: Vec::new(),
                files: files.clone(),
                read: &read,
            };
            let whole = Source::parse(&code).is_some_and(|source| !source.is_broken());
            for proposal in propose(&situation, &all()) {
                for change in resolve(&proposal.patch, &read).unwrap_or_default() {
                    let text = String::from_utf8(change.content.unwrap_or_default()).unwrap();
                    prop_assert_ne!(&text, &code);
                    let parsed = Source::parse(&text).unwrap();
                    prop_assert!(!whole || !parsed.is_broken(), "{:?} made {}", proposal, text);
                }
            }
        }
    }
}
