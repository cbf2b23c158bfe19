//! A store in memory: the simplest thing that loads what a command needs and writes what was decided.
//!
//! The state machine is tested on it with random commands, and a real database must end up with the same rows.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::collections::BTreeMap;

use groundcrew_core::agent::{AgentState, AgentStatus};
use groundcrew_core::incident::{Incident, IncidentStatus, Sample, Sighting};
use groundcrew_core::lifecycle::{
    Command, MOST_WAITING, Outcome, Plan, Refusal, RoleLoad, Settlement, Snapshot, WaitingParent, Write,
    decide, wanted_keys,
};
use groundcrew_core::log::{LogEntry, NewLog};
use groundcrew_core::message::{Ask, Message, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{
    BlockedOn, IncidentId, IncidentLink, LeaseToken, MessageId, NewTask, ProjectId, Status, Task, TaskId,
    Wait,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The only project.
pub(crate) const PROJECT: ProjectId = ProjectId(1);

/// A run of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) worker: String,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<(Timestamp, String, Option<String>)>,
}

/// All rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Memory {
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) logs: Vec<LogEntry>,
    pub(crate) agents: BTreeMap<Role, AgentState>,
    pub(crate) incidents: BTreeMap<String, Incident>,
    pub(crate) runs: BTreeMap<(TaskId, LeaseToken), Run>,
    pub(crate) cursors: BTreeMap<String, Value>,
}

impl Memory {
    /// Carries out a command.
    pub(crate) fn execute(&mut self, command: &Command, now: Timestamp) -> Result<Plan, Refusal> {
        let snapshot = self.snapshot(command);
        let plan = decide(&snapshot, command, now)?;
        for write in &plan.writes {
            self.write(write, now);
        }
        Ok(plan)
    }

    fn about(&self, command: &Command) -> Option<&Task> {
        let id = match command {
            Command::Create(_) => return None,
            Command::Claim { role, only: None, .. } => return self.ready(*role),
            Command::Answer { question, .. } => self.messages.get(question)?.task?,
            Command::Claim { only: Some(task), .. }
            | Command::Heartbeat { task, .. }
            | Command::Note { task, .. }
            | Command::Adopt { task, .. }
            | Command::Promote { task }
            | Command::Rescue { task, .. }
            | Command::Cancel { task, .. }
            | Command::Redrive { task, .. } => *task,
            Command::Settle(settlement) => settlement.task,
        };
        self.tasks.get(&id)
    }

    fn ready(&self, role: Role) -> Option<&Task> {
        let ready = |task: &&Task| {
            task.assigned_to == role && task.status == Status::Pending && task.run_at.is_none()
        };
        self.tasks.values().filter(ready).min_by_key(|task| (10 - task.priority, task.created_at, task.id))
    }

    fn snapshot(&self, command: &Command) -> Snapshot {
        let about = self.about(command);
        let holder = |key: &String| {
            let open = |task: &&Task| !task.status.is_final() && Some(task.id) != about.map(|task| task.id);
            self.tasks.values().filter(open).any(|task| task.dedupe_key.as_ref() == Some(key))
        };
        let question = if let Command::Answer { question, .. } = command {
            self.messages.get(question).cloned()
        } else {
            None
        };
        Snapshot {
            agent: about.map(|task| self.agent(task.assigned_to)),
            role_load: about.map(|task| self.load(task)).unwrap_or_default(),
            waiting_parent: about.and_then(|task| self.waiting_parent(task)),
            open_children: about.map_or(0, |task| self.open_children(task.id, TaskId(0))),
            question,
            known: self.incidents.iter().map(|(key, incident)| (key.clone(), incident.status)).collect(),
            triage_waiting: self.triage_waiting(),
            taken_keys: wanted_keys(command, about).into_iter().filter(holder).collect(),
            task: about.cloned(),
        }
    }

    fn triage_waiting(&self) -> u64 {
        let ready = |task: &&Task| {
            task.assigned_to == Role::Triage && task.status == Status::Pending && task.run_at.is_none()
        };
        u64::try_from(self.tasks.values().filter(ready).count()).unwrap().min(MOST_WAITING)
    }

    pub(crate) fn agent(&self, role: Role) -> AgentState {
        let fresh = AgentState {
            role,
            last_active: None,
            current_task: None,
            status: AgentStatus::Idle,
            metrics: Map::new(),
        };
        self.agents.get(&role).cloned().unwrap_or(fresh)
    }

    fn load(&self, besides: &Task) -> RoleLoad {
        let others = |status| {
            let role = besides.assigned_to;
            let other = move |task: &&Task| {
                task.assigned_to == role && task.status == status && task.id != besides.id
            };
            self.tasks.values().filter(other)
        };
        RoleLoad {
            other_running: others(Status::Running).next().map(|task| task.id),
            other_blocked: u64::try_from(others(Status::Blocked).count()).unwrap(),
        }
    }

