//! What must hold, whatever was killed, as pure rules over what is there. All but the last two hold after each round; when the
//! crew has come to rest all do.
//!
//! | rule | what it finds |
//! | --- | --- |
//! | lost | a task whose creation was acknowledged, and that is not there |
//! | twice | a task that was completed more than once, or went on after its end |
//! | stale | a write of a run whose claim was over |
//! | handoff | a completed task without its hand-off, with two of them, or a hand-off without its task or message |
//! | children | a task that went on without all of its children |
//! | step | a step that was repeated after it had been recorded, is recorded by a run that did not take it, or is missing |
//! | answer | a task that asked twice, was answered twice, or went on without an answer |
//! | signal | a task that went on without the signal that it waits for, or waits for one that was emitted |
//! | limit | more tasks of a type that run at once than may |
//! | count | a count or a metric that is not what a count gives |
//! | effect | an effect that is missing, wrong, or made twice though it is guarded |
//! | file | what `db check` finds, the chain of the audit log included |
//! | stuck | a task that has not come to its end |
//! | gone | a task that is neither completed nor failed for a reason it was given |

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::agent::AgentStatus;
use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::message::MessageType;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::signal::NEVER;
use groundcrew_core::task::{LeaseToken, Status, Task, TaskId};
use groundcrew_store::Attempt;
use serde::Serialize;
use serde_json::Value;

use super::picture::Picture;
use super::work::{self, CHILD, CHILDREN, CHILDREN_AT_ONCE, NEXT, Part, STEPS};

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Violation {
    /// The rule, in one word.
    pub(super) rule: &'static str,
    /// What was found.
    pub(super) found: String,
}

/// When it is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Work goes on.
    UnderWay,
    /// The crew has come to rest.
    AtRest,
}

/// Everything that does not hold.
pub(super) fn violations(picture: &Picture, phase: Phase) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    lost(picture, &mut found);
    for task in picture.tasks.values() {
        let runs = picture.runs.get(&task.id).map_or(&[][..], Vec::as_slice);
        twice(task, runs, &mut found);
        effects(picture, task, runs, &mut found);
        if phase == Phase::AtRest {
            rest(task, runs, &mut found);
        }
    }
    stale(picture, &mut found);
    ledger(picture, &mut found);
    hand_offs(picture, &mut found);
    children(picture, &mut found);
    steps(picture, &mut found);
    answers(picture, &mut found);
    signals(picture, &mut found);
    limits(picture, &mut found);
    counts(picture, &mut found);
    agents(picture, &mut found);
    for finding in &picture.findings {
        found.add("file", format!("{}: {} {:?}", finding.rule, finding.detail, finding.id));
    }
    for odd in &picture.effects.odd {
        found.add("effect", odd.clone());
    }
    found.0
}

/// Lines of the ledger beyond the first of each task. They are not promised away: an effect without a guard may come again.
pub(super) fn doubled(picture: &Picture) -> usize {
    let tasks: BTreeSet<TaskId> = picture.effects.ledger.iter().map(|(task, _)| *task).collect();
    picture.effects.ledger.len() - tasks.len()
}

struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: &'static str, found: String) {
        self.0.push(Violation { rule, found });
    }
}

fn lost(picture: &Picture, found: &mut Found) {
    for id in picture.acknowledged.iter().filter(|id| !picture.tasks.contains_key(id)) {
        found.add("lost", format!("task {id} was acknowledged and is not there"));
    }
}

