//! The references in `docs/` are made from the types, and every command that the documentation tells to type is one.
//!
//! `GROUNDCREW_WRITE_DOCS=1` writes the references anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Home;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Compares a reference with what the types say, or writes it.
fn is_as_generated(name: &str, text: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("GROUNDCREW_WRITE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "docs/{name} is not what the types say; GROUNDCREW_WRITE_DOCS=1 writes it anew");
}

#[test]
fn the_configuration_reference_is_what_the_types_say() {
    let schema = Home::new().json(&["schema", "config"]);
    let mut text = String::from(
        "# Configuration\n\n<!-- Made from the types; a test compares it. -->\n\n\
         A project is configured by `groundcrew.toml` at the root of its checkout, which `groundcrew init` writes, or by a file\n\
         elsewhere that `groundcrew init --config FILE` names. `--config FILE` on other verbs names one for a single call. Every\n\
         key may be left out. A key that is not known is an error with its line, its column and the key that was probably meant.\n\
         `groundcrew schema config` prints this as a JSON Schema.\n\n\
         Keys marked **trust** widen what the crew may do, some of them only beyond their default or outside the repository. They\n\
         count only after `groundcrew trust`, for exactly the content that was trusted; until then they are left out and `up`\n\
         says so. A file in a work tree never counts.\n",
    );
    for (name, section) in object(&schema["properties"]) {
        let section = resolve(&schema, section);
        write!(text, "\n## `[{name}]`\n\n{}\n", description(section)).unwrap();
        let (keys, heading) = match section["type"].as_str() {
            Some("array") => {
                (resolve(&schema, &section["items"]), format!("\nWritten as `[[{name}]]`, once for each.\n"))
            }
            _ => (section, String::new()),
        };
        text.push_str(&heading);
        text.push_str(&table(&schema, keys));
        for (key, value) in object(&keys["properties"]) {
            let items = resolve(&schema, &resolve(&schema, value)["items"]);
            if items["properties"].is_object() {
                write!(text, "\n### `[[{name}.{key}]]`\n\n{}\n", description(items)).unwrap();
                text.push_str(&table(&schema, items));
            }
        }
    }
    is_as_generated("configuration.md", &text);
}

#[test]
fn the_reference_of_the_tasks_is_what_the_types_say() {
    let home = Home::new();
    let list = home.json(&["schema"]);
    let mut text = String::from(
        "# Task types\n\n<!-- Made from the types; a test compares it. -->\n\n\
         What each task takes as its context and gives as its result. `groundcrew schema NAME` prints the same as JSON Schema.\n\
         Contexts are read with tolerance: unknown fields are kept, missing ones have defaults or are found. Every result also\n\
         carries `outcome`, `confidence` (0 to 1), `reasons` (code and text), `cost` and `brain`.\n",
    );
    let mut parts = BTreeMap::new();
    for schema in list["task_types"].as_array().unwrap() {
        let name = schema["task_type"].as_str().unwrap();
        let roles: Vec<&str> = schema["roles"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let by =
            if roles.len() > 1 { "whichever role is asked".to_owned() } else { format!("the {}", roles[0]) };
        write!(text, "\n## `{name}`\n\nDone by {by}.\n").unwrap();
        for part in ["context", "result"] {
            for (name, definition) in object(&schema[part]["$defs"]) {
                if definition["properties"].is_object() && name != "Cost" && name != "BrainId" {
                    parts.insert(name.to_owned(), (schema[part].clone(), definition.clone()));
                }
            }
            let fields = table(&schema[part], &schema[part]);
            if !fields.is_empty() {
                write!(text, "\n**{part}**\n{fields}").unwrap();
            }
        }
    }
    text.push_str("\n# Parts\n");
    for (name, (schema, part)) in parts {
        write!(text, "\n### {name}\n\n{}\n{}", description(&part), table(&schema, &part)).unwrap();
    }
    is_as_generated("tasks.md", &text);
}

/// The keys of an object schema as a table; nothing where there are none.
fn table(schema: &Value, object_schema: &Value) -> String {
    let common = ["outcome", "confidence", "reasons", "cost", "brain"];
    let rows: Vec<String> = object(&object_schema["properties"])
        .filter(|(key, _)| !common.contains(key))
        .map(|(key, value)| {
            let told = description(value);
            let told = if told.is_empty() { description(resolve(schema, value)) } else { told };
            let trust =
                ["Widens power", "widens power", "widen power"].iter().any(|words| told.contains(words));
            let told = told.replace("Widens power.", "").trim().replace('|', "\\|").replace('\n', " ");
            let default = match &value["default"] {
                Value::Null | Value::Object(_) => String::new(),
                default @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                    format!(" Default: `{default}`.")
                }
            };
            let trust = if trust { " **trust**" } else { "" };
            format!("| `{key}` | {} | {told}{default}{trust} |\n", kind(schema, value))
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("\n| key | type | meaning |\n| --- | --- | --- |\n{}", rows.concat())
    }
}

/// What may stand there, in words.
fn kind(schema: &Value, value: &Value) -> String {
    let name = value["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let value = resolve(schema, value);
    if let (Some(name), true) = (name, value["properties"].is_object() && schema["title"].is_string()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for choice in ["anyOf", "oneOf"] {
        let Some(choices) = value[choice].as_array() else { continue };
        let words: Vec<String> = choices
            .iter()
            .map(|choice| match choice["const"].as_str() {
                Some(word) => format!("`{word}`"),
                None => kind(schema, choice),
            })
            .filter(|word| word != "nothing")
            .collect();
        return words.join(", ");
    }
    if let Some(words) = value["enum"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let name = match &value["type"] {
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("anything")
        }
        Value::String(name) => name,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "anything",
    };
    match name {
        "array" => format!("list of {}", kind(schema, &value["items"])),
        "object" => "table".to_owned(),
        "string" if description(value).contains("length of time") => "time".to_owned(),
        "null" => "nothing".to_owned(),
        other => other.to_owned(),
    }
}

/// Follows a reference within the schema.
fn resolve<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        Some(name) => &schema["$defs"][name],
        None => value,
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn description(value: &Value) -> String {
    value["description"].as_str().unwrap_or_default().to_owned()
}

/// Command lines of the documentation: indented or fenced lines that begin with the name of the program.
fn commands(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.trim_start().trim_start_matches("$ "))
        .filter(|line| line.starts_with("groundcrew "))
        .map(|line| {
            line.split(" #")
                .next()
                .unwrap_or(line)
                .split([';', '|', '>', '<'])
                .next()
                .unwrap_or(line)
                .trim()
                .to_owned()
        })
        .collect()
}

#[test]
fn every_command_in_the_documentation_is_one() {
    let home = Home::new();
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.push(root().join("README.md"));
    let mut tried = 0;
    for page in pages {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            // Only whether there are such verbs and flags: the values stand for the reader's own.
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            let verbs: Vec<&str> = words
                .iter()
                .copied()
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase()))
                .take(2)
                .collect();
            let help = [verbs.as_slice(), &["--help"]].concat();
            let mut ran = home.run(&help);
            if ran.code != Some(0) {
                ran = home.run(&[verbs[0], "--help"]);
            }
            let place = format!("{}: {command}", page.display());
            assert_eq!(ran.code, Some(0), "{place}: {}", ran.stderr);
            for flag in words.iter().take_while(|word| **word != "--").filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                assert!(ran.stdout.contains(flag), "{place}: {flag}");
            }
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} commands were found");
}

