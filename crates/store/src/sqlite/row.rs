//! Rows as values of `core`, with tolerance for what other programs write.
//!
//! Text that is no JSON becomes a JSON string, a time that cannot be understood becomes an unknown one, a number out of
//! its range is moved into it. Only a word outside a closed list stops a row from being read.

use std::str::FromStr;

use groundcrew_core::agent::{AgentState, AgentStatus, Pause};
use groundcrew_core::event::Event;
use groundcrew_core::incident::{Hidden, Incident, IncidentStatus, ReleaseCount, Sample, Traffic};
use groundcrew_core::lifecycle::Steps;
use groundcrew_core::limit::{Limit, Rate, Scope};
use groundcrew_core::log::{LogEntry, LogLevel};
use groundcrew_core::message::{Message, MessageType};
use groundcrew_core::role::Role;
use groundcrew_core::schedule::Schedule;
use groundcrew_core::signal::{Await, Signal};
use groundcrew_core::step::Step;
use groundcrew_core::task::{
    BlockedOn, DEFAULT_PRIORITY, IncidentId, Lease, LeaseToken, MAX_RETRIES, MessageId, ProjectId, Status,
    Task, TaskId, Wait,
};
use groundcrew_core::template::{Learned, Template};
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};

use crate::error::StoreError;
use crate::time::{counted, understood};
use crate::view::{Attempt, Count, Project, Worker};

/// How a pause of all roles is written.
pub(super) const ALL_ROLES: &str = "all";

/// The columns of every statement that reads tasks, in their order: they are read by position, which is the larger part of
/// what reading a task costs.
pub(super) const TASK: &[&str] = &[
    "id",
    "task_type",
    "assigned_to",
    "created_by",
    "status",
    "priority",
    "context_json",
    "result_json",
    "parent_task_id",
    "error_message",
    "created_at",
    "started_at",
    "completed_at",
    "retry_count",
    "incident_id",
    "run_at",
    "lease_token",
    "lease_owner",
    "lease_since",
    "lease_until",
    "blocked_on",
    "blocked_message_id",
    "refusal_code",
    "dedupe_key",
    "project",
];

pub(super) fn task(row: &Row<'_>) -> Result<Task, StoreError> {
    let row = Fields { row, table: "agent_tasks", order: TASK };
    let status = row.word("status")?.unwrap_or(Status::Pending);
    Ok(Task {
        id: TaskId(row.number("id").unwrap_or(0)),
        task_type: row.text("task_type").unwrap_or_default(),
        assigned_to: row.needed("assigned_to")?,
        created_by: row.text("created_by"),
        status,
        priority: row.within("priority", 1, 10).unwrap_or(DEFAULT_PRIORITY),
        context: row.json("context_json").unwrap_or(Value::Null),
        result: row.json("result_json"),
        parent: row.number("parent_task_id").map(TaskId),
        error_message: row.text("error_message"),
        created_at: row.time_or_epoch("created_at"),
        started_at: row.time("started_at"),
        completed_at: row.time("completed_at"),
        retry_count: row.within("retry_count", 0, MAX_RETRIES).unwrap_or(0),
        incident: row.number("incident_id").map(IncidentId),
        run_at: row.value("run_at").map(|_| row.time_or_epoch("run_at")),
        lease_token: LeaseToken(row.number("lease_token").unwrap_or(0)),
        lease: row.lease(status),
        wait: row.wait(status)?,
        refusal_code: row.text("refusal_code"),
        dedupe_key: row.text("dedupe_key"),
        project: row.number("project").map(ProjectId),
    })
}

pub(super) fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let row = Fields::of(row, "agent_messages");
    Ok(Message {
        id: MessageId(row.number("id").unwrap_or(0)),
        task: row.number("task_id").map(TaskId),
        from: row.text("from_agent").unwrap_or_default(),
        to: row.text("to_agent").unwrap_or_default(),
        message_type: row.word("message_type")?.unwrap_or(MessageType::Notification),
        content: row.text("content").unwrap_or_default(),
        metadata: row.json("metadata_json").unwrap_or(Value::Null),
        created_at: row.time_or_epoch("created_at"),
        read_at: row.text("read_at").map(|_| row.time_or_epoch("read_at")),
    })
}

