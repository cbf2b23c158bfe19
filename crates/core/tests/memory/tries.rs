//! Random commands for a store: sensible ones and others, about tasks that are there and some that are not.

use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::incident::{
    Grouping, IncidentChange, IncidentStatus, IncidentWish, Sample, Sighting, Traffic, Until,
};
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::limit::{NewLimit, Rate, Scope};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::{Ask, Given, Message, MessageType};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::NewSchedule;
use groundcrew_core::task::{BlockedOn, IncidentId, LeaseToken, NewTask, Status, Task};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Memory, PROJECT};

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