    fn open_children(&self, parent: TaskId, besides: TaskId) -> u64 {
        let open =
            |task: &&Task| task.parent == Some(parent) && task.id != besides && !task.status.is_final();
        u64::try_from(self.tasks.values().filter(open).count()).unwrap()
    }

    fn waiting_parent(&self, child: &Task) -> Option<Box<WaitingParent>> {
        let parent = self.tasks.get(&child.parent?)?;
        let waits = parent.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Children);
        waits.then(|| {
            Box::new(WaitingParent {
                task: parent.clone(),
                open_children: self.open_children(parent.id, child.id),
                agent: self.agent(parent.assigned_to),
                role_load: self.load(parent),
            })
        })
    }

    fn write(&mut self, write: &Write, now: Timestamp) {
        match write {
            Write::InsertTask(new) => self.insert_task(new, now),
            Write::UpdateTask(task) => {
                self.tasks.insert(task.id, (**task).clone());
            }
            Write::InsertMessage(task, message) => {
                self.insert_message(*task, message, now);
            }
            Write::InsertQuestion(task, on, message) => {
                let id = self.insert_message(Some(*task), message, now);
                self.tasks.get_mut(task).unwrap().wait = Some(Wait { on: *on, message: Some(id) });
            }
            Write::MarkRead(message) => {
                self.messages.get_mut(message).unwrap().read_at.get_or_insert(now);
            }
            Write::InsertLog(task, party, log) => self.insert_log(*task, *party, log, now),
            Write::SetAgent(agent) => {
                self.agents.insert(agent.role, agent.clone());
            }
            Write::OpenAttempt(task, token, worker) => {
                let run = Run { worker: worker.clone(), started: now, ended: None };
                assert_eq!(self.runs.insert((*task, *token), run), None, "a claim's number was used twice");
            }
            Write::CloseAttempt(task, token, outcome, error) => {
                // A row that another program set running has no run on record.
                if let Some(run) = self.runs.get_mut(&(*task, *token)) {
                    run.ended = Some((now, (*outcome).to_owned(), error.clone()));
                }
            }
            Write::Sight(project, sighting, status) => self.sight(*project, sighting, *status),
            Write::ChangeIncident(id, change) => {
                let incident = self.incidents.values_mut().find(|incident| incident.id == *id).unwrap();
                incident.status = change.status.unwrap_or(incident.status);
                incident.category = change.category.or(incident.category);
                incident.severity = change.severity.or(incident.severity);
                incident.reason = change.reason.clone().or(incident.reason.take());
                incident.branch = change.branch.clone().or(incident.branch.take());
            }
            Write::SetCursor(_, source, cursor) => {
                self.cursors.insert(source.clone(), cursor.clone());
            }
        }
    }

    fn insert_task(&mut self, new: &NewTask, now: Timestamp) {
        let id = TaskId(i64::try_from(self.tasks.len()).unwrap() + 1);
        let incident = match &new.incident {
            IncidentLink::None => None,
            IncidentLink::Id(id) => Some(*id),
            IncidentLink::Fingerprint(fingerprint) => Some(self.incidents[fingerprint].id),
        };
        let task = Task {
            id,
            task_type: new.task_type.clone(),
            assigned_to: new.assigned_to,
            created_by: Some(new.created_by.to_string()),
            status: Status::Pending,
            priority: new.priority,
            context: new.context.clone(),
            result: None,
            parent: new.parent,
            error_message: None,
            created_at: now,
            started_at: None,
            completed_at: None,
            retry_count: 0,
            project: new.project,
            incident,
            run_at: new.run_at,
            lease_token: LeaseToken(0),
            lease: None,
            wait: None,
            refusal_code: None,
            dedupe_key: new.dedupe_key.clone(),
        };
        self.tasks.insert(id, task);
    }

    fn insert_message(&mut self, task: Option<TaskId>, new: &NewMessage, now: Timestamp) -> MessageId {
        let id = MessageId(i64::try_from(self.messages.len()).unwrap() + 1);
        let message = Message {
            id,
            task,
            from: new.from.clone(),
            to: new.to.clone(),
            message_type: new.message_type,
            content: new.content.clone(),
            metadata: new.metadata.clone(),
            created_at: now,
            read_at: None,
        };
        self.messages.insert(id, message);
        id
    }

    fn insert_log(&mut self, task: Option<TaskId>, party: Party, log: &NewLog, now: Timestamp) {
        self.logs.push(LogEntry {
            id: i64::try_from(self.logs.len()).unwrap() + 1,
            task,
            agent: party.to_string(),
            level: log.level,
            message: log.message.clone(),
            data: log.data.clone(),
            created_at: now,
        });
    }

    fn sight(&mut self, project: ProjectId, sighting: &Sighting, status: Option<IncidentStatus>) {
        let id = IncidentId(i64::try_from(self.incidents.len()).unwrap() + 1);
        let incident = self.incidents.entry(sighting.fingerprint.clone()).or_insert_with(|| Incident {
            id,
            project,
            fingerprint: sighting.fingerprint.clone(),
            fingerprint_version: sighting.fingerprint_version,
            title: sighting.title.clone(),
            status: IncidentStatus::New,
            category: None,
            severity: None,
            reason: None,
            occurrences: 0,
            first_seen: sighting.first,
            last_seen: sighting.last,
            sample: sighting.sample.clone(),
            branch: None,
        });
        incident.status = status.unwrap_or(incident.status);
        incident.fingerprint_version = sighting.fingerprint_version;
        incident.occurrences += sighting.count;
        incident.first_seen = incident.first_seen.min(sighting.first);
        if sighting.last >= incident.last_seen {
            incident.last_seen = sighting.last;
            incident.sample = sighting.sample.clone();
        }
    }
}

