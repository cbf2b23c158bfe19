//! Tells the user's own program what happens: `[hooks] on_event`.
//!
//! Each event is one JSON document on the program's standard input, in the order of the events and at least once per
//! project: the bookmark moves only after the program has ended. A program that fails is tried again with growing pauses;
//! after five tries the event is recorded as not told and passed over, so that it cannot hold up the rest. Only one
//! process tells at a time, by a file lock. Nothing of this disturbs the crew: what goes wrong is an entry of the audit log.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_core::event::Event;
use groundcrew_core::incident::Category;
use groundcrew_core::log::{LogLevel, NewLog};
use groundcrew_core::role::Party;
use groundcrew_core::task::ProjectId;
use groundcrew_logs::Redactor;
use groundcrew_store::{Project, StoreError};
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::own_program::{OwnProgram, OwnRun};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::desk::redact_value;
use crate::site::Site;
use crate::tools::Tools;

/// Version of the document's form; it rises when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Longest time a program may take for one event.
const LIMIT: Duration = Duration::from_secs(30);

/// Tries for one event.
const TRIES: u32 = 5;

/// Pause after the first failed try; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Events that are read at a time.
const READ: u32 = 100;

/// Events older than this when a project's program is told for the first time are history.
const HISTORY: SignedDuration = SignedDuration::from_hours(1);

/// Longest time an event's text may take in the document, in characters.
const TITLE: usize = 500;

/// Longest time between two looks at settings and bookmarks while nothing happens.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Tells what happens.
#[derive(Default)]
pub(crate) struct Hooks {
    lock: Option<File>,
    failed: BTreeMap<ProjectId, Failed>,
    /// The last event up to which everything was told, and when that was found.
    told: Option<(i64, Instant)>,
}

/// An event that could not be told yet.
#[derive(Debug, Clone, Copy)]
struct Failed {
    event: i64,
    tries: u32,
    again_at: Instant,
}

impl Hooks {
    /// Tells what is to be told now; gives the last event up to which nothing is left, or none while something is.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(crate) fn deliver(&mut self, tools: &Tools, cancel: &CancelToken) -> Result<Option<i64>, StoreError> {
        let known = self.told.map_or(0, |(event, _)| event);
        let last = last_event(tools, known)?;
        if let Some((event, at)) = self.told
            && event == last
            && at.elapsed() < LOOK_AGAIN
        {
            return Ok(Some(last));
        }
        self.told = self.tell_all(tools, cancel)?.then(|| (last, Instant::now()));
        Ok(self.told.map(|(event, _)| event))
    }

    fn tell_all(&mut self, tools: &Tools, cancel: &CancelToken) -> Result<bool, StoreError> {
        let mut all_told = true;
        for project in tools.store.projects()? {
            // Settings that cannot be read are told by the project's tasks.
            let Ok(site) = Site::open(&project, &tools.trust) else { continue };
            if site.config.hooks.on_event.is_none() {
                continue;
            }
            if !self.holds_lock(&tools.work_folder) {
                return Ok(true);
            }
            all_told &= self.tell_project(tools, &project, &site, cancel)?;
        }
        Ok(all_told)
    }

    /// The lock is free again when this process ends, however it ends.
    fn holds_lock(&mut self, folder: &Path) -> bool {
        if self.lock.is_none() {
            let file = File::create(folder.join("hooks.lock")).ok();
            self.lock = file.filter(|file| file.try_lock().is_ok());
        }
        self.lock.is_some()
    }

    fn tell_project(
        &mut self,
        tools: &Tools,
        project: &Project,
        site: &Site,
        cancel: &CancelToken,
    ) -> Result<bool, StoreError> {
        let name = format!("hook:{}", project.id);
        let mut told = tools.store.bookmark(&name)?;
        let first = told == 0;
        loop {
            let events = tools.store.events(told, READ)?;
            if events.is_empty() {
                return Ok(true);
            }
            for event in events {
                if cancel.is_cancelled() {
                    return Ok(false);
                }
                if is_wanted(&event, project.id, site, first)
                    && !self.tell(tools, project, site, &event, cancel)?
                {
                    return Ok(false);
                }
                if !tools.store.advance_bookmark(&name, told, event.id)? {
                    // Somebody else told it: go on from where they are.
                    return Ok(false);
                }
                told = event.id;
            }
        }
    }

    /// Tells one event; false if it has to be tried again later.
    fn tell(
        &mut self,
        tools: &Tools,
        project: &Project,
        site: &Site,
        event: &Event,
        cancel: &CancelToken,
    ) -> Result<bool, StoreError> {
        let known = self.failed.get(&project.id).copied().filter(|failed| failed.event == event.id);
        if known.is_some_and(|failed| failed.again_at > Instant::now()) {
            return Ok(false);
        }
        // As with settings that cannot be read, the project's tasks tell why.
        let Ok(redactor) = tools.redactor_of(&site.config.logs) else { return Ok(false) };
        let ran = run(tools, &redactor, project, site, event, cancel)?;
        if ran.as_ref().is_ok_and(|ran| ran.cancelled) {
            return Ok(false);
        }
        let tries = known.map_or(0, |failed| failed.tries) + 1;
        let ok = ran.as_ref().is_ok_and(|ran| ran.ok);
        let over = ok || tries >= TRIES;
        record(tools, &redactor, event, &ran, tries, over)?;
        if over {
            self.failed.remove(&project.id);
        } else {
            let again_at = Instant::now() + PAUSE * 2u32.pow(tries - 1);
            self.failed.insert(project.id, Failed { event: event.id, tries, again_at });
        }
        Ok(over)
    }
}

