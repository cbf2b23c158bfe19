//! What `--help` tells about every verb beside its flags: its group, the exit codes it can end with, and examples.
//!
//! The one place for these: the command line is put together here, and the tests below walk its tree, so that no verb can
//! be added without them. A leaf is whatever can be run: a verb without further verbs, or one that does something of its
//! own when none is named.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _};

use crate::failure::EXIT_CODES;
use crate::options::Options;

/// Verbs by what they are for, in the order in which a newcomer needs them.
const GROUPS: [(&str, &[&str]); 8] = [
    ("Start", &["demo", "init", "trust", "doctor", "up", "status"]),
    ("What is wrong", &["scan", "incidents", "logs"]),
    ("Your part", &["inbox", "answer", "approve", "reject", "messages"]),
    ("Without a crew", &["fix", "verify", "bench"]),
    ("The queue", &["tasks", "show", "new", "schedules", "signals"]),
    ("The crew", &["agents", "workers", "pause", "resume", "limits"]),
    ("What was done", &["audit"]),
    ("The machine room", &["db", "schema", "completions", "man"]),
];

/// What a leaf can end with and how it is called.
struct Leaf {
    /// Its words.
    path: &'static str,
    /// Its exit codes, by what makes them.
    codes: &'static [Codes],
    /// Command lines, without the name of the program.
    examples: &'static [&'static str],
}

/// Why a verb can end with which exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Any verb: 0, 1 and 2.
    Any,
    /// It opens the database, which may be missing or busy: 4 and 7.
    Database,
    /// It names something that may not be there: 4.
    Names,
    /// It changes something that may have changed meanwhile: 5.
    Changes,
    /// It can be done and yet leave something to look at: 3.
    NotClean,
    /// A rule can forbid it: 6.
    Refused,
    /// It goes on until a signal ends it: 130 and 143.
    Runs,
    /// It tries to repair: 8.
    Repairs,
}

impl Codes {
    const fn numbers(self) -> &'static [u8] {
        match self {
            Self::Any => &[0, 1, 2],
            Self::Database => &[4, 7],
            Self::Names => &[4],
            Self::Changes => &[5],
            Self::NotClean => &[3],
            Self::Refused => &[6],
            Self::Runs => &[130, 143],
            Self::Repairs => &[8],
        }
    }
}

use Codes::{Any, Changes, Database, Names, NotClean, Refused, Repairs, Runs};