/// Something that somebody may try. Tasks are named by a number that is taken modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) enum Try {
    Create { role: Role, priority: u8, key: Option<u8>, parent: Option<usize>, delayed: Delay },
    Claim { role: Role, lease: SignedDuration },
    ClaimThis { task: usize, lease: SignedDuration },
    Heartbeat { task: usize, stale: bool },
    Note { task: usize, stale: bool },
    Settle { task: usize, stale: bool, end: End },
    Adopt { task: usize },
    Promote { task: usize },
    Rescue { task: usize, ended: bool },
    Answer { message: usize, yes: bool },
    Cancel { task: usize },
    Redrive { task: usize },
}

/// When a new task is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delay {
    No,
    Past,
    Never,
}

/// How a run ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Complete { next: Option<(Role, Option<u8>)>, seen: Vec<(u8, bool)> },
    Retry,
    Fail,
    Block { on: BlockedOn, choices: usize },
    Release,
}

fn role() -> impl Strategy<Value = Role> {
    // Few roles, so that tasks of one role meet.
    prop::sample::select(vec![Role::Monitor, Role::Developer, Role::Qa])
}

fn lease() -> impl Strategy<Value = SignedDuration> {
    prop::sample::select(vec![SignedDuration::from_secs(3600), SignedDuration::from_secs(-1)])
}

fn end() -> impl Strategy<Value = End> {
    let next = prop::option::of((role(), prop::option::of(0..3u8)));
    let seen = prop::collection::vec((0..3u8, any::<bool>()), 0..3);
    prop_oneof![
        3 => (next, seen).prop_map(|(next, seen)| End::Complete { next, seen }),
        2 => Just(End::Retry),
        1 => Just(End::Fail),
        3 => (prop::sample::select(BlockedOn::ALL.to_vec()), 0..4usize)
            .prop_map(|(on, choices)| End::Block { on, choices }),
        1 => Just(End::Release),
    ]
}

/// Any attempt, sensible or not.
pub(crate) fn attempt() -> impl Strategy<Value = Try> {
    let task = 0..8usize;
    let stale = prop::bool::weighted(0.2);
    let delayed = prop::sample::select(vec![Delay::No, Delay::No, Delay::Past, Delay::Never]);
    let create = (role(), 0..12u8, prop::option::of(0..3u8), prop::option::of(task.clone()), delayed);
    prop_oneof![
        4 => create.prop_map(|(role, priority, key, parent, delayed)| Try::Create { role, priority, key, parent, delayed }),
        6 => (role(), lease()).prop_map(|(role, lease)| Try::Claim { role, lease }),
        1 => (task.clone(), lease()).prop_map(|(task, lease)| Try::ClaimThis { task, lease }),
        1 => (task.clone(), stale).prop_map(|(task, stale)| Try::Heartbeat { task, stale }),
        1 => (task.clone(), stale).prop_map(|(task, stale)| Try::Note { task, stale }),
        9 => (task.clone(), stale, end()).prop_map(|(task, stale, end)| Try::Settle { task, stale, end }),
        1 => task.clone().prop_map(|task| Try::Adopt { task }),
        3 => task.clone().prop_map(|task| Try::Promote { task }),
        3 => (task.clone(), any::<bool>()).prop_map(|(task, ended)| Try::Rescue { task, ended }),
        4 => (0..16usize, prop::bool::weighted(0.7)).prop_map(|(message, yes)| Try::Answer { message, yes }),
        1 => task.clone().prop_map(|task| Try::Cancel { task }),
        2 => task.prop_map(|task| Try::Redrive { task }),
    ]
}