/// Runs numbered one by one, the completed one the last, and the result that of this run.
fn twice(task: &Task, runs: &[Attempt], found: &mut Found) {
    let numbered = runs.iter().zip(1..).all(|(run, number)| run.token == LeaseToken(number));
    let last = runs.last().map_or(0, |run| run.token.0);
    if !numbered || last != task.lease_token.0 {
        found.add(
            "twice",
            format!("task {} is at claim {} and has the runs {}", task.id, task.lease_token, told(runs)),
        );
    }
    let completed: Vec<i64> = runs.iter().filter(|run| is(run, "completed")).map(|run| run.token.0).collect();
    let wanted = if task.status == Status::Completed { vec![task.lease_token.0] } else { Vec::new() };
    if completed != wanted {
        found.add("twice", format!("task {} is {} and its runs are {}", task.id, task.status, told(runs)));
    }
    let by = task.result.as_ref().and_then(token_of);
    if task.status == Status::Completed && by != Some(task.lease_token.0) {
        found.add(
            "stale",
            format!("the result of task {} is of claim {by:?}, not {}", task.id, task.lease_token),
        );
    }
}

/// Every entry of the log and every message is of the claim that was in force.
fn stale(picture: &Picture, found: &mut Found) {
    // The first claim that may still write about each task.
    let mut open: BTreeMap<TaskId, i64> = BTreeMap::new();
    for entry in &picture.logs {
        let (Some(task), Some(token)) = (entry.task, token_of(&entry.data)) else { continue };
        let from = open.entry(task).or_default();
        let by_system = entry.agent == Party::System.as_str();
        if token < *from && !by_system {
            found.add(
                "stale",
                format!("entry {} of task {task} is of claim {token}, which was over", entry.id),
            );
        }
        let over = by_system || entry.message == "ended";
        *from = (*from).max(if over { token + 1 } else { token });
    }
    let mut done: BTreeMap<TaskId, Vec<i64>> = BTreeMap::new();
    for message in picture.messages.iter().filter(|message| message.message_type == MessageType::Notification)
    {
        if let (Some(task), Some(token)) = (message.task, token_of(&message.metadata)) {
            done.entry(task).or_default().push(token);
        }
    }
    for task in picture.tasks.values().filter(|task| task.task_type != ANSWER_QUESTION) {
        let wanted = if task.status == Status::Completed { vec![task.lease_token.0] } else { Vec::new() };
        let told = done.get(&task.id).cloned().unwrap_or_default();
        if told != wanted {
            found.add(
                "stale",
                format!("task {} is {} and was told as done by the claims {told:?}", task.id, task.status),
            );
        }
    }
}

fn hand_offs(picture: &Picture, found: &mut Found) {
    let mut next: BTreeMap<TaskId, Vec<&Task>> = BTreeMap::new();
    for task in picture.tasks.values().filter(|task| task.task_type == NEXT) {
        match task.context.get("after").and_then(Value::as_i64) {
            Some(after) if task.parent == Some(TaskId(after)) => {
                next.entry(TaskId(after)).or_default().push(task);
            }
            _ => found.add("handoff", format!("task {} follows nothing", task.id)),
        }
    }
    let mut noted: BTreeMap<TaskId, usize> = BTreeMap::new();
    for message in picture.messages.iter().filter(|message| message.message_type == MessageType::Handoff) {
        match message.accompanies() {
            Some(id) if picture.tasks.contains_key(&id) => *noted.entry(id).or_default() += 1,
            about => found
                .add("handoff", format!("message {} hands off {about:?}, which is not there", message.id)),
        }
    }
    for task in picture.tasks.values() {
        let followers = next.remove(&task.id).unwrap_or_default();
        let wanted = usize::from(task.status == Status::Completed && work::hands_off(task));
        if followers.len() != wanted {
            let ids: Vec<i64> = followers.iter().map(|task| task.id.0).collect();
            found.add("handoff", format!("task {} is {} and handed off {ids:?}", task.id, task.status));
        }
        for follower in followers {
            let by = follower.context.get("by").and_then(Value::as_i64);
            if by != Some(task.lease_token.0) {
                found.add(
                    "handoff",
                    format!("task {} was handed off by claim {by:?} of task {}", follower.id, task.id),
                );
            }
            if noted.get(&follower.id) != Some(&1) {
                found.add(
                    "handoff",
                    format!(
                        "task {} has {:?} messages of its hand-off",
                        follower.id,
                        noted.get(&follower.id)
                    ),
                );
            }
        }
    }
    for (after, _) in next {
        found.add("handoff", format!("task {after}, which handed off, is not there"));
    }
}