pub(super) fn log(row: &Row<'_>) -> Result<LogEntry, StoreError> {
    let row = Fields::of(row, "agent_logs");
    Ok(LogEntry {
        id: row.number("id").unwrap_or(0),
        task: row.number("task_id").map(TaskId),
        agent: row.text("agent_name").unwrap_or_default(),
        level: row.word("log_level")?.unwrap_or(LogLevel::Info),
        message: row.text("message").unwrap_or_default(),
        data: row.json("data_json").unwrap_or(Value::Null),
        created_at: row.time_or_epoch("created_at"),
    })
}

pub(super) fn agent(row: &Row<'_>) -> Result<AgentState, StoreError> {
    let row = Fields::of(row, "agent_state");
    Ok(AgentState {
        role: row.needed("agent_name")?,
        last_active: row.time("last_active"),
        current_task: row.number("current_task_id").map(TaskId),
        status: row.word("status")?.unwrap_or(AgentStatus::Idle),
        metrics: match row.json("metrics_json") {
            Some(Value::Object(metrics)) => metrics,
            Some(_) | None => Map::new(),
        },
    })
}

pub(super) fn incident(row: &Row<'_>) -> Result<Incident, StoreError> {
    let row = Fields::of(row, "crew_incidents");
    let sample = row.json("sample_json").and_then(|value| serde_json::from_value::<Sample>(value).ok());
    Ok(Incident {
        id: IncidentId(row.number("id").unwrap_or(0)),
        project: ProjectId(row.number("project_id").unwrap_or(0)),
        fingerprint: row.text("fingerprint").unwrap_or_default(),
        fingerprint_version: row.unsigned("fingerprint_version"),
        title: row.text("title").unwrap_or_default(),
        status: row.needed("status")?,
        category: row.word("category")?,
        severity: row.word("severity")?,
        reason: row.text("reason"),
        occurrences: row.unsigned("occurrences"),
        first_seen: row.time_or_epoch("first_seen"),
        last_seen: row.time_or_epoch("last_seen"),
        sample: sample.unwrap_or_default(),
        branch: row.text("branch"),
        fix_commit: row.text("fix_commit"),
        released_at: row.time("released_at"),
        merged_into: row.number("merged_into").map(IncidentId),
        first_release: row.text("first_release"),
        last_release: row.text("last_release"),
        family: row.text("family"),
        rule: row.text("rule"),
        ignored: row.json("ignored_json").and_then(|value| serde_json::from_value(value).ok()),
    })
}

pub(super) fn hidden(row: &Row<'_>) -> Result<Hidden, StoreError> {
    let row = Fields::of(row, "crew_hidden");
    Ok(Hidden {
        rule: row.text("rule").unwrap_or_default(),
        count: row.unsigned("occurrences"),
        first: row.time_or_epoch("first_seen"),
        last: row.time_or_epoch("last_seen"),
    })
}

pub(super) fn release(row: &Row<'_>) -> Result<ReleaseCount, StoreError> {
    let row = Fields::of(row, "crew_incident_releases");
    Ok(ReleaseCount {
        release: row.text("release").unwrap_or_default(),
        count: row.unsigned("occurrences"),
        first: row.time_or_epoch("first_seen"),
        last: row.time_or_epoch("last_seen"),
    })
}

pub(super) fn learned(row: &Row<'_>) -> Result<Learned, StoreError> {
    let row = Fields::of(row, "crew_miners");
    Ok(Learned {
        source: row.text("source").unwrap_or_default(),
        generation: row.unsigned("generation"),
        caught_up_at: row.time("caught_up_at"),
        since: row.time("since"),
    })
}

pub(super) fn template(row: &Row<'_>) -> Result<Template, StoreError> {
    let row = Fields::of(row, "crew_templates");
    Ok(Template {
        project: ProjectId(row.number("project_id").unwrap_or(0)),
        source: row.text("source").unwrap_or_default(),
        id: row.unsigned("template"),
        text: row.text("text").unwrap_or_default(),
        level: row.text("level"),
        occurrences: row.unsigned("occurrences"),
        first_seen: row.time_or_epoch("first_seen"),
        last_seen: row.time_or_epoch("last_seen"),
        example: row.text("example").unwrap_or_default(),
        rated: row.unsigned::<u64>("rated") != 0,
        notice: row.word("notice")?,
        noticed_at: row.time("noticed_at"),
    })
}