/// Every leaf of the command line.
const LEAVES: &[Leaf] = &[
    Leaf {
        path: "demo",
        codes: &[Any, Changes, Refused, Runs],
        examples: &["demo", "demo --keep /tmp/demo"],
    },
    Leaf {
        path: "init",
        codes: &[Any, Changes, Database],
        examples: &["init", "init --dry-run", "init --config ../shop.toml"],
    },
    Leaf {
        path: "trust",
        codes: &[Any, Database],
        examples: &["trust --show", "trust", "trust --config ../shop.toml"],
    },
    Leaf { path: "doctor", codes: &[Any, NotClean, Database], examples: &["doctor", "doctor --json"] },
    Leaf {
        path: "up",
        codes: &[Any, NotClean, Database, Refused, Runs],
        examples: &["up", "up --until-idle --json"],
    },
    Leaf { path: "status", codes: &[Any, Database, Runs], examples: &["status", "status --watch"] },
    Leaf {
        path: "scan",
        codes: &[Any, Database, Runs],
        examples: &["scan --once --stats", "scan --once --since 2h", "scan - --name shop"],
    },
    Leaf {
        path: "logs parse",
        codes: &[Any, Names],
        examples: &["logs parse app.log", "logs parse --errors --json -"],
    },
    Leaf { path: "logs assemble", codes: &[Any, Names], examples: &["logs assemble app.log"] },
    Leaf {
        path: "logs mine",
        codes: &[Any, Names, Changes],
        examples: &["logs mine app.log --sort rare", "logs mine app.log app.log.1 --csv lines.csv"],
    },
    Leaf {
        path: "logs templates",
        codes: &[Any, Database],
        examples: &["logs templates --noticed", "logs templates --source /srv/shop/app.log"],
    },
    Leaf {
        path: "incidents",
        codes: &[Any, Database],
        examples: &["incidents", "incidents --status needs_human", "incidents --like 7"],
    },
    Leaf { path: "incidents show", codes: &[Any, Database, Names], examples: &["incidents show 7"] },
    Leaf {
        path: "incidents ignore",
        codes: &[Any, Database, Names, Changes],
        examples: &[
            "incidents ignore 7 --reason 'the caller sends no price'",
            "incidents ignore 7 --until 7d --reason 'the supplier is told'",
        ],
    },
    Leaf {
        path: "incidents reopen",
        codes: &[Any, Database, Names, Changes],
        examples: &["incidents reopen 7"],
    },
    Leaf {
        path: "incidents merge",
        codes: &[Any, Database, Names, Changes],
        examples: &["incidents merge 7 9 12", "incidents merge 9 --into 7"],
    },
    Leaf {
        path: "incidents split",
        codes: &[Any, Database, Names, Changes],
        examples: &["incidents split 9"],
    },
    Leaf { path: "inbox", codes: &[Any, Database], examples: &["inbox", "inbox --json"] },
    Leaf {
        path: "answer",
        codes: &[Any, Database, Names, Changes],
        examples: &["answer 12 retry --comment 'the tests are there now'"],
    },
    Leaf {
        path: "approve",
        codes: &[Any, Database, Names, Changes],
        examples: &["approve 12", "approve 12 --into release"],
    },
    Leaf {
        path: "reject",
        codes: &[Any, Database, Names, Changes],
        examples: &["reject 12 --reason 'a bag without a price is an error' --again"],
    },
    Leaf {
        path: "messages",
        codes: &[Any, Database, Names],
        examples: &["messages --to user --unread", "messages --thread 7"],
    },
    Leaf {
        path: "messages read",
        codes: &[Any, Database, Names, Changes],
        examples: &["messages read 12 13", "messages read --all"],
    },
    Leaf {
        path: "fix",
        codes: &[Any, Names, NotClean, Refused, Repairs, Runs],
        examples: &[
            "fix",
            "fix --test 'python3 -m unittest' --budget 60s",
            "fix app.log",
            "fix trace.txt --repo ~/shop -- python3 -m unittest",
        ],
    },
    Leaf {
        path: "verify",
        codes: &[Any, Names, NotClean, Refused, Repairs, Runs],
        examples: &["verify my-fix --error app.log", "verify HEAD --error trace.txt --base HEAD~1"],
    },
    Leaf {
        path: "bench repair",
        codes: &[Any, NotClean, Names, Refused, Runs],
        examples: &["bench repair crates/repair/practice", "bench repair cases boundary --jobs 2 --json"],
    },
    Leaf {
        path: "bench queue",
        codes: &[Any, Database, Refused],
        examples: &[
            "bench queue",
            "bench queue --database sqlite:/data/bench.db --tasks 50000 --workers 64 --json",
        ],
    },
    Leaf {
        path: "bench chaos",
        codes: &[Any, Database, Refused, Runs],
        examples: &["bench chaos", "bench chaos --kills 1000 --seed 7 --json"],
    },
    Leaf { path: "tasks", codes: &[Any, Database], examples: &["tasks --status failed", "tasks --role qa"] },
    Leaf {
        path: "tasks cancel",
        codes: &[Any, Database, Names, Changes],
        examples: &["tasks cancel 7 --reason 'a duplicate'", "tasks cancel 7 --workflow"],
    },
    Leaf { path: "tasks retry", codes: &[Any, Database, Names, Changes], examples: &["tasks retry 7"] },
    Leaf {
        path: "tasks redrive",
        codes: &[Any, NotClean, Database],
        examples: &["tasks redrive --role developer", "tasks redrive --all"],
    },
    Leaf {
        path: "show",
        codes: &[Any, Database, Names],
        examples: &["show 7", "show 7 --diff", "show 7 --sarif"],
    },
    Leaf {
        path: "new",
        codes: &[Any, Database, Names, Changes],
        examples: &[
            "new check_health",
            "new classify_error --context '{\"error\": \"KeyError: price\"}' --priority 8",
            "new scan_logs --context @scan.json --at 15m",
            "new check_health --every 1h --name hourly-check",
            "new audit_dependencies --cron '30 2 * * 1-5 Europe/Berlin' --name nightly --missed skip",
        ],
    },
    Leaf { path: "schedules", codes: &[Any, Database], examples: &["schedules"] },
    Leaf {
        path: "schedules remove",
        codes: &[Any, Database, Names, Changes],
        examples: &["schedules remove hourly-check"],
    },
    Leaf { path: "signals", codes: &[Any, Database], examples: &["signals"] },
    Leaf {
        path: "signals emit",
        codes: &[Any, Database],
        examples: &["signals emit deployed:1.4.2", "signals emit merged --payload '{\"branch\": \"main\"}'"],
    },
    Leaf {
        path: "pause",
        codes: &[Any, Database],
        examples: &["pause", "pause developer --reason 'a release is out'"],
    },
    Leaf { path: "resume", codes: &[Any, Database], examples: &["resume", "resume developer"] },
    Leaf { path: "limits", codes: &[Any, Database], examples: &["limits"] },
    Leaf {
        path: "limits set",
        codes: &[Any, Database, Names],
        examples: &["limits set --role developer --concurrency 2", "limits set --type fix_bug --rate 10/h"],
    },
    Leaf {
        path: "limits clear",
        codes: &[Any, Database, Names],
        examples: &["limits clear --role developer"],
    },
    Leaf { path: "agents", codes: &[Any, Database], examples: &["agents", "agents --json"] },
    Leaf { path: "workers", codes: &[Any, Database], examples: &["workers"] },
    Leaf {
        path: "audit",
        codes: &[Any, Database, Names, Runs],
        examples: &["audit --task 7", "audit --follow"],
    },
    Leaf {
        path: "audit follow",
        codes: &[Any, Database, Names, Runs],
        examples: &["audit follow", "audit follow --agent developer"],
    },
    Leaf {
        path: "audit verify",
        codes: &[Any, NotClean, Database],
        examples: &["audit verify", "audit verify --noted HASH"],
    },
    Leaf { path: "db migrate", codes: &[Any, Database, Changes], examples: &["db migrate --dry-run"] },
    Leaf { path: "db check", codes: &[Any, NotClean, Database], examples: &["db check", "db check --json"] },
    Leaf {
        path: "db backup",
        codes: &[Any, Database, Changes],
        examples: &["db backup groundcrew-backup.db"],
    },
    Leaf { path: "db stats", codes: &[Any, Database], examples: &["db stats", "db stats --json"] },
    Leaf {
        path: "db prune",
        codes: &[Any, Database],
        examples: &["db prune --before 90d --dry-run", "db prune --before 90d --archive old.jsonl"],
    },
    Leaf { path: "schema", codes: &[Any, Names], examples: &["schema", "schema fix_bug", "schema config"] },
    Leaf {
        path: "completions",
        codes: &[Any],
        examples: &["completions bash > ~/.local/share/bash-completion/completions/groundcrew"],
    },
    Leaf { path: "man", codes: &[Any, Names], examples: &["man tasks", "man --dir ~/.local/share/man/man1"] },
];

