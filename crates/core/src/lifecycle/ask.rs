//! Questions of one agent to another, and who has read what.
//!
//! A question to a role is a message and a task for that role; both, and the wait of the asker, are one transaction.
//! Whatever happens to that task, the question ends up with somebody: an answer that came, or the person.

use serde_json::{Value, json};

use super::plan::{Plan, Write};
use super::{Command, Refusal, Snapshot};
use crate::contract::AnswerQuestionContext;
use crate::contract::task_type::ANSWER_QUESTION;
use crate::event::{EventKind, MessageLink, NewEvent};
use crate::message::{Ask, Binding, Given, Message, MessageType};
use crate::role::{Party, Role};
use crate::task::{BlockedOn, IncidentLink, LeaseToken, MessageId, NewTask, Status, Task, TaskId};

/// Messages that can be marked as read at a time.
const MOST_READ: usize = 10_000;

/// The key of the task that answers what a run of a task asked. A run asks at most once, since asking ends it.
pub fn answer_key(asker: TaskId, token: LeaseToken) -> String {
    format!("{ANSWER_QUESTION}:{asker}:{token}")
}

/// The role that is asked, if it is a role.
pub(super) fn role_of(party: Party) -> Option<Role> {
    match party {
        Party::Monitor => Some(Role::Monitor),
        Party::Triage => Some(Role::Triage),
        Party::Developer => Some(Role::Developer),
        Party::Qa => Some(Role::Qa),
        Party::Security => Some(Role::Security),
        Party::Architect => Some(Role::Architect),
        Party::System | Party::User => None,
    }
}

/// Whether this role may ask that.
pub(super) fn check(task: &Task, on: BlockedOn, ask: &Ask) -> Result<(), Refusal> {
    match role_of(ask.to) {
        None if ask.to == Party::User => Ok(()),
        Some(role) if role != task.assigned_to && on == BlockedOn::Question => Ok(()),
        Some(role) if role == task.assigned_to => {
            Err(Refusal::Invalid(format!("the {role} cannot ask itself")))
        }
        Some(_) | None => Err(Refusal::Invalid(format!("the {} cannot decide about {on}", ask.to))),
    }
}

/// Writes a question, makes its task wait for it, and gives it to whom it is for.
pub(super) fn put(plan: &mut Plan, snapshot: &Snapshot, task: &Task, on: BlockedOn, ask: &Ask) {
    let key = answer_key(task.id, task.lease_token);
    // A task of another program that has just this key would never answer; the person does.
    let role = role_of(ask.to).filter(|_| !snapshot.taken_keys.contains(&key));
    let mut message = ask.to_message(task.assigned_to.as_str());
    if role.is_none() {
        message.to = Party::User.to_string();
    }
    plan.writes.push(Write::InsertQuestion(task.id, on, message));
    let Some(role) = role else {
        asked_of_the_person(plan, task, on, &ask.question, ask.binding.as_ref(), MessageLink::Question);
        return;
    };
    let context = AnswerQuestionContext {
        question: ask.question.clone(),
        choices: ask.choices.clone(),
        default: ask.default.clone(),
        asked_by: task.assigned_to,
        task_type: task.task_type.clone(),
        subject: ask.subject.clone().unwrap_or(Value::Null),
    };
    let mut next = NewTask::new(ANSWER_QUESTION, role, task.assigned_to.into(), json!(context));
    next.priority = task.priority;
    next.parent = Some(task.id);
    next.project = task.project;
    next.incident = task.incident.map_or(IncidentLink::None, IncidentLink::Id);
    next.dedupe_key = Some(key);
    plan.enqueue(next);
}

/// Only a question about an exact commit says that a fix is ready; work may wait for other approvals, too.
fn asked_of_the_person(
    plan: &mut Plan,
    task: &Task,
    on: BlockedOn,
    question: &str,
    bound: Option<&Binding>,
    message: MessageLink,
) {
    let kind = if bound.is_some() { EventKind::FixReady } else { EventKind::Question };
    plan.writes.push(Write::Event(NewEvent {
        kind,
        project: task.project,
        incident: task.incident.map_or(IncidentLink::None, IncidentLink::Id),
        task: Some(task.id),
        message,
        title: question.to_owned(),
        data: json!({ "task_type": task.task_type, "role": task.assigned_to, "blocked_on": on, "binding": bound }),
    }));
}

/// What the end of a task that was to answer means for the question: the answer, or that the person is asked.
pub(super) fn answered(plan: &mut Plan, snapshot: &Snapshot, after: &Task, given: Option<&Given>) {
    let Some(question) = snapshot.asked.as_ref().filter(|_| after.status.is_final()) else { return };
    if let Some(given) = given.filter(|_| after.status == Status::Completed) {
        plan.then.push(Command::Answer {
            question: question.id,
            by: after.assigned_to.into(),
            choice: given.choice.clone(),
            comment: given.comment.clone(),
            extra: Value::Null,
        });
    } else if question.to != Party::User.as_str() {
        plan.writes.push(Write::Readdress(question.id, Party::User));
        let title = &question.content;
        asked_of_the_person(plan, after, BlockedOn::Question, title, None, MessageLink::Id(question.id));
    }
}

/// The answer of a settlement, if it may be given.
pub(super) fn check_answer(snapshot: &Snapshot, task: &Task, given: &Given) -> Result<(), Refusal> {
    if task.task_type != ANSWER_QUESTION {
        return Err(Refusal::Invalid(format!("only a task of type {ANSWER_QUESTION} answers")));
    }
    snapshot.asked.as_ref().map_or(Ok(()), |question| check_choice(question, &given.choice))
}

/// A question with choices is answered by one of them.
pub(super) fn check_choice(question: &Message, choice: &str) -> Result<(), Refusal> {
    let choices = question.choices();
    if choices.is_empty() || choices.iter().any(|known| known.key == choice) {
        return Ok(());
    }
    let keys: Vec<String> = choices.into_iter().map(|known| known.key).collect();
    Err(Refusal::UnknownChoice { given: choice.to_owned(), choices: keys.join(", ") })
}

/// Whoever claims a task has read what came with it, and the answers to what it asked.
pub(super) fn read_with(plan: &mut Plan, snapshot: &Snapshot, task: &Task) {
    for message in snapshot.messages.iter().filter(|message| message.read_at.is_none()) {
        let comes_with = match message.message_type {
            MessageType::Handoff => message.accompanies().is_none_or(|next| next == task.id),
            MessageType::Answer => message.task == Some(task.id),
            MessageType::Question | MessageType::Notification => false,
        };
        if comes_with {
            plan.writes.push(Write::MarkRead(message.id));
        }
    }
}

pub(super) fn read(snapshot: &Snapshot, messages: &[MessageId], by: Party) -> Result<Plan, Refusal> {
    if messages.len() > MOST_READ {
        return Err(Refusal::Invalid(format!("at most {MOST_READ} messages can be marked at a time")));
    }
    let mut plan = Plan::default();
    for id in messages {
        let found = snapshot.messages.iter().find(|message| message.id == *id);
        let message = found.ok_or(Refusal::NoSuchMessage(*id))?;
        if message.to != by.as_str() {
            return Err(Refusal::Invalid(format!("message {id} is for {}, not for {by}", message.to)));
        }
        if message.message_type != MessageType::Question && message.read_at.is_none() {
            plan.writes.push(Write::MarkRead(*id));
        }
    }
    Ok(plan)
}