/// The statements of the indented transactions of a page, in order.
fn transactions(page: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs").join(page)).unwrap();
    let indented: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .fold(String::new(), |all, line| all + line + "\n");
    let parts = indented.split("BEGIN IMMEDIATE;").skip(1);
    parts
        .map(|part| {
            let body = part.split("COMMIT;").next().unwrap();
            body.split(';')
                .map(str::trim)
                .filter(|statement| !statement.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[test]
fn a_program_that_knows_only_the_documented_sql_can_take_a_role() {
    let home = Home::new();
    home.repository();
    home.ok(&["init"]);
    home.ok(&["pause", "developer"]);
    home.ok(&["new", "fix_bug", "--context", "{\"error\": \"KeyError\"}", "--project", "shop"]);
    let transactions = transactions("writing-an-agent.md");
    let [claim, settle] = transactions.as_slice() else { panic!("{transactions:?}") };
    let mut sql = home.sql();
    let taken: (i64, String, String) =
        sql.query_row(&claim[0], [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((taken.1.as_str(), taken.2.as_str()), ("fix_bug", "{\"error\":\"KeyError\"}"));
    assert!(sql.query_row(&claim[0], [], |row| row.get::<_, i64>(0)).is_err(), "it is claimed once");
    let settled = sql.transaction().unwrap();
    settled.execute(&settle[0], (taken.0, "{\"outcome\": \"patch\"}")).unwrap();
    settled.execute(&settle[1].replace("?3", "?2"), (taken.0, "{}")).unwrap();
    settled.commit().unwrap();
    let ran = home.run(&["up", "--until-idle"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);
    let status = |task_type: &str| -> String {
        let query = "SELECT status || ' ' || ifnull(error_message, '') FROM agent_tasks WHERE task_type = ?1";
        sql.query_row(query, [task_type], |row| row.get(0)).unwrap()
    };
    assert_eq!(status("fix_bug"), "completed ");
    assert_eq!(status("verify_fix"), "failed the context names no fix to verify");
}
