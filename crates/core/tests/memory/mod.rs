//! A store in memory: the simplest thing that loads what a command needs and writes what was decided.
//!
//! The state machine is tested on it with random commands, and a real database must end up with the same rows.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groundcrew_core::agent::{AgentState, Pause, count_runs};
use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::event::{Event, MessageLink, NewEvent};
use groundcrew_core::incident::{
    Grouping, Incident, IncidentChange, IncidentStatus, IncidentWish, Sample, Sighting, Traffic, Until,
    bucket,
};
use groundcrew_core::lifecycle::{
    Command, Known, MOST_WAITING, Outcome, Plan, Refusal, RoleLoad, Settlement, Snapshot, Steps,
    WaitingParent, Write, answer_key, awaited_signals, decide, wanted_keys,
};
use groundcrew_core::limit::{Limit, NewLimit, Rate, Scope};
use groundcrew_core::log::{LogEntry, NewLog};
use groundcrew_core::message::{Ask, Given, Message, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::{NewSchedule, Schedule};
use groundcrew_core::signal::Signal;
use groundcrew_core::task::{
    BlockedOn, IncidentId, IncidentLink, LeaseToken, MessageId, NewTask, ProjectId, Status, Task, TaskId,
    Wait,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

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
    pub(crate) pauses: BTreeMap<Option<Role>, Pause>,
    pub(crate) limits: BTreeMap<Scope, Limit>,
    pub(crate) signals: BTreeMap<String, Signal>,
    pub(crate) awaits: BTreeMap<TaskId, String>,
    pub(crate) schedules: BTreeMap<String, Schedule>,
    pub(crate) events: Vec<Event>,
    /// Occurrences of each incident's own fingerprint.
    pub(crate) buckets: BTreeMap<(IncidentId, Timestamp), u64>,
    /// When each incident was first and last seen, without what was merged into it.
    pub(crate) own: BTreeMap<IncidentId, (Timestamp, Timestamp)>,
    pub(crate) traffic: BTreeMap<(Timestamp, String), Traffic>,
    /// Keys that may be used only once, and were.
    pub(crate) used: BTreeSet<String>,
    /// Steps by task and name, with the claims that recorded them.
    pub(crate) steps: BTreeMap<(TaskId, String), LeaseToken>,
}

impl Memory {
    /// Carries out a command and what follows from it; the plan has the roles to wake of all of them. A refused one
    /// changes nothing.
    pub(crate) fn execute(&mut self, command: &Command, now: Timestamp) -> Result<Plan, Refusal> {
        let before = self.clone();
        let done = self.run(command, now);
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn run(&mut self, command: &Command, now: Timestamp) -> Result<Plan, Refusal> {
        let mut whole = Plan::default();
        let mut rest = VecDeque::from([command.clone()]);
        while let Some(command) = rest.pop_front() {
            let snapshot = self.snapshot(&command, now);
            let plan = decide(&snapshot, &command, now)?;
            let mut question = None;
            for write in &plan.writes {
                self.write(write, &mut question, now);
            }
            whole.writes.extend(plan.writes);
            whole.wake.extend(plan.wake);
            for command in plan.then.into_iter().rev() {
                rest.push_front(command);
            }
        }
        Ok(whole)
    }

    fn about(&self, command: &Command, now: Timestamp) -> Option<&Task> {
        let id = match command {
            Command::Create(_)
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Emit { .. }
            | Command::SetLimit { .. }
            | Command::ClearLimit { .. }
            | Command::AddSchedule(_)
            | Command::RemoveSchedule { .. }
            | Command::Tick { .. }
            | Command::Read { .. }
            | Command::Incident { .. } => return None,
            Command::Claim { role, only: None, .. } => return self.ready(*role, now),
            Command::Answer { question, .. } => self.messages.get(question)?.task?,
            Command::Claim { only: Some(task), .. }
            | Command::Heartbeat { task, .. }
            | Command::Note { task, .. }
            | Command::RecordStep { task, .. }
            | Command::Adopt { task, .. }
            | Command::Promote { task }
            | Command::Rescue { task, .. }
            | Command::Cancel { task, .. }
            | Command::Redrive { task, .. } => *task,
            Command::Settle(settlement) => settlement.task,
        };
        self.tasks.get(&id)
    }

    /// The limits in force, with what runs.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let running = |scope: &Scope| {
            let of = |task: &&Task| task.status == Status::Running && scope.covers(task);
            u32::try_from(self.tasks.values().filter(of).count()).unwrap()
        };
        self.limits.values().map(|limit| Limit { running: running(&limit.scope), ..limit.clone() }).collect()
    }

    fn ready(&self, role: Role, now: Timestamp) -> Option<&Task> {
        let limits = self.limits();
        let free =
            |task: &Task| !limits.iter().any(|limit| limit.scope.covers(task) && limit.spent(now).is_some());
        let ready = |task: &&Task| {
            task.assigned_to == role && task.status == Status::Pending && task.run_at.is_none() && free(task)
        };
        self.tasks.values().filter(ready).min_by_key(|task| (10 - task.priority, task.created_at, task.id))
    }

    fn snapshot(&self, command: &Command, now: Timestamp) -> Snapshot {
        let about = self.about(command, now);
        let question = if let Command::Answer { question, .. } = command {
            self.messages.get(question).cloned()
        } else {
            None
        };
        let mut snapshot = Snapshot {
            role_load: about.map(|task| self.load(task)).unwrap_or_default(),
            waiting_parent: about.and_then(|task| self.waiting_parent(task)),
            open_children: about.is_some_and(|task| self.open_children(task.id, TaskId(0))),
            question,
            known: self.incidents.keys().map(|print| (print.clone(), self.known(print))).collect(),
            triage_waiting: self.triage_waiting(),
            pauses: self.pauses.values().cloned().collect(),
            limits: self.limits(),
            emitted: awaited_signals(command)
                .into_iter()
                .filter(|name| self.signals.contains_key(*name))
                .map(str::to_owned)
                .collect(),
            arrived: about
                .and_then(|task| self.awaits.get(&task.id))
                .is_some_and(|signal| self.signals.contains_key(signal)),
            incidents: self.incidents.values().map(|found| (found.id, found.clone())).collect(),
            asked: about.and_then(|task| self.asked(task)),
            answering: about.and_then(|task| self.answering(task)),
            children: about.map(|task| self.children(task.id)).unwrap_or_default(),
            task: about.cloned(),
            ..Snapshot::default()
        };
        snapshot.pauses.sort_by_key(|pause| (pause.since, pause.role.map_or("all", Role::as_str)));
        self.load_named(command, &mut snapshot);
        let wanted = wanted_keys(&snapshot, command, now);
        let holder = |key: &String| {
            let open = |task: &&Task| !task.status.is_final() && Some(task.id) != about.map(|task| task.id);
            self.tasks.values().filter(open).any(|task| task.dedupe_key.as_ref() == Some(key))
        };
        snapshot.taken_keys = wanted.open.into_iter().filter(holder).collect();
        snapshot.used_keys = wanted.once.into_iter().filter(|key| self.used.contains(key)).collect();
        snapshot
    }

    /// What a command names that is no task.
    fn load_named(&self, command: &Command, snapshot: &mut Snapshot) {
        let unread = |role: &Role, message: &&Message| {
            let task = snapshot.task.as_ref();
            let about = message.task.is_some()
                && (message.task == task.map(|task| task.id)
                    || message.task == task.and_then(|task| task.parent));
            about && message.to == role.as_str() && message.read_at.is_none()
        };
        match command {
            Command::Claim { role, .. } => {
                let found = self.messages.values().filter(|message| unread(role, message));
                snapshot.messages = found.cloned().collect();
            }
            Command::Read { messages, .. } => {
                snapshot.messages = messages.iter().filter_map(|id| self.messages.get(id)).cloned().collect();
            }
            Command::RecordStep { task, name, .. } => {
                let of_task = self.steps.keys().filter(|(of, _)| of == task).count();
                let has_name = self.steps.contains_key(&(*task, name.clone()));
                snapshot.steps = Steps { recorded: of_task as u64, has_name };
            }
            Command::Emit { name, .. } => {
                snapshot.signal = self.signals.get(name).cloned();
                let delayed = |task: &Task| task.status == Status::Pending && task.run_at.is_some();
                let waits =
                    |(task, signal): &(&TaskId, &String)| *signal == name && delayed(&self.tasks[*task]);
                snapshot.waiting = self.awaits.iter().filter(waits).map(|(task, _)| *task).collect();
            }
            Command::AddSchedule(new) => snapshot.schedule = self.schedules.get(&new.name).cloned(),
            Command::RemoveSchedule { name, .. } | Command::Tick { name } => {
                snapshot.schedule = self.schedules.get(name).cloned();
            }
            Command::Incident { incident, .. } => {
                let open = |task: &&Task| task.incident == Some(*incident) && !task.status.is_final();
                snapshot.open_task = self.tasks.values().find(open).map(|task| task.id);
            }
            Command::Create(_)
            | Command::Heartbeat { .. }
            | Command::Note { .. }
            | Command::Settle(_)
            | Command::Adopt { .. }
            | Command::Promote { .. }
            | Command::Rescue { .. }
            | Command::Answer { .. }
            | Command::Cancel { .. }
            | Command::Redrive { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::SetLimit { .. }
            | Command::ClearLimit { .. } => {}
        }
    }

    /// The incident that stands for a fingerprint.
    fn known(&self, fingerprint: &str) -> Known {
        let mut found = &self.incidents[fingerprint];
        while let Some(into) = found.merged_into {
            found = self.incidents.values().find(|incident| incident.id == into).unwrap();
        }
        Known::from(found.clone())
    }

    fn asked(&self, task: &Task) -> Option<Message> {
        let asker = self.tasks.get(&task.parent?).filter(|_| task.task_type == ANSWER_QUESTION)?;
        let waits = task.dedupe_key == Some(answer_key(asker.id, asker.lease_token));
        let question = asker.wait.as_ref().filter(|_| waits)?.message?;
        self.messages.get(&question).filter(|question| question.read_at.is_none()).cloned()
    }

    fn answering(&self, task: &Task) -> Option<TaskId> {
        let key = answer_key(task.id, task.lease_token);
        let open = |task: &&Task| task.dedupe_key.as_ref() == Some(&key) && !task.status.is_final();
        self.tasks.values().find(open).map(|task| task.id)
    }

    fn triage_waiting(&self) -> u64 {
        let ready = |task: &&Task| {
            task.assigned_to == Role::Triage && task.status == Status::Pending && task.run_at.is_none()
        };
        u64::try_from(self.tasks.values().filter(ready).count()).unwrap().min(MOST_WAITING)
    }

    pub(crate) fn agent(&self, role: Role) -> AgentState {
        self.agents.get(&role).cloned().unwrap_or_else(|| AgentState::new(role))
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

    fn open_children(&self, parent: TaskId, besides: TaskId) -> bool {
        let open = |task: &Task| task.parent == Some(parent) && task.id != besides && !task.status.is_final();
        self.tasks.values().any(open)
    }

    fn children(&self, parent: TaskId) -> Vec<TaskId> {
        let open = |task: &&Task| task.parent == Some(parent) && !task.status.is_final();
        self.tasks.values().filter(open).map(|task| task.id).collect()
    }

    fn waiting_parent(&self, child: &Task) -> Option<Box<WaitingParent>> {
        let parent = self.tasks.get(&child.parent?)?;
        let waits = parent.wait.as_ref().is_some_and(|wait| wait.on == BlockedOn::Children);
        waits.then(|| {
            Box::new(WaitingParent {
                task: parent.clone(),
                open_children: self.open_children(parent.id, child.id),
                role_load: self.load(parent),
            })
        })
    }

    fn write(&mut self, write: &Write, question: &mut Option<MessageId>, now: Timestamp) {
        match write {
            Write::InsertTask(new) => {
                self.insert_task(new, now);
            }
            Write::HandOff(new, message) => {
                let next = self.insert_task(new, now);
                let mut message = message.clone();
                message.metadata["next"] = json!(next);
                self.insert_message(new.parent, &message, now);
            }
            Write::UpdateTask(task) => {
                self.tasks.insert(task.id, (**task).clone());
            }
            Write::InsertMessage(task, message) => {
                self.insert_message(*task, message, now);
            }
            Write::InsertQuestion(task, on, message) => {
                let id = self.insert_message(Some(*task), message, now);
                self.tasks.get_mut(task).unwrap().wait = Some(Wait { on: *on, message: Some(id) });
                *question = Some(id);
            }
            Write::RecordStep(task, token, name, _) => {
                self.steps.insert((*task, name.clone()), *token);
            }
            Write::MarkRead(message) => {
                self.messages.get_mut(message).unwrap().read_at.get_or_insert(now);
            }
            Write::Readdress(message, party) => {
                self.messages.get_mut(message).unwrap().to = party.to_string();
            }
            Write::InsertLog(task, party, log) => self.insert_log(*task, *party, log, now),
            Write::ChangeAgent(change) => {
                let mut agent = self.agent(change.role);
                agent.follow(change);
                count_runs(&mut agent.metrics, change.run.as_slice());
                self.agents.insert(change.role, agent);
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
                let incident = self.incident(*id);
                incident.status = change.status.unwrap_or(incident.status);
                incident.category = change.category.or(incident.category);
                incident.severity = change.severity.or(incident.severity);
                incident.reason = change.reason.clone().or(incident.reason.take());
                incident.branch = change.branch.clone().or(incident.branch.take());
                incident.fix_commit = change.fix_commit.clone().or(incident.fix_commit.take());
                let approved = change.status == Some(IncidentStatus::Approved);
                incident.released_at = change.released_at.or(incident.released_at.filter(|_| !approved));
                incident.ignored =
                    change.ignored.clone().or(incident.ignored.take().filter(|_| change.status.is_none()));
            }
            // Settlements of this test hide nothing, and no incident of theirs has an older key.
            Write::Hide(_, _) | Write::AlsoKnownAs(_, _, _) => {}
            Write::SetCursor(_, source, cursor) => {
                self.cursors.insert(source.clone(), cursor.clone());
            }
            Write::AddTraffic(_, traffic) => {
                let at = bucket(traffic.bucket);
                let fresh = Traffic { bucket: at, lines: 0, records: 0, errors: 0, ..traffic.clone() };
                let sum = self.traffic.entry((at, traffic.source.clone())).or_insert(fresh);
                sum.lines += traffic.lines;
                sum.records += traffic.records;
                sum.errors += traffic.errors;
            }
            // Settlements of this test mine nothing.
            Write::SeeReleases(_, _) | Write::Mine(_, _) | Write::Notice(_, _) => {}
            Write::Merge(id, into) => self.merge(*id, *into),
            Write::SetPause(pause) => {
                self.pauses.insert(pause.role, pause.clone());
            }
            Write::LiftPause(role) => {
                self.pauses.remove(role);
            }
            Write::Emit(signal) => {
                assert!(self.signals.insert(signal.name.clone(), signal.clone()).is_none());
            }
            Write::Await(task, signal) => {
                self.awaits.insert(*task, signal.clone());
            }
            Write::EndAwait(task) => {
                self.awaits.remove(task);
            }
            Write::SetLimit(limit) => {
                self.limits.insert(limit.scope.clone(), limit.clone());
            }
            Write::ClearLimit(scope) => {
                self.limits.remove(scope);
            }
            Write::CountStart(scope, window, started) => {
                let limit = self.limits.get_mut(scope).unwrap();
                (limit.window_at, limit.started) = (Some(*window), *started);
            }
            Write::AddSchedule(schedule) => {
                self.schedules.insert(schedule.name.clone(), (**schedule).clone());
            }
            Write::RemoveSchedule(name) => {
                self.schedules.remove(name);
            }
            Write::Tick(name, next_at, new) => {
                let made = new.as_ref().map(|new| self.insert_task(new, now));
                let schedule = self.schedules.get_mut(name).unwrap();
                schedule.next_at = *next_at;
                schedule.last_task = made.or(schedule.last_task);
            }
            Write::Event(event) => self.insert_event(event, *question, now),
        }
    }

    fn incident(&mut self, id: IncidentId) -> &mut Incident {
        self.incidents.values_mut().find(|incident| incident.id == id).unwrap()
    }

    fn link(&self, link: &IncidentLink) -> Option<IncidentId> {
        match link {
            IncidentLink::None => None,
            IncidentLink::Id(id) => Some(*id),
            IncidentLink::Fingerprint(fingerprint) => Some(self.incidents[fingerprint].id),
        }
    }

    fn insert_event(&mut self, event: &NewEvent, question: Option<MessageId>, now: Timestamp) {
        self.events.push(Event {
            id: i64::try_from(self.events.len()).unwrap() + 1,
            at: now,
            kind: event.kind,
            project: event.project,
            incident: self.link(&event.incident),
            task: event.task,
            message: match event.message {
                MessageLink::None => None,
                MessageLink::Id(message) => Some(message),
                MessageLink::Question => question,
            },
            title: event.title.clone(),
            data: event.data.clone(),
        });
    }

    fn merge(&mut self, id: IncidentId, into: Option<IncidentId>) {
        let own = self.incident(id).clone();
        let before = self.above(id);
        self.incident(id).merged_into = into;
        if into.is_none() {
            for above in before {
                let (first, last) = self.own[&above];
                let merged = self.incidents.values().filter(|incident| incident.merged_into == Some(above));
                let first = merged.clone().map(|incident| incident.first_seen).fold(first, Timestamp::min);
                let last = merged.map(|incident| incident.last_seen).fold(last, Timestamp::max);
                let above = self.incident(above);
                above.occurrences -= own.occurrences;
                (above.first_seen, above.last_seen) = (first, last);
            }
        }
        if into.is_some() {
            for above in self.above(id) {
                let above = self.incident(above);
                above.occurrences += own.occurrences;
                above.first_seen = above.first_seen.min(own.first_seen);
                above.last_seen = above.last_seen.max(own.last_seen);
            }
        }
    }

    /// Occurrences of an incident and of what is merged into it.
    pub(crate) fn buckets_of(&self, id: IncidentId) -> BTreeMap<Timestamp, u64> {
        let own = self.buckets.iter().filter(|((of, _), _)| *of == id).map(|((_, at), count)| (*at, *count));
        let merged = self.incidents.values().filter(|incident| incident.merged_into == Some(id));
        let mut all: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for (at, count) in merged.flat_map(|incident| self.buckets_of(incident.id)).chain(own) {
            *all.entry(at).or_default() += count;
        }
        all
    }

    /// What an incident is merged into, and what that is merged into.
    fn above(&mut self, id: IncidentId) -> Vec<IncidentId> {
        let mut above = Vec::new();
        let mut next = self.incident(id).merged_into;
        while let Some(id) = next {
            above.push(id);
            next = self.incident(id).merged_into;
        }
        above
    }

    fn insert_task(&mut self, new: &NewTask, now: Timestamp) -> TaskId {
        let id = TaskId(i64::try_from(self.tasks.len()).unwrap() + 1);
        let incident = self.link(&new.incident);
        if let Some(key) = &new.once_key {
            assert!(self.used.insert(key.clone()), "the key {key} was used twice");
        }
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
        self.awaits.extend(new.after.clone().map(|signal| (id, signal)));
        id
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
            fix_commit: None,
            released_at: None,
            merged_into: None,
            first_release: None,
            last_release: None,
            family: None,
            rule: None,
            ignored: None,
        });
        incident.ignored = incident.ignored.take().filter(|_| status.is_none());
        incident.status = status.unwrap_or(incident.status);
        incident.fingerprint_version = sighting.fingerprint_version;
        incident.occurrences += sighting.count;
        incident.first_seen = incident.first_seen.min(sighting.first);
        if sighting.last >= incident.last_seen {
            incident.last_seen = sighting.last;
            incident.sample = sighting.sample.clone();
        }
        let id = incident.id;
        let own = self.own.entry(id).or_insert((sighting.first, sighting.last));
        *own = (own.0.min(sighting.first), own.1.max(sighting.last));
        for (at, count) in sighting.counted() {
            *self.buckets.entry((id, at)).or_default() += count;
        }
        for above in self.above(id) {
            let above = self.incident(above);
            above.occurrences += sighting.count;
            above.first_seen = above.first_seen.min(sighting.first);
            above.last_seen = above.last_seen.max(sighting.last);
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
    Step { task: usize, name: u8, stale: bool },
    Settle { task: usize, stale: bool, end: End },
    Adopt { task: usize },
    Promote { task: usize },
    Rescue { task: usize, ended: bool },
    Answer { message: usize, yes: bool },
    Cancel { task: usize },
    Redrive { task: usize },
    Pause { role: Option<Role>, on: bool },
    Limit { scope: Scope, change: Bound },
    Emit { name: u8 },
    Schedule { name: u8, change: Timing },
    Read { message: usize, by: Party },
    Incident { incident: usize, other: usize, wish: u8 },
}

/// What becomes of a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtOnce(u32),
    Starts(u32),
    Clear,
}

/// What happens to a schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timing {
    Add(Role),
    Remove,
    Tick,
}

