//! `schema`: the JSON Schemas of what tasks take and give, of the rows that documents hold, and of the configuration.

use groundcrew_core::agent::AgentState;
use groundcrew_core::contract::published::{CONTRACTS, Contract};
use groundcrew_core::incident::Incident;
use groundcrew_core::log::LogEntry;
use groundcrew_core::message::Message;
use groundcrew_core::role::Role;
use groundcrew_core::task::Task;
use groundcrew_crew::agents::task_types;
use groundcrew_crew::config::Config;
use groundcrew_crew::nearest::nearest;
use schemars::{Schema as JsonSchema, schema_for};
use serde_json::{Map, Value, json};

use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Schema;
use crate::output::Style;
use crate::table::Table;

/// Name of the configuration among the schemas.
const CONFIG: &str = "config";

/// A row that documents hold: its name and its schema.
type Document = (&'static str, fn() -> JsonSchema);

/// The rows that documents hold.
const DOCUMENTS: [Document; 5] = [
    ("agent", || schema_for!(AgentState)),
    ("incident", || schema_for!(Incident)),
    ("log_entry", || schema_for!(LogEntry)),
    ("message", || schema_for!(Message)),
    ("task", || schema_for!(Task)),
];

/// Prints schemas.
pub(super) fn run(options: &Schema, at: &Invocation) -> Result<Done, Failure> {
    let Some(name) = &options.name else { return all(at) };
    let contract = CONTRACTS.iter().find(|contract| contract.task_type == name);
    let document = DOCUMENTS.iter().find(|(known, _)| known == name);
    let found = match (contract, document) {
        (Some(contract), _) => of_task(contract),
        (None, Some((_, schema))) => json!(schema()),
        (None, None) if name == CONFIG => json!(schema_for!(Config)),
        (None, None) => return Err(unknown(at, name)),
    };
    // A schema is for programs, whoever asks for it.
    at.out.document(&found)?;
    Ok(Done::Clean)
}

fn unknown(at: &Invocation, name: &str) -> Failure {
    let failure = Failure::new(Kind::NotFound, format!("there is no schema of {name:?}"));
    match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("`{}` lists what there is", at.command("schema"))),
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    let types = CONTRACTS.iter().map(|contract| contract.task_type);
    types.chain(DOCUMENTS.iter().map(|(name, _)| *name)).chain([CONFIG])
}

fn roles(task_type: &str) -> Vec<Role> {
    task_types().filter(|(known, _)| *known == task_type).map(|(_, role)| role).collect()
}

fn of_task(contract: &Contract) -> Value {
    json!({
        "task_type": contract.task_type,
        "roles": roles(contract.task_type),
        "context": (contract.context)(),
        "result": (contract.result)(),
    })
}

fn all(at: &Invocation) -> Result<Done, Failure> {
    if at.out.is_json() {
        let documents: Map<String, Value> =
            DOCUMENTS.iter().map(|(name, schema)| ((*name).to_owned(), json!(schema()))).collect();
        at.out.document(&json!({
            "task_types": CONTRACTS.iter().map(of_task).collect::<Vec<_>>(),
            "documents": documents,
            CONFIG: schema_for!(Config),
        }))?;
        return Ok(Done::Clean);
    }
    let mut table = Table::new(["name", "of", "done by"]);
    for contract in CONTRACTS {
        let roles: Vec<&str> = roles(contract.task_type).into_iter().map(Role::as_str).collect();
        table.row([contract.task_type.to_owned(), "context and result".to_owned(), roles.join(", ")]);
    }
    for (name, _) in DOCUMENTS {
        table.row([name.to_owned(), "a row of --json documents".to_owned(), String::new()]);
    }
    table.row([CONFIG.to_owned(), "groundcrew.toml".to_owned(), String::new()]);
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    at.out.lines(lines)?;
    at.out.note(format!("`{}` prints one", at.command("schema NAME")));
    Ok(Done::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_type_of_the_agents_is_published() {
        for (handled, role) in task_types() {
            let known = CONTRACTS.iter().any(|contract| contract.task_type == handled);
            assert!(known, "{handled} of the {role} is missing in core/src/contract/published.rs");
        }
    }
}
