use serde_json::Value;

use crate::support::Home;

#[test]
fn what_tasks_take_and_give_is_published() {
    let home = Home::new();
    insta::assert_snapshot!("human", home.transcript(&["schema"]));
    insta::assert_snapshot!("task_type", home.transcript(&["schema", "check_health", "--json"]));
    insta::assert_snapshot!("config", home.transcript(&["schema", "config"]));
    insta::assert_snapshot!("slip", home.transcript(&["schema", "fix_bgu"]));
    insta::assert_snapshot!("unknown", home.transcript(&["schema", "weather"]));
}

#[test]
fn one_document_holds_every_schema() {
    let home = Home::new();
    let all = home.json(&["schema"]);
    let types: Vec<&str> = all["task_types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| known["task_type"].as_str().unwrap())
        .collect();
    assert!(types.contains(&"fix_bug") && types.contains(&"scan_logs"), "{types:?}");
    for known in all["task_types"].as_array().unwrap() {
        let fields = &known["context"]["properties"];
        assert!(fields.is_object(), "{known}");
        assert_eq!(home.json(&["schema", known["task_type"].as_str().unwrap()])["result"], known["result"]);
    }
}

/// Whether every field of a value is named by its schema.
fn named(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        return named(value, root.pointer(name.trim_start_matches('#')).unwrap(), root);
    }
    let several = schema["anyOf"].as_array().into_iter().chain(schema["oneOf"].as_array()).flatten();
    let several: Vec<&Value> = several.collect();
    if !several.is_empty() {
        return several
            .iter()
            .map(|one| named(value, one, root))
            .find(Result::is_ok)
            .unwrap_or_else(|| Err(format!("{value}")));
    }
    match value {
        Value::Object(fields) if schema["properties"].is_object() => {
            fields.iter().try_for_each(|(name, value)| {
                let known =
                    schema["properties"].get(name).ok_or_else(|| format!("{name} is in no schema"))?;
                named(value, known, root).map_err(|error| format!("{name}: {error}"))
            })
        }
        Value::Array(items) => items.iter().try_for_each(|item| named(item, &schema["items"], root)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Ok(()),
    }
}

#[test]
fn the_rows_of_documents_are_as_their_schemas_say() {
    let crew = crate::fixture::Crew::new();
    for (verb, list, schema) in [
        ("tasks", "tasks", "task"),
        ("messages", "messages", "message"),
        ("agents", "agents", "agent"),
        ("audit", "entries", "log_entry"),
    ] {
        let rows = crew.home.json(&[verb])[list].clone();
        let schema = crew.home.json(&["schema", schema]);
        assert!(!rows.as_array().unwrap().is_empty(), "{verb}");
        for row in rows.as_array().unwrap() {
            named(row, &schema, &schema).unwrap_or_else(|error| panic!("{verb}: {error}"));
        }
    }
    let shown = crew.home.json(&["incidents", "show", "1"])["incident"].clone();
    let schema = crew.home.json(&["schema", "incident"]);
    named(&shown, &schema, &schema).unwrap();
}