fn children(picture: &Picture, found: &mut Found) {
    let mut numbers: BTreeMap<TaskId, Vec<u64>> = BTreeMap::new();
    for child in picture.tasks.values().filter(|task| task.task_type == CHILD) {
        if let (Some(parent), Some(number)) =
            (child.parent, child.context.get("number").and_then(Value::as_u64))
        {
            numbers.entry(parent).or_default().push(number);
        }
    }
    for numbers in numbers.values_mut() {
        numbers.sort_unstable();
    }
    for parent in picture.tasks.values().filter(|task| Part::of(task) == Part::Parent) {
        let there = numbers.remove(&parent.id).unwrap_or_default();
        let all: Vec<u64> = (0..CHILDREN).collect();
        let right = if parent.status == Status::Completed || parent.status == Status::Blocked {
            there == all
        } else {
            there.iter().all(|number| *number < CHILDREN) && there.windows(2).all(|pair| pair[0] < pair[1])
        };
        if !right {
            found.add(
                "children",
                format!("task {} is {} and has the children {there:?}", parent.id, parent.status),
            );
        }
    }
    for (parent, there) in numbers {
        found.add("children", format!("the children {there:?} are of task {parent}, which has none"));
    }
}

/// A step is begun anew only by runs that found no record of it, so none of them is later than the one that recorded it.
fn steps(picture: &Picture, found: &mut Found) {
    let mut begun: BTreeMap<(TaskId, String), Vec<i64>> = BTreeMap::new();
    for (task, number, token) in &picture.effects.steps {
        begun.entry((*task, work::step(*number))).or_default().push(token.0);
    }
    let wanted: Vec<String> = (0..STEPS).map(work::step).collect();
    for (id, recorded) in &picture.steps {
        let names: Vec<&String> = recorded.iter().map(|step| &step.name).collect();
        let completed = picture.tasks.get(id).is_some_and(|task| task.status == Status::Completed);
        if !wanted.iter().zip(&names).all(|(wanted, name)| wanted == *name)
            || names.len() > wanted.len()
            || (completed && names.len() < wanted.len())
        {
            found.add("step", format!("task {id}, completed: {completed}, has recorded {names:?}"));
        }
        for step in recorded {
            let by = step.value.as_ref().and_then(token_of);
            let runs = begun.get(&(*id, step.name.clone())).cloned().unwrap_or_default();
            let own = runs.iter().filter(|run| **run == step.token.0).count();
            if by != Some(step.token.0) || own != 1 || runs.iter().any(|run| *run > step.token.0) {
                found.add(
                    "step",
                    format!("{} of task {id} is recorded by claim {}, its value is of {by:?}, and the claims {runs:?} took it",
                        step.name, step.token),
                );
            }
        }
    }
}

fn answers(picture: &Picture, found: &mut Found) {
    let mut asked: BTreeMap<TaskId, (usize, usize)> = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for message in &picture.messages {
        let Some(task) = message.task else { continue };
        match message.message_type {
            MessageType::Question => asked.entry(task).or_default().0 += 1,
            MessageType::Answer => {
                asked.entry(task).or_default().1 += 1;
                if !answered.insert(message.answers()) {
                    found.add("answer", format!("question {:?} was answered twice", message.answers()));
                }
            }
            MessageType::Handoff | MessageType::Notification => {}
        }
    }
    for task in picture.tasks.values() {
        let asks = matches!(Part::of(task), Part::Asker | Part::RoleAsker);
        let (questions, answers) = asked.get(&task.id).copied().unwrap_or_default();
        let wanted = match task.status {
            _ if !asks => (questions, answers) == (0, 0),
            Status::Completed => (questions, answers) == (1, 1),
            Status::Blocked => (questions, answers) == (1, 0),
            Status::Pending | Status::Running | Status::Failed => questions <= 1 && answers <= questions,
        };
        if !wanted {
            let is = task.status;
            found.add(
                "answer",
                format!("task {} is {is}, asked {questions} times and has {answers} answers", task.id),
            );
        }
    }
}