/// A pause, whose column `role` says `all` where it is one of all roles.
pub(super) fn pause(row: &Row<'_>) -> Result<Pause, StoreError> {
    let row = Fields::of(row, "crew_pauses");
    let all = row.text("role").as_deref() == Some(ALL_ROLES);
    Ok(Pause {
        role: if all { None } else { Some(row.needed("role")?) },
        since: row.time_or_epoch("since"),
        by: row.needed("paused_by")?,
        reason: row.text("reason").unwrap_or_default(),
    })
}

pub(super) fn signal(row: &Row<'_>) -> Result<Signal, StoreError> {
    let row = Fields::of(row, "crew_signals");
    Ok(Signal {
        name: row.text("name").unwrap_or_default(),
        payload: row.json("payload_json").unwrap_or(Value::Null),
        emitted_at: row.time_or_epoch("emitted_at"),
        by: row.needed("emitted_by")?,
    })
}

pub(super) fn awaits(row: &Row<'_>) -> Result<Await, StoreError> {
    let row = Fields::of(row, "crew_awaits");
    Ok(Await {
        task: TaskId(row.number("task_id").unwrap_or(0)),
        role: row.needed("assigned_to")?,
        signal: row.text("signal").unwrap_or_default(),
        since: row.time_or_epoch("since"),
    })
}

/// A limit in force; what runs of it is not in its row.
pub(super) fn limit(row: &Row<'_>) -> Result<Limit, StoreError> {
    let row = Fields::of(row, "crew_limits");
    let rate = row.number("starts").zip(row.number("per_s"));
    let scope = match row.text("scope").as_deref() {
        Some("project") => {
            Scope::Project(ProjectId(row.text("name").and_then(|id| id.parse().ok()).unwrap_or(0)))
        }
        Some("type") => Scope::Type(row.text("name").unwrap_or_default()),
        _ => Scope::Role(row.needed("name")?),
    };
    Ok(Limit {
        scope,
        concurrency: row.number("concurrency").map(few),
        rate: rate.map(|(starts, per_s)| Rate { starts: few(starts), per_s: few(per_s) }),
        since: row.time_or_epoch("since"),
        by: row.needed("set_by")?,
        running: 0,
        window_at: row.time("window_at"),
        started: row.number("started").map_or(0, few),
    })
}

fn few(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// Running tasks that have a role, a type and a project in common.
pub(super) struct Group {
    pub(super) role: Role,
    pub(super) task_type: String,
    pub(super) project: Option<ProjectId>,
    pub(super) tasks: u32,
}

pub(super) fn group(row: &Row<'_>) -> Result<Group, StoreError> {
    let row = Fields::of(row, "agent_tasks");
    Ok(Group {
        role: row.needed("assigned_to")?,
        task_type: row.text("task_type").unwrap_or_default(),
        project: row.number("project").map(ProjectId),
        tasks: row.number("tasks").map_or(0, few),
    })
}

pub(super) fn schedule(row: &Row<'_>) -> Result<Schedule, StoreError> {
    let row = Fields::of(row, "crew_schedules");
    Ok(Schedule {
        name: row.text("name").unwrap_or_default(),
        task_type: row.text("task_type").unwrap_or_default(),
        role: row.needed("role")?,
        project: row.number("project_id").map(ProjectId),
        priority: row.within("priority", 1, 10).unwrap_or(DEFAULT_PRIORITY),
        context: row.json("context_json").unwrap_or(Value::Null),
        every_s: row.unsigned("every_s"),
        cron: row.word("cron")?,
        missed: row.word("missed")?.unwrap_or_default(),
        next_at: row.time_or_epoch("next_at"),
        created_by: row.text("created_by").unwrap_or_default(),
        last_task: row.number("last_task").map(TaskId),
    })
}

pub(super) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let row = Fields::of(row, "crew_events");
    Ok(Event {
        id: row.number("id").unwrap_or(0),
        at: row.time_or_epoch("at"),
        kind: row.needed("kind")?,
        project: row.number("project_id").map(ProjectId),
        incident: row.number("incident_id").map(IncidentId),
        task: row.number("task_id").map(TaskId),
        message: row.number("message_id").map(MessageId),
        title: row.text("title").unwrap_or_default(),
        data: row.json("data_json").unwrap_or(Value::Null),
    })
}