/// The command line as it is parsed and as `--help`, completions and manual pages show it.
pub(crate) fn command() -> Command {
    let mut root = Options::command();
    for leaf in LEAVES {
        let words: Vec<&str> = leaf.path.split(' ').collect();
        root = with_end(root, &words, leaf);
    }
    let template = template(&root);
    let codes = exit_codes(&root, |_| true);
    root.help_template(template).after_long_help(codes)
}

/// The tree with the end of one leaf's help put in.
fn with_end(command: Command, words: &[&str], leaf: &Leaf) -> Command {
    match words.split_first() {
        None => {
            let end = end(&command, leaf);
            command.after_long_help(end)
        }
        Some((first, rest)) if command.find_subcommand(first).is_some() => {
            command.mut_subcommand(first, |inner| with_end(inner, rest, leaf))
        }
        // Told by the test that every entry is a leaf; a user is not to meet it.
        Some(_) => command,
    }
}

/// The examples and the exit codes of a leaf.
fn end(command: &Command, leaf: &Leaf) -> StyledStr {
    let heading = command.get_styles().get_header();
    let mut text = StyledStr::new();
    let mut write = || {
        writeln!(text, "{heading}Examples:{heading:#}")?;
        for example in leaf.examples {
            writeln!(text, "  groundcrew {example}")?;
        }
        write!(text, "\n{}", exit_codes(command, |code| leaf.can_end_with(code)).ansi())
    };
    write().expect("writing to a string never fails");
    text
}