fn signals(picture: &Picture, found: &mut Found) {
    for task in picture.tasks.values().filter(|task| Part::of(task) == Part::Waiter) {
        let emitted = picture.signals.contains(&work::signal(task.id));
        let waits = task.status == Status::Pending && task.run_at == Some(NEVER);
        if (task.status == Status::Completed && !emitted) || (waits && emitted) {
            found
                .add("signal", format!("task {} is {}, its signal emitted: {emitted}", task.id, task.status));
        }
    }
}

fn limits(picture: &Picture, found: &mut Found) {
    let runs = |task: &&Task| task.task_type == CHILD && task.status == Status::Running;
    let running: Vec<i64> = picture.tasks.values().filter(runs).map(|task| task.id.0).collect();
    if running.len() > CHILDREN_AT_ONCE as usize {
        found.add("limit", format!("{running:?} run at once, and {CHILDREN_AT_ONCE} may"));
    }
}

/// The counts that are kept, and the metrics of the roles.
fn counts(picture: &Picture, found: &mut Found) {
    let mut counted: BTreeMap<(Role, Status), u64> = BTreeMap::new();
    for task in picture.tasks.values() {
        *counted.entry((task.assigned_to, task.status)).or_default() += 1;
    }
    let kept = picture.counts.iter().filter(|count| count.tasks > 0);
    let kept: BTreeMap<(Role, Status), u64> =
        kept.map(|count| ((count.role, count.status), count.tasks)).collect();
    if kept != counted {
        found.add("count", format!("kept are {kept:?}, there are {counted:?}"));
    }
    let mut ends: BTreeMap<(Role, &str), u64> = BTreeMap::new();
    for (id, runs) in &picture.runs {
        let Some(task) = picture.tasks.get(id) else { continue };
        for outcome in runs.iter().filter_map(|run| run.outcome.as_deref()) {
            let counted_as = match outcome {
                "completed" => "completed",
                "blocked" => "blocked",
                "failed" | "retried" | "lost" => "not completed",
                _ => continue,
            };
            *ends.entry((task.assigned_to, counted_as)).or_default() += 1;
        }
    }
    for agent in &picture.agents {
        let metric = |name: &str| agent.metrics.get(name).and_then(Value::as_u64).unwrap_or(0);
        let told = [metric("completed"), metric("blocked"), metric("failed") + metric("retried")];
        let real = ["completed", "blocked", "not completed"]
            .map(|end| ends.get(&(agent.role, end)).copied().unwrap_or(0));
        if told != real {
            found.add(
                "count",
                format!(
                    "the {} tells {told:?} runs completed, blocked and failed, there are {real:?}",
                    agent.role
                ),
            );
        }
    }
}

/// What the state rows say the roles are doing.
fn agents(picture: &Picture, found: &mut Found) {
    for agent in &picture.agents {
        let of = |status| {
            let role = agent.role;
            picture.tasks.values().filter(move |task| task.assigned_to == role && task.status == status)
        };
        let running: BTreeSet<TaskId> = of(Status::Running).map(|task| task.id).collect();
        let (status, current) = match (running.is_empty(), of(Status::Blocked).next().is_none()) {
            (false, _) => {
                (AgentStatus::Working, agent.current_task.is_some_and(|task| running.contains(&task)))
            }
            (true, true) => (AgentStatus::Idle, agent.current_task.is_none()),
            (true, false) => (AgentStatus::Blocked, agent.current_task.is_none()),
        };
        if agent.status != status || !current {
            let (role, told, task) = (agent.role, agent.status, agent.current_task);
            found.add(
                "count",
                format!(
                    "the {role} is told to be {told} with task {task:?}; it is {status}, and {running:?} run"
                ),
            );
        }
    }
}

