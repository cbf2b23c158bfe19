//! `messages`: what agents and people wrote to each other, an answer below its question.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::lifecycle::Command;
use groundcrew_core::message::{Message, MessageType};
use groundcrew_core::role::Party;
use groundcrew_core::task::{MessageId, TaskId};
use groundcrew_store::{Access, MessageFilter, Store};
use serde_json::json;

use crate::escape;
use crate::evidence::of_workflow;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::live::age;
use crate::options::{MessageAction, Messages};
use crate::output::Style;
use crate::settling::no_such_task;

/// Longest text of a message in a list, in characters.
const TEXT: usize = 400;

/// Lists messages, or marks them as read.
pub(super) fn run(options: &Messages, at: &Invocation) -> Result<Done, Failure> {
    match &options.action {
        Some(MessageAction::Read { ids, all }) => read(at, ids, *all),
        None => list(options, at),
    }
}

fn list(options: &Messages, at: &Invocation) -> Result<Done, Failure> {
    let store = at.open(Access::ReadOnly)?;
    let filter = MessageFilter {
        root: None,
        task: options.task.map(TaskId),
        to: options.to.clone(),
        message_type: options.message_type,
        unread_only: options.unread,
        limit: Some(options.limit),
        before: None,
    };
    for id in options.task.iter().chain(&options.thread) {
        if store.task(TaskId(*id))?.is_none() {
            return Err(no_such_task(at, *id));
        }
    }
    let found = match options.thread {
        None => store.messages(&filter)?,
        Some(id) => thread(store.as_ref(), TaskId(id), &filter)?,
    };
    if at.out.is_json() {
        at.out.document(&json!({ "messages": found }))?;
    } else if found.is_empty() {
        at.out.line("no messages")?;
    } else {
        for (message, depth) in threads(&found) {
            at.out.lines(lines(at, message, depth))?;
        }
    }
    Ok(Done::Clean)
}

/// The messages of a whole workflow, oldest first.
fn thread(store: &dyn Store, task: TaskId, filter: &MessageFilter) -> Result<Vec<Message>, Failure> {
    let mut found = Vec::new();
    let Some(task) = store.task(task)? else { return Ok(found) };
    for task in of_workflow(store, &task)? {
        found.extend(store.messages(&MessageFilter { task: Some(task.id), ..filter.clone() })?);
    }
    found.sort_by_key(|message| message.id);
    // The newest are kept, as everywhere.
    let most = usize::try_from(filter.limit.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
    Ok(found.split_off(found.len().saturating_sub(most)))
}

/// The messages in their order, but each answer after its question and one step deeper.
fn threads(messages: &[Message]) -> Vec<(&Message, usize)> {
    let known: BTreeSet<MessageId> = messages.iter().map(|message| message.id).collect();
    let mut answers: BTreeMap<MessageId, Vec<&Message>> = BTreeMap::new();
    for message in messages {
        if let Some(question) = message.answers().filter(|question| is_answer(message, *question, &known)) {
            answers.entry(question).or_default().push(message);
        }
    }
    let mut ordered = Vec::with_capacity(messages.len());
    for message in messages {
        if message.answers().is_some_and(|question| is_answer(message, question, &known)) {
            continue;
        }
        ordered.push((message, 0));
        let mut below = answers.remove(&message.id).unwrap_or_default();
        below.sort_by_key(|answer| answer.id);
        ordered.extend(below.into_iter().map(|answer| (answer, 1)));
    }
    ordered
}

/// Whether a message goes below its question. Other programs write rows too, and may have one answer itself or a later one.
fn is_answer(message: &Message, question: MessageId, known: &BTreeSet<MessageId>) -> bool {
    message.message_type == MessageType::Answer && question < message.id && known.contains(&question)
}

fn lines(at: &Invocation, message: &Message, depth: usize) -> Vec<String> {
    let indent = "    ".repeat(depth);
    let about = message.task.map_or_else(String::new, |task| format!(", task {task}"));
    let unread = if message.read_at.is_none() { ", unread" } else { "" };
    let head = format!(
        "[{}] {} from {} to {}{about}, {} ago{unread}",
        message.id,
        message.message_type,
        escape::line(&message.from),
        escape::line(&message.to),
        age(at.shown_now(), message.created_at)
    );
    let mut lines = vec![format!("{indent}{}", at.out.paint(Style::Strong, &head))];
    let mut tell = |text: String| lines.push(format!("{indent}    {text}"));
    if let Some(choice) = message.choice().filter(|choice| *choice != message.content) {
        tell(format!("chose {}", escape::brief(choice, TEXT)));
    }
    if !message.content.is_empty() {
        tell(escape::brief(&message.content, TEXT));
    }
    for choice in message.choices() {
        tell(format!("- {}: {}", escape::line(&choice.key), escape::brief(&choice.text, TEXT)));
    }
    lines
}

fn read(at: &Invocation, ids: &[i64], all: bool) -> Result<Done, Failure> {
    let store = at.open(Access::Existing)?;
    let messages = if all { unread(store.as_ref())? } else { named(store.as_ref(), ids)? };
    if !messages.is_empty() {
        store.execute(Command::Read { messages: messages.clone(), by: Party::User })?;
    }
    if at.out.is_json() {
        at.out.document(&json!({ "read": messages }))?;
    } else {
        at.out.line(match messages.len() {
            0 => "nothing was unread".to_owned(),
            1 => "1 message is read".to_owned(),
            more => format!("{more} messages are read"),
        })?;
    }
    Ok(Done::Clean)
}

/// Everything to the person that nobody has read, but for questions, which stay open until they are answered.
fn unread(store: &dyn Store) -> Result<Vec<MessageId>, Failure> {
    let filter = MessageFilter {
        to: Some(Party::User.as_str().to_owned()),
        unread_only: true,
        limit: Some(u32::MAX),
        ..MessageFilter::default()
    };
    let found = store.messages(&filter)?.into_iter();
    let found = found.filter(|message| message.message_type != MessageType::Question);
    let mut ids: Vec<MessageId> = found.map(|message| message.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn named(store: &dyn Store, ids: &[i64]) -> Result<Vec<MessageId>, Failure> {
    for id in ids {
        if store.message(MessageId(*id))?.is_none() {
            return Err(Failure::new(Kind::NotFound, format!("there is no message {id}")));
        }
    }
    Ok(ids.iter().copied().map(MessageId).collect())
}