impl Try {
    /// The command that it is for these rows; none if there is nothing yet that it could name.
    pub(crate) fn command(&self, memory: &Memory) -> Option<Command> {
        let named = |n: &usize| memory.tasks.values().nth(n % memory.tasks.len().max(1));
        let token = |task: &Task, stale: bool| LeaseToken(task.lease_token.0 - i64::from(stale));
        let worker = "worker".to_owned();
        Some(match self {
            Self::Create { role, priority, key, parent, delayed } => {
                let mut task = NewTask::new("work", *role, Party::User, json!({ "n": priority }));
                task.priority = *priority;
                task.project = Some(PROJECT);
                task.dedupe_key = key.map(|key| format!("key {key}"));
                task.parent = parent.as_ref().and_then(named).map(|task| task.id);
                task.run_at = match delayed {
                    Delay::No => None,
                    Delay::Past => Some(Timestamp::UNIX_EPOCH),
                    Delay::Never => Some("9000-01-01T00:00:00Z".parse().unwrap()),
                };
                Command::Create(Box::new(task))
            }
            Self::Claim { role, lease } => Command::Claim { role: *role, only: None, worker, lease: *lease },
            Self::ClaimThis { task, lease } => {
                let task = named(task)?;
                Command::Claim { role: task.assigned_to, only: Some(task.id), worker, lease: *lease }
            }
            Self::Heartbeat { task, stale } => {
                let task = named(task)?;
                let lease = SignedDuration::from_secs(7200);
                Command::Heartbeat { task: task.id, token: token(task, *stale), lease }
            }
            Self::Note { task, stale } => {
                let task = named(task)?;
                let logs = vec![NewLog::info("noted", json!({ "a": [1, null] }))];
                Command::Note { task: task.id, token: token(task, *stale), logs, messages: Vec::new() }
            }
            Self::Settle { task, stale, end } => {
                let task = named(task)?;
                Command::Settle(Box::new(end.settlement(task.id, token(task, *stale))))
            }
            Self::Adopt { task } => {
                Command::Adopt { task: named(task)?.id, lease: SignedDuration::from_secs(3600) }
            }
            Self::Promote { task } => Command::Promote { task: named(task)?.id },
            Self::Rescue { task, ended } => {
                let task = named(task)?;
                let owner = task.lease.as_ref().map(|lease| lease.owner.clone());
                Command::Rescue { task: task.id, ended_worker: owner.filter(|_| *ended) }
            }
            Self::Answer { message, yes } => Command::Answer {
                question: memory.messages.values().nth(message % memory.messages.len().max(1))?.id,
                by: Party::User,
                choice: if *yes { "a" } else { "z" }.to_owned(),
                comment: None,
                extra: Value::Null,
            },
            Self::Cancel { task } => {
                Command::Cancel { task: named(task)?.id, by: Party::User, reason: "enough".to_owned() }
            }
            Self::Redrive { task } => Command::Redrive { task: named(task)?.id, by: Party::User },
        })
    }
}

impl End {
    fn settlement(&self, task: TaskId, token: LeaseToken) -> Settlement {
        let outcome = match self {
            Self::Complete { .. } => Outcome::Complete { result: json!({ "done": true }) },
            Self::Retry => Outcome::Retry { error: "again".to_owned() },
            Self::Fail => Outcome::Fail { error: "never".to_owned(), refusal: Some("no".to_owned()) },
            Self::Block { on, choices } => {
                let all = [("a", "first"), ("b", "second"), ("c", "third")];
                let ask = (*choices > 0).then(|| Ask::new("Which?", &all[..*choices]));
                let ask = ask.filter(|_| *on != BlockedOn::Children);
                Outcome::Block { on: *on, ask }
            }
            Self::Release => Outcome::Release,
        };
        let mut settlement = Settlement::new(task, token, outcome);
        if let Self::Complete { next, seen } = self {
            settlement.sightings = seen.iter().map(|(which, history)| sighting(*which, *history)).collect();
            settlement.cursors = vec![("app.log".to_owned(), json!(seen.len()))];
            settlement.hand_offs = next
                .iter()
                .map(|(role, key)| {
                    let mut next = NewTask::new("next", *role, Party::System, Value::Null);
                    next.dedupe_key = key.map(|key| format!("key {key}"));
                    next
                })
                .collect();
        }
        settlement
    }
}

fn sighting(which: u8, history: bool) -> Sighting {
    Sighting {
        fingerprint: format!("f{which}"),
        fingerprint_version: 1,
        title: format!("error {which}"),
        count: 2,
        first: "2026-01-01T00:00:00Z".parse().unwrap(),
        last: "2026-01-01T01:00:00Z".parse().unwrap(),
        history,
        sample: Sample { text: format!("{which} {history}"), ..Sample::default() },
        buckets: Vec::new(),
    }
}