fn effects(picture: &Picture, task: &Task, runs: &[Attempt], found: &mut Found) {
    if !work::has_effects(task) {
        return;
    }
    let effects = &picture.effects;
    let completed = task.status == Status::Completed;
    match effects.notes.get(&task.id) {
        Some(text) if *text != work::note(task.id) => {
            found.add("effect", format!("the note of task {} says {text:?}", task.id));
        }
        None if completed => found.add("effect", format!("task {} is completed and has no note", task.id)),
        _ => {}
    }
    match effects.charges.get(&task.id).map(|by| by.parse::<i64>()) {
        Some(Ok(by)) if runs.iter().any(|run| run.token.0 == by) => {}
        None if !completed => {}
        by => found
            .add("effect", format!("task {} is {} and was charged by claim {by:?}", task.id, task.status)),
    }
}

/// Each line of the ledger is of a run of its own, and each completed task has one.
fn ledger(picture: &Picture, found: &mut Found) {
    let mut lines: BTreeMap<(TaskId, LeaseToken), usize> = BTreeMap::new();
    for line in &picture.effects.ledger {
        *lines.entry(*line).or_default() += 1;
    }
    for ((task, token), times) in lines.iter().filter(|(_, times)| **times > 1) {
        found.add("effect", format!("claim {token} of task {task} stands in the ledger {times} times"));
    }
    let written: BTreeSet<TaskId> = lines.keys().map(|(task, _)| *task).collect();
    let completed =
        picture.tasks.values().filter(|task| task.status == Status::Completed && work::has_effects(task));
    for task in completed.filter(|task| !written.contains(&task.id)) {
        found.add("effect", format!("task {} is completed and is not in the ledger", task.id));
    }
}

fn rest(task: &Task, runs: &[Attempt], found: &mut Found) {
    if !task.status.is_final() {
        found.add(
            "stuck",
            format!(
                "task {} of type {} is {} after the runs {}",
                task.id,
                task.task_type,
                task.status,
                told(runs)
            ),
        );
    }
    let refused = Part::of(task) == Part::Refused;
    // What was to answer is cancelled where the person was quicker.
    let cancelled = task.error_message.as_deref().is_some_and(|error| error.starts_with("cancelled by"));
    if task.task_type == ANSWER_QUESTION && cancelled {
        return;
    }
    if task.status.is_final() && (task.status == Status::Failed) != refused {
        found.add("gone", format!("task {} is {}: {:?}", task.id, task.status, task.error_message));
    }
}

fn is(run: &Attempt, outcome: &str) -> bool {
    run.outcome.as_deref() == Some(outcome)
}

fn told(runs: &[Attempt]) -> String {
    let runs =
        runs.iter().map(|run| format!("{} {}", run.token, run.outcome.as_deref().unwrap_or("under way")));
    format!("[{}]", runs.collect::<Vec<_>>().join(", "))
}

fn token_of(value: &Value) -> Option<i64> {
    value.get("token").and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use groundcrew_core::step::Step;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    /// The rules that a step breaks which this claim recorded and these claims began.
    fn broken(recorded: i64, begun: &[i64]) -> Vec<&'static str> {
        let task = TaskId(1);
        let mut picture = Picture::default();
        let value = Some(json!({ "token": recorded }));
        let token = LeaseToken(recorded);
        picture
            .steps
            .insert(task, vec![Step { task, name: work::step(0), value, token, at: Timestamp::UNIX_EPOCH }]);
        picture.effects.steps = begun.iter().map(|token| (task, 0, LeaseToken(*token))).collect();
        let mut found = Found(Vec::new());
        steps(&picture, &mut found);
        found.0.into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn a_step_that_was_cut_off_may_come_again_and_a_recorded_one_may_not() {
        assert_eq!(broken(1, &[1]), Vec::<&str>::new());
        assert_eq!(broken(3, &[1, 3]), Vec::<&str>::new(), "the first run was killed within it");
        assert_eq!(broken(1, &[1, 2]), ["step"], "repeated by the next run");
        assert_eq!(broken(1, &[1, 1]), ["step"], "repeated by its own run");
        assert_eq!(broken(2, &[1]), ["step"], "recorded by a run that did not take it");
    }
}