pub(super) fn traffic(row: &Row<'_>) -> Result<Traffic, StoreError> {
    let row = Fields::of(row, "crew_traffic");
    Ok(Traffic {
        source: row.text("source").unwrap_or_default(),
        bucket: row.time_or_epoch("bucket"),
        lines: row.unsigned("lines"),
        records: row.unsigned("records"),
        errors: row.unsigned("errors"),
    })
}

/// Occurrences in one piece of time.
pub(super) fn bucket(row: &Row<'_>) -> Result<(Timestamp, u64), StoreError> {
    let row = Fields::of(row, "crew_incident_buckets");
    Ok((row.time_or_epoch("bucket"), row.unsigned("occurrences")))
}

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let row = Fields::of(row, "crew_attempts");
    Ok(Attempt {
        task: TaskId(row.number("task_id").unwrap_or(0)),
        token: LeaseToken(row.number("token").unwrap_or(0)),
        worker: row.text("worker").unwrap_or_default(),
        started_at: row.time_or_epoch("started_at"),
        ended_at: row.time("ended_at"),
        outcome: row.text("outcome"),
        error: row.text("error"),
    })
}

pub(super) fn steps(row: &Row<'_>) -> Result<Steps, StoreError> {
    let row = Fields::of(row, "crew_steps");
    Ok(Steps { recorded: row.unsigned("recorded"), has_name: row.unsigned::<u64>("named") > 0 })
}

/// A step. What is no JSON any more is told as missing, so that the others can still be read.
pub(super) fn step(row: &Row<'_>) -> Result<Step, StoreError> {
    let row = Fields::of(row, "crew_steps");
    Ok(Step {
        task: TaskId(row.number("task_id").unwrap_or(0)),
        name: row.text("name").unwrap_or_default(),
        value: row.text("value_json").and_then(|text| serde_json::from_str(&text).ok()),
        token: LeaseToken(row.number("token").unwrap_or(0)),
        at: row.time_or_epoch("recorded_at"),
    })
}

pub(super) fn project(row: &Row<'_>) -> Result<Project, StoreError> {
    let row = Fields::of(row, "crew_projects");
    Ok(Project {
        id: ProjectId(row.number("id").unwrap_or(0)),
        name: row.text("name").unwrap_or_default(),
        root: row.text("root").unwrap_or_default(),
        config: row.json("config_json").unwrap_or(Value::Null),
        created_at: row.time_or_epoch("created_at"),
    })
}

pub(super) fn worker(row: &Row<'_>) -> Result<Worker, StoreError> {
    let row = Fields::of(row, "crew_workers");
    let roles = row.json("roles_json").and_then(|value| serde_json::from_value::<Vec<Role>>(value).ok());
    Ok(Worker {
        name: row.text("name").unwrap_or_default(),
        host: row.text("host").unwrap_or_default(),
        pid: row.unsigned("pid"),
        roles: roles.unwrap_or_default(),
        started_at: row.time_or_epoch("started_at"),
        last_seen: row.time_or_epoch("last_seen"),
    })
}

pub(super) fn count(row: &Row<'_>) -> Result<Count, StoreError> {
    let row = Fields::of(row, "agent_tasks");
    Ok(Count {
        role: row.needed("assigned_to")?,
        status: row.needed("status")?,
        tasks: row.unsigned("tasks"),
    })
}

pub(super) fn incident_count(row: &Row<'_>) -> Result<(IncidentStatus, u64), StoreError> {
    let row = Fields::of(row, "crew_incidents");
    Ok((row.needed("status")?, row.unsigned("incidents")))
}

/// The JSON in the first column.
pub(super) fn first_json(row: &Row<'_>) -> Result<Value, StoreError> {
    Ok(row.get_ref(0).ok().and_then(text_of).map_or(Value::Null, parsed))
}

/// The text in the second column with the JSON in the first.
pub(super) fn source_and_json(row: &Row<'_>) -> Result<(String, Value), StoreError> {
    Ok((row.get_ref(1).ok().and_then(text_of).unwrap_or_default(), first_json(row)?))
}