/// When a new task is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Delay {
    No,
    Past,
    Never,
    Signal(u8),
}

/// How a run ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Complete {
        next: Option<(Role, Option<u8>)>,
        seen: Vec<(u8, bool)>,
        learned: Option<Learned>,
        answer: Option<bool>,
    },
    Retry,
    Fail,
    Block {
        on: BlockedOn,
        choices: usize,
        to: Option<Role>,
    },
    Await(u8, bool),
    Release,
}

/// What a run learned about an incident.
#[derive(Debug, Clone)]
pub(crate) struct Learned {
    incident: usize,
    status: IncidentStatus,
    released: bool,
}

fn learned() -> impl Strategy<Value = Learned> {
    let statuses = vec![
        IncidentStatus::Approved,
        IncidentStatus::Approved,
        IncidentStatus::Resolved,
        IncidentStatus::Fixing,
        IncidentStatus::Ignored,
    ];
    (0..4usize, prop::sample::select(statuses), any::<bool>())
        .prop_map(|(incident, status, released)| Learned { incident, status, released })
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
        4 => (next, seen, prop::option::weighted(0.5, learned()), prop::option::weighted(0.7, prop::bool::weighted(0.9)))
            .prop_map(|(next, seen, learned, answer)| End::Complete { next, seen, learned, answer }),
        2 => Just(End::Retry),
        1 => Just(End::Fail),
        3 => (prop::sample::select(BlockedOn::ALL.to_vec()), 0..4usize, prop::option::weighted(0.2, role()))
            .prop_map(|(on, choices, to)| End::Block { on, choices, to }),
        2 => (2..4usize, role())
            .prop_map(|(choices, to)| End::Block { on: BlockedOn::Question, choices, to: Some(to) }),
        2 => (0..3u8, any::<bool>()).prop_map(|(name, ends)| End::Await(name, ends)),
        1 => Just(End::Release),
    ]
}

