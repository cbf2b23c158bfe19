//! `completions`: the script by which a shell completes this command.

use serde_json::json;

use crate::catalogue;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Completions;

/// Prints the script.
pub(super) fn run(options: &Completions, at: &Invocation) -> Result<Done, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut catalogue::command(), "groundcrew", &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| Failure::new(Kind::Failed, format!("the script is no text: {error}")))?;
    if at.out.is_json() {
        at.out.document(&json!({ "shell": options.shell.to_string(), "script": script }))?;
    } else {
        at.out.line(script.trim_end())?;
    }
    Ok(Done::Clean)
}
