//! A store in memory: the simplest thing that loads what a command needs and writes what was decided.
//!
//! The state machine is tested on it with random commands, and a real database must end up with the same rows.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![allow(dead_code, reason = "each test program uses its own part of it")]

pub(crate) mod tries;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groundcrew_core::agent::{AgentState, Pause, count_runs};
use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::event::{Event, MessageLink, NewEvent};
use groundcrew_core::incident::{Incident, IncidentStatus, Sighting, Traffic, bucket};
use groundcrew_core::lifecycle::{
    Command, Known, MOST_WAITING, Plan, Refusal, RoleLoad, Snapshot, Steps, WaitingParent, Write, answer_key,
    awaited_signals, decide, wanted_keys,
};
use groundcrew_core::limit::{Limit, Scope};
use groundcrew_core::log::{LogEntry, NewLog};
use groundcrew_core::message::{Message, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::Schedule;
use groundcrew_core::signal::Signal;
use groundcrew_core::task::{
    BlockedOn, IncidentId, IncidentLink, LeaseToken, MessageId, NewTask, ProjectId, Status, Task, TaskId,
    Wait,
};
use jiff::Timestamp;
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