fn signal_name(number: u8) -> String {
    format!("signal {number}")
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        role().prop_map(Scope::Role),
        Just(Scope::Type("work".to_owned())),
        Just(Scope::Type(ANSWER_QUESTION.to_owned())),
        Just(Scope::Project(PROJECT)),
    ]
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![(1..3u32).prop_map(Bound::AtOnce), (1..4u32).prop_map(Bound::Starts), Just(Bound::Clear)]
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![role().prop_map(Timing::Add), Just(Timing::Remove), Just(Timing::Tick), Just(Timing::Tick)]
}

fn party() -> impl Strategy<Value = Party> {
    prop::sample::select(vec![Party::User, Party::Developer, Party::Qa])
}

/// Any attempt, sensible or not.
pub(crate) fn attempt() -> impl Strategy<Value = Try> {
    let task = 0..8usize;
    let stale = prop::bool::weighted(0.2);
    let delayed = prop::sample::select(vec![
        Delay::No,
        Delay::No,
        Delay::No,
        Delay::Past,
        Delay::Never,
        Delay::Signal(0),
        Delay::Signal(1),
    ]);
    let create = (role(), 0..12u8, prop::option::of(0..3u8), prop::option::of(task.clone()), delayed);
    prop_oneof![
        4 => create.prop_map(|(role, priority, key, parent, delayed)| Try::Create { role, priority, key, parent, delayed }),
        14 => (role(), lease()).prop_map(|(role, lease)| Try::Claim { role, lease }),
        1 => (task.clone(), lease()).prop_map(|(task, lease)| Try::ClaimThis { task, lease }),
        1 => (task.clone(), stale).prop_map(|(task, stale)| Try::Heartbeat { task, stale }),
        1 => (task.clone(), stale).prop_map(|(task, stale)| Try::Note { task, stale }),
        2 => (task.clone(), 0..3u8, stale).prop_map(|(task, name, stale)| Try::Step { task, name, stale }),
        18 => (task.clone(), stale, end()).prop_map(|(task, stale, end)| Try::Settle { task, stale, end }),
        1 => task.clone().prop_map(|task| Try::Adopt { task }),
        3 => task.clone().prop_map(|task| Try::Promote { task }),
        3 => (task.clone(), any::<bool>()).prop_map(|(task, ended)| Try::Rescue { task, ended }),
        4 => (0..16usize, prop::bool::weighted(0.7)).prop_map(|(message, yes)| Try::Answer { message, yes }),
        1 => task.clone().prop_map(|task| Try::Cancel { task }),
        2 => task.prop_map(|task| Try::Redrive { task }),
        2 => (prop::option::weighted(0.4, role()), prop::bool::weighted(0.15))
            .prop_map(|(role, on)| Try::Pause { role, on }),
        1 => (0..3u8).prop_map(|name| Try::Emit { name }),
        2 => (scope(), bound()).prop_map(|(scope, change)| Try::Limit { scope, change }),
        2 => (0..2u8, timing()).prop_map(|(name, change)| Try::Schedule { name, change }),
        1 => (0..16usize, party()).prop_map(|(message, by)| Try::Read { message, by }),
        4 => (0..4usize, 0..4usize, 0..8u8)
            .prop_map(|(incident, other, wish)| Try::Incident { incident, other, wish }),
    ]
}

