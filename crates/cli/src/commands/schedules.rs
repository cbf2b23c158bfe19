//! `schedules`: tasks that are created again and again.

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::Party;
use groundcrew_core::schedule::Schedule;
use groundcrew_crew::config::Span;
use groundcrew_crew::nearest::nearest;
use groundcrew_store::Access;
use serde_json::json;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::moment;
use crate::options::{ScheduleAction, Schedules};
use crate::output::Style;
use crate::table::Table;

/// Lists schedules, or removes one.
pub(super) fn run(options: &Schedules, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        Some(ScheduleAction::Remove { name }) => remove(at, name),
        None => list(at),
    }
}

fn list(at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let found = store.schedules()?;
    if at.out.is_json() {
        at.out.document(&json!({ "schedules": found }))?;
    } else if found.is_empty() {
        at.out.line("no schedules")?;
    } else {
        at.out.lines(lines(at, &found))?;
    }
    Ok(Done::Clean)
}

fn lines(at: &Invocation, schedules: &[Schedule]) -> Vec<String> {
    let mut table = Table::new(["name", "type", "role", "prio", "when", "next", "last"]);
    for schedule in schedules {
        table.row([
            escape::brief(&schedule.name, 40),
            escape::brief(&schedule.task_type, 24),
            schedule.role.to_string(),
            schedule.priority.to_string(),
            schedule.cron.as_ref().map_or_else(
                || format!("every {}", String::from(Span::seconds(schedule.every_s))),
                |cron| escape::brief(cron.as_str(), 40),
            ),
            moment(schedule.next_at),
            schedule.last_task.map_or_else(|| "-".to_owned(), |task| format!("#{task}")),
        ]);
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = at.out.paint(Style::Dim, head);
    }
    lines
}

fn remove(at: &Invocation, name: &str) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let known: Vec<String> = store.schedules()?.into_iter().map(|schedule| schedule.name).collect();
    if !known.iter().any(|known| known == name) {
        let failure = Failure::new(Kind::NotFound, format!("there is no schedule {name:?}"));
        return Err(match nearest(name, &known) {
            Some(near) => failure.hint(format!("did you mean {near:?}?")),
            None => failure.hint(format!("`{}` lists them", at.command("schedules"))),
        });
    }
    store.execute(Command::RemoveSchedule { name: name.to_owned(), by: Party::User })?;
    if at.out.is_json() {
        at.out.document(&json!({ "removed": name }))?;
    } else {
        at.out.line(format!("schedule {} is removed; tasks that it made stay", escape::line(name)))?;
    }
    Ok(Done::Clean)
}