/// The table of those exit codes that can come.
fn exit_codes(command: &Command, comes: impl Fn(u8) -> bool) -> StyledStr {
    let heading = command.get_styles().get_header();
    let mut text = StyledStr::new();
    let mut write = || {
        write!(text, "{heading}Exit codes:{heading:#}")?;
        for (code, meaning) in EXIT_CODES.iter().filter(|(code, _)| comes(*code)) {
            write!(text, "\n  {code:>3}  {meaning}")?;
        }
        Ok::<(), std::fmt::Error>(())
    };
    write().expect("writing to a string never fails");
    text
}

impl Leaf {
    fn can_end_with(&self, code: u8) -> bool {
        self.codes.iter().any(|codes| codes.numbers().contains(&code))
    }
}

/// The page of the whole command: its verbs by what they are for.
fn template(root: &Command) -> StyledStr {
    let styles = root.get_styles();
    let (heading, literal) = (styles.get_header(), styles.get_literal());
    let mut text = StyledStr::new();
    let mut write = || {
        writeln!(text, "{{about-with-newline}}\n{{usage-heading}} {{usage}}")?;
        for (group, verbs) in GROUPS {
            writeln!(text, "\n{heading}{group}:{heading:#}")?;
            for name in verbs {
                let about = root.find_subcommand(name).and_then(Command::get_about);
                let about = about.map(ToString::to_string).unwrap_or_default();
                writeln!(text, "  {literal}{name:<11}{literal:#}  {about}")?;
            }
        }
        write!(text, "\n{heading}Options:{heading:#}\n{{options}}{{after-help}}")
    };
    write().expect("writing to a string never fails");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Leaves whose output differs from run to run too much for a snapshot, with the file of their tests.
    const NO_SNAPSHOT: [(&str, &str); 6] = [
        ("demo", "demo.rs"),
        ("completions", "cmd_completions.rs"),
        ("doctor", "cmd_doctor.rs"),
        ("audit follow", "cmd_audit.rs"),
        ("bench queue", "cmd_bench.rs"),
        ("bench chaos", "cmd_bench_chaos.rs"),
    ];

    fn built() -> Command {
        let mut root = command();
        root.build();
        root
    }

    /// All leaves with their paths.
    fn leaves(root: &Command) -> Vec<(String, Command)> {
        fn walk(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                let path = format!("{path} {}", inner.get_name());
                if !inner.is_subcommand_required_set() {
                    found.push((path.trim_start().to_owned(), inner.clone()));
                }
                walk(inner, &path, found);
            }
        }
        let mut found = Vec::new();
        walk(root, "", &mut found);
        found
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_leaf_is_in_the_catalogue_once_and_nothing_else_is() {
        let known: Vec<String> = LEAVES.iter().map(|leaf| leaf.path.to_owned()).collect();
        let known_once: BTreeSet<String> = known.iter().cloned().collect();
        assert_eq!(known.len(), known_once.len(), "one is named twice");
        let real: BTreeSet<String> = leaves(&built()).into_iter().map(|(path, _)| path).collect();
        assert_eq!(known_once, real, "left: LEAVES in catalogue.rs, right: the verbs in options");
    }

    #[test]
    fn every_verb_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        let root = built();
        let mut verbs: Vec<&str> =
            root.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
        let mut sorted = grouped.clone();
        sorted.sort_unstable();
        verbs.sort_unstable();
        assert_eq!(sorted, verbs, "left: GROUPS in catalogue.rs, right: the verbs in options");
    }

    #[test]
    fn every_leaf_takes_json_and_says_what_it_does_what_it_ends_with_and_how_it_is_called() {
        for (path, mut leaf) in leaves(&built()) {
            assert!(leaf.get_arguments().any(|flag| flag.get_id() == "json"), "{path} lacks --json");
            let about = leaf.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(
                (10..=66).contains(&about.chars().count()),
                "{path}: a line of help that fits: {about:?}"
            );
            for flag in leaf.get_arguments() {
                assert!(flag.get_help().is_some(), "{path}: {} lacks help", flag.get_id());
            }
            let help = leaf.render_long_help().to_string();
            for part in ["Examples:\n  groundcrew ", "Exit codes:\n    0  done", "    2  wrong usage"] {
                assert!(help.contains(part), "{path}: its help lacks {part:?}");
            }
        }
    }

    #[test]
    fn every_example_can_be_typed() {
        for leaf in LEAVES {
            for example in leaf.examples {
                let line = example.split(" > ").next().unwrap();
                let words = split(line);
                let matched = command().try_get_matches_from(
                    std::iter::once("groundcrew").chain(words.iter().map(String::as_str)),
                );
                assert!(matched.is_ok(), "{example}: {}", matched.unwrap_err());
                assert!(example.starts_with(leaf.path), "{example} is an example of something else");
            }
        }
    }

    /// Words as a shell reads them, as far as the examples need it.
    fn split(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                other => words.last_mut().unwrap().push(other),
            }
        }
        words
    }

    #[test]
    fn the_help_of_every_leaf_is_as_it_was() {
        let root = built();
        for (path, leaf) in leaves(&root) {
            let mut leaf = leaf.term_width(80);
            insta::assert_snapshot!(
                format!("help {path}").replace(' ', "_"),
                leaf.render_long_help().to_string()
            );
        }
        insta::assert_snapshot!("help", root.term_width(80).render_long_help().to_string());
    }

    /// The command lines of all transcripts that the tests compare, of runs that did what they were asked to.
    fn transcripts() -> Vec<Vec<String>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command/snapshots");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let done = ["\n[exit code 0]", "\n[exit code 3]"].iter().any(|code| text.contains(code));
            let line = text.lines().find_map(|line| line.strip_prefix("$ groundcrew "));
            if let (Some(line), true) = (line, done) {
                found.push(line.split(' ').map(str::to_owned).collect());
            }
        }
        found
    }

    #[test]
    fn what_every_leaf_prints_is_compared_for_people_and_for_programs() {
        let transcripts = transcripts();
        let paths: Vec<String> = leaves(&built()).into_iter().map(|(path, _)| path).collect();
        // The longest path wins, so that `tasks cancel` says nothing about `tasks`.
        let is_of = |words: &[String], path: &str| {
            let starts = |path: &str| {
                let path: Vec<&str> = path.split(' ').collect();
                words.len() >= path.len() && words.iter().zip(&path).all(|(word, part)| word == part)
            };
            starts(path) && !paths.iter().any(|other| other.len() > path.len() && starts(other))
        };
        let mut missing = Vec::new();
        for path in paths.iter().filter(|path| !NO_SNAPSHOT.iter().any(|(name, _)| name == path)) {
            let of: Vec<&Vec<String>> = transcripts.iter().filter(|words| is_of(words, path)).collect();
            let json = of.iter().filter(|words| words.iter().any(|word| word == "--json")).count();
            if json == of.len() {
                missing.push(path.clone());
            }
            if json == 0 {
                missing.push(format!("{path} --json"));
            }
        }
        assert_eq!(missing, Vec::<String>::new(), "no test in tests/command compares what these print");
    }

    #[test]
    fn leaves_without_a_snapshot_have_tests_of_their_own() {
        for (path, file) in NO_SNAPSHOT {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command").join(file);
            let text = std::fs::read_to_string(file).unwrap();
            let words = path.replace(' ', "\", \"");
            assert!(text.contains(&format!("\"{words}\"")) && text.contains("json"), "{path}");
        }
    }

    #[test]
    fn a_leaf_names_only_documented_exit_codes() {
        for leaf in LEAVES {
            for code in leaf.codes.iter().flat_map(|codes| codes.numbers()) {
                assert!(EXIT_CODES.iter().any(|(known, _)| known == code), "{}: {code}", leaf.path);
            }
        }
    }
}