impl Try {
    /// The command that it is for these rows; none if there is nothing yet that it could name.
    pub(crate) fn command(&self, memory: &Memory) -> Option<Command> {
        let named = |n: &usize| memory.tasks.values().nth(n % memory.tasks.len().max(1));
        // Most of them name what runs, so that a short sequence comes far.
        let running = |n: &usize| {
            let tasks = memory.tasks.values().filter(|task| task.status == Status::Running && *n < 6);
            let tasks: Vec<&Task> = tasks.collect();
            tasks.get(n % tasks.len().max(1)).copied()
        };
        let open = |n: &usize| {
            let asks = |message: &&Message| {
                message.message_type == MessageType::Question && message.read_at.is_none() && *n < 12
            };
            let open: Vec<&Message> = memory.messages.values().filter(asks).collect();
            open.get(n % open.len().max(1)).copied()
        };
        let token = |task: &Task, stale: bool| LeaseToken(task.lease_token.0 - i64::from(stale));
        let worker = "worker".to_owned();
        Some(match self {
            Self::Create { role, priority, key, parent, delayed } => {
                let mut task = NewTask::new("work", *role, Party::User, json!({ "n": priority }));
                task.priority = *priority;
                task.project = Some(PROJECT);
                task.dedupe_key = key.map(|key| format!("key {key}"));
                task.parent = parent.as_ref().and_then(named).map(|task| task.id);
                task.after = match delayed {
                    Delay::Signal(name) => Some(signal_name(*name)),
                    Delay::No | Delay::Past | Delay::Never => None,
                };
                task.run_at = match delayed {
                    Delay::No | Delay::Signal(_) => None,
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
            Self::Step { task, name, stale } => {
                let task = running(task).or_else(|| named(task))?;
                let (token, name) = (token(task, *stale), format!("step {name}"));
                Command::RecordStep { task: task.id, token, name, value: json!({ "by": token }) }
            }
            Self::Settle { task, stale, end } => {
                let task = running(task).or_else(|| named(task))?;
                Command::Settle(Box::new(end.settlement(memory, task, token(task, *stale))))
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
                question: open(message)
                    .or_else(|| memory.messages.values().nth(message % memory.messages.len().max(1)))?
                    .id,
                by: Party::User,
                choice: if *yes { "a" } else { "z" }.to_owned(),
                comment: None,
                extra: Value::Null,
            },
            Self::Cancel { task } => {
                Command::Cancel { task: named(task)?.id, by: Party::User, reason: "enough".to_owned() }
            }
            Self::Redrive { task } => Command::Redrive { task: named(task)?.id, by: Party::User },
            Self::Pause { role, on: true } => {
                Command::Pause { role: *role, by: Party::User, reason: "a release".to_owned() }
            }
            Self::Pause { role, on: false } => Command::Resume { role: *role, by: Party::User },
            Self::Emit { name } => {
                let payload = json!({ "n": memory.signals.len() });
                Command::Emit { name: signal_name(*name), payload, by: Party::User }
            }
            Self::Limit { scope, change: Bound::Clear } => {
                Command::ClearLimit { scope: scope.clone(), by: Party::User }
            }
            Self::Limit { scope, change } => {
                let (concurrency, rate) = match change {
                    Bound::AtOnce(most) => (Some(*most), None),
                    Bound::Starts(starts) => (None, Some(Rate { starts: *starts, per_s: 3600 })),
                    Bound::Clear => (None, None),
                };
                let limit = NewLimit { scope: scope.clone(), concurrency, rate };
                Command::SetLimit { limit, by: Party::User }
            }
            Self::Schedule { name, change } => {
                let name = format!("schedule {name}");
                match change {
                    Timing::Add(role) => {
                        let every = SignedDuration::from_secs(30);
                        let mut new =
                            NewSchedule::new(&name, "regular", *role, every.into(), json!({ "x": 1 }));
                        new.project = Some(PROJECT);
                        Command::AddSchedule(Box::new(new))
                    }
                    Timing::Remove => Command::RemoveSchedule { name, by: Party::User },
                    Timing::Tick => Command::Tick { name },
                }
            }
            Self::Read { message, by } => {
                let message = memory.messages.values().nth(message % memory.messages.len().max(1))?;
                Command::Read { messages: vec![message.id], by: *by }
            }
            Self::Incident { incident, other, wish } => {
                let named = |n: &usize| memory.incidents.values().nth(n % memory.incidents.len().max(1));
                let reason = "so it is".to_owned();
                let wish = match wish {
                    0 => IncidentWish::Ignore { reason, until: Some(Until::More(3)) },
                    1 => IncidentWish::Reopen { reason },
                    2 | 3 => IncidentWish::Split,
                    _ => IncidentWish::MergeInto(named(other)?.id),
                };
                Command::Incident { incident: named(incident)?.id, by: Party::User, wish }
            }
        })
    }
}

impl End {
    fn settlement(&self, memory: &Memory, task: &Task, token: LeaseToken) -> Settlement {
        let outcome = match self {
            Self::Complete { .. } => Outcome::Complete { result: json!({ "done": true }) },
            Self::Retry => Outcome::Retry { error: "again".to_owned() },
            Self::Fail => Outcome::Fail { error: "never".to_owned(), refusal: Some("no".to_owned()) },
            Self::Block { on, choices, to } => {
                let all = [("a", "first"), ("b", "second"), ("c", "third")];
                let to = to.map_or(Party::User, Party::from);
                let ask = Ask { to, ..Ask::new("Which?", &all[..*choices]) };
                let ask = (*choices > 0).then_some(ask);
                let ask = ask.filter(|_| *on != BlockedOn::Children);
                Outcome::Block { on: *on, ask }
            }
            Self::Await(name, ends) => {
                Outcome::Await { signal: signal_name(*name), until: ends.then_some(Timestamp::UNIX_EPOCH) }
            }
            Self::Release => Outcome::Release,
        };
        let mut settlement = Settlement::new(task.id, token, outcome);
        if let Self::Complete { next, seen, learned, answer } = self {
            if task.task_type == ANSWER_QUESTION {
                let choice = |yes| if yes { "a" } else { "z" }.to_owned();
                settlement.answer = answer.map(|yes| Given { choice: choice(yes), comment: None });
            }
            settlement.incidents = learned.iter().filter_map(|learned| learned.change(memory)).collect();
            settlement.traffic = vec![Traffic {
                source: "app.log".to_owned(),
                bucket: "2026-01-01T00:03:00Z".parse().unwrap(),
                lines: 7,
                records: 3,
                errors: u64::try_from(seen.len()).unwrap(),
            }];
            settlement.sightings = seen.iter().map(|(which, history)| sighting(*which, *history)).collect();
            settlement.cursors = vec![("app.log".to_owned(), json!(seen.len()))];
            settlement.signals = seen.iter().map(|(which, _)| (signal_name(*which), json!(which))).collect();
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

impl Learned {
    fn change(&self, memory: &Memory) -> Option<(IncidentId, IncidentChange)> {
        let incident = memory.incidents.values().nth(self.incident % memory.incidents.len().max(1))?;
        let change = IncidentChange {
            status: Some(self.status),
            released_at: self.released.then(|| "2026-01-01T00:30:00Z".parse().unwrap()),
            fix_commit: Some("c0ffee".to_owned()),
            ..IncidentChange::default()
        };
        Some((incident.id, change))
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
        releases: Vec::new(),
        grouping: Grouping::default(),
    }
}
