//! `signals`: what tasks wait for from outside, and what came.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::signal::{Await, NEVER, Signal};
use groundcrew_store::Access;
use jiff::Timestamp;
use serde_json::json;

use super::new::json_of;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{SignalAction, SignalsOptions, Source};
use crate::output::Style;
use crate::table::Table;

/// Longest payload in the list, in characters.
const PAYLOAD: usize = 60;

/// Lists signals, or emits one.
pub(super) fn run(options: &SignalsOptions, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        None => list(at),
        Some(SignalAction::Emit { name, payload }) => emit(at, name, payload),
    }
}

fn list(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let (signals, awaits) = (store.signals()?, store.awaits()?);
    if at.out.is_json() {
        at.out.document(&json!({ "signals": signals, "awaits": awaits }))?;
        return Ok(Done::Clean);
    }
    if signals.is_empty() && awaits.is_empty() {
        at.out.line("no signals, and nothing waits for one")?;
    }
    if !awaits.is_empty() {
        at.out.lines(painted(at, &waiting(&awaits)))?;
    }
    if !signals.is_empty() {
        at.out.lines(painted(at, &emitted(&signals)))?;
    }
    Ok(Done::Clean)
}

fn waiting(awaits: &[Await]) -> Table {
    let mut table = Table::new(["task", "role", "waits for", "since"]);
    for wait in awaits {
        let name = escape::brief(&wait.signal, 60);
        table.row([format!("#{}", wait.task), wait.role.to_string(), name, moment(wait.since)]);
    }
    table
}

fn emitted(signals: &[Signal]) -> Table {
    let mut table = Table::new(["signal", "emitted", "by", "payload"]);
    for signal in signals {
        table.row([
            escape::brief(&signal.name, 60),
            moment(signal.emitted_at),
            signal.by.to_string(),
            escape::brief(&signal.payload.to_string(), PAYLOAD),
        ]);
    }
    table
}

fn painted(at: &Invocation, table: &Table) -> Vec<String> {
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
}

/// What a task waits for, in words.
pub(super) fn awaited(signal: &str, until: Timestamp) -> String {
    let signal = escape::brief(signal, 60);
    if until == NEVER {
        return format!("signal {signal}");
    }
    format!("signal {signal}, no longer than until {}", moment(until))
}

fn emit(at: &Invocation, name: &str, payload: &Source) -> Result<Done, Failure> {
    let payload = json_of(payload, "the payload")?;
    let store = at.open(Access::Existing)?;
    let receipt = store.execute(Command::Emit { name: name.to_owned(), payload, by: Party::User })?;
    let Some(signal) = store.signal(name)? else {
        return Err(Failure::new(Kind::Failed, "the database says that the signal was not emitted"));
    };
    // The first emission is kept, so it is this one if it has this one's time.
    let is_first = signal.emitted_at == receipt.now;
    if at.out.is_json() {
        at.out.document(&json!({ "signal": signal, "emitted": is_first }))?;
    } else if is_first {
        at.out.line(format!("signal {} is emitted; what waited for it goes on", escape::line(name)))?;
    } else {
        let (when, by) = (moment(signal.emitted_at), signal.by);
        at.out
            .line(format!("signal {} was emitted by {by} at {when}; nothing changes", escape::line(name)))?;
    }
    Ok(Done::Clean)
}