/// The text in the first column.
pub(super) fn first_text(row: &Row<'_>) -> Result<String, StoreError> {
    Ok(row.get_ref(0).ok().and_then(text_of).unwrap_or_default())
}

/// The time in a column; none if it is empty or cannot be understood.
pub(super) fn time_at(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get_ref(column).ok().and_then(time_of))
}

/// A row whose columns are read by name, since other programs may have added columns of their own, or in the order in
/// which its statement names them.
struct Fields<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    /// The order; empty where they are read by name.
    order: &'static [&'static str],
}

impl<'r> Fields<'r> {
    fn of(row: &'r Row<'r>, table: &'static str) -> Self {
        Self { row, table, order: &[] }
    }

    fn value(&self, column: &'static str) -> Option<ValueRef<'_>> {
        let value = match self.order.iter().position(|at| *at == column) {
            Some(at) => self.row.get_ref(at),
            None => self.row.get_ref(column),
        };
        value.ok().filter(|value| *value != ValueRef::Null)
    }

    fn text(&self, column: &'static str) -> Option<String> {
        self.value(column).and_then(text_of)
    }

    fn json(&self, column: &'static str) -> Option<Value> {
        let value = self.value(column)?;
        if let ValueRef::Text(bytes) = value
            && let Ok(value) = serde_json::from_slice(bytes)
        {
            return Some(value);
        }
        text_of(value).map(parsed)
    }

    fn number(&self, column: &'static str) -> Option<i64> {
        self.value(column).and_then(number_of)
    }

    fn unsigned<N: TryFrom<i64> + Default>(&self, column: &'static str) -> N {
        self.number(column).and_then(|number| N::try_from(number).ok()).unwrap_or_default()
    }

    fn within(&self, column: &'static str, least: u8, most: u8) -> Option<u8> {
        let number = self.number(column)?.clamp(i64::from(least), i64::from(most));
        u8::try_from(number).ok()
    }

    fn time(&self, column: &'static str) -> Option<Timestamp> {
        self.value(column).and_then(time_of)
    }

    fn time_or_epoch(&self, column: &'static str) -> Timestamp {
        self.time(column).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn word<W: FromStr>(&self, column: &'static str) -> Result<Option<W>, StoreError> {
        let Some(value) = self.value(column) else { return Ok(None) };
        if let ValueRef::Text(bytes) = value
            && let Some(word) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok())
        {
            return Ok(Some(word));
        }
        let text = text_of(value).unwrap_or_default();
        text.parse().map(Some).map_err(|_| self.bad(column, text))
    }

    fn needed<W: FromStr>(&self, column: &'static str) -> Result<W, StoreError> {
        self.word(column)?.ok_or_else(|| self.bad(column, "NULL".to_owned()))
    }

    fn bad(&self, column: &'static str, value: String) -> StoreError {
        let id = self.text("id").or_else(|| self.text("agent_name")).unwrap_or_default();
        StoreError::BadRow { table: self.table, id, column, value }
    }

    /// Only a running task has a lease; what an old program left in the columns of another one counts for nothing.
    fn lease(&self, status: Status) -> Option<Lease> {
        if status != Status::Running {
            return None;
        }
        let (owner, since) = (self.text("lease_owner"), self.time_or_epoch("lease_since"));
        let until = self.value("lease_until")?;
        Some(Lease {
            owner: owner.unwrap_or_else(|| "unknown".to_owned()),
            since,
            until: time_of(until).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }

    fn wait(&self, status: Status) -> Result<Option<Wait>, StoreError> {
        if status != Status::Blocked {
            return Ok(None);
        }
        let on: Option<BlockedOn> = self.word("blocked_on")?;
        Ok(on.map(|on| Wait { on, message: self.number("blocked_message_id").map(MessageId) }))
    }
}

fn parsed(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn text_of(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn number_of(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is wanted")]
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
    }
}

fn time_of(value: ValueRef<'_>) -> Option<Timestamp> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => counted(number),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is wanted")]
        ValueRef::Real(number) => counted(number as i64),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => understood(std::str::from_utf8(bytes).ok()?),
    }
}