/// The last event there is, which is `known` or a later one.
pub(crate) fn last_event(tools: &Tools, known: i64) -> Result<i64, StoreError> {
    let mut last = known;
    loop {
        match tools.store.events(last, READ)?.last() {
            Some(event) => last = event.id,
            None => return Ok(last),
        }
    }
}

fn is_wanted(event: &Event, project: ProjectId, site: &Site, first: bool) -> bool {
    let kinds = &site.config.hooks.events;
    let history = first && Timestamp::now().duration_since(event.at) > HISTORY;
    !history
        && event.project.is_none_or(|of| of == project)
        && (kinds.is_empty() || kinds.contains(&event.kind))
}

fn run(
    tools: &Tools,
    redactor: &Redactor,
    project: &Project,
    site: &Site,
    event: &Event,
    cancel: &CancelToken,
) -> Result<Result<OwnRun, String>, StoreError> {
    let input = format!("{}\n", document(tools, redactor, project, event)?);
    let kind = event.kind.to_string();
    let argv = site.config.hooks.on_event.clone().unwrap_or_default();
    let program = OwnProgram {
        argv: &argv,
        folder: &tools.work_folder,
        repository: &site.root,
        env: &[("GROUNDCREW_EVENT", &kind)],
        input: input.as_bytes(),
        limit: LIMIT,
    };
    Ok(program.run(cancel).map_err(|error| error.to_string()))
}

/// What the program reads. Of an incident about security only that there is one: details are not for every channel.
fn document(
    tools: &Tools,
    redactor: &Redactor,
    project: &Project,
    event: &Event,
) -> Result<Value, StoreError> {
    let incident = match event.incident {
        Some(id) => tools.store.incident(id)?,
        None => None,
    };
    let discreet = incident.as_ref().is_some_and(|incident| incident.category == Some(Category::Security));
    let (title, data) = if discreet {
        ("an incident about security; `groundcrew incidents show` has the details".to_owned(), Value::Null)
    } else {
        (event.title.chars().filter(|c| !c.is_control()).take(TITLE).collect(), event.data.clone())
    };
    let mut document = json!({
        "schema_version": SCHEMA_VERSION,
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "project": { "id": project.id, "name": project.name, "root": project.root },
        "incident": event.incident,
        "task": event.task,
        "message": event.message,
        "title": title,
        "data": data,
    });
    redact_value(redactor, &mut document);
    Ok(document)
}

fn record(
    tools: &Tools,
    redactor: &Redactor,
    event: &Event,
    ran: &Result<OwnRun, String>,
    tries: u32,
    over: bool,
) -> Result<(), StoreError> {
    let (ok, ended, output) = match ran {
        Ok(ran) => (ran.ok, ran.ended.clone(), ran.output.clone()),
        Err(error) => (false, error.clone(), String::new()),
    };
    let (level, what) = match (ok, over) {
        (true, _) => (LogLevel::Info, "was told"),
        (false, false) => (LogLevel::Warn, "could not be told and is tried again"),
        (false, true) => (LogLevel::Error, "could not be told and is passed over"),
    };
    let mut data =
        json!({ "hook": event.kind, "event": event.id, "tries": tries, "ended": ended, "output": output });
    redact_value(redactor, &mut data);
    let message = format!("event {} ({}) {what}: {ended}", event.id, event.kind);
    let message = redactor.redact(&message).text;
    tools.store.log(event.task, Party::System, NewLog { level, message, data })
}
