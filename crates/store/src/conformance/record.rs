//! What can be asked about tasks, agents, messages, logs and projects.

use groundcrew_core::agent::{AgentState, AgentStatus, Cost};
use groundcrew_core::lifecycle::{Command, Settlement};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::{MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{LeaseToken, MessageId, NewTask, Status, Task, TaskId};
use serde_json::{Value, json};

use super::{Bench, MINUTE, Make, Outcome, complete, retry};
use crate::{Count, LogFilter, MessageFilter, NewWorker, Store, StoreError, TaskFilter};

fn state(bench: &Bench, role: Role) -> AgentState {
    bench.store.agents().unwrap().into_iter().find(|agent| agent.role == role).unwrap()
}

/// A role's row says what it is doing, and its metrics count its runs; a row that was deleted comes back.
pub fn agent_state_is_live(make: Make<'_>) {
    let bench = make();
    let roles: Vec<Role> = bench.store.agents().unwrap().iter().map(|agent| agent.role).collect();
    assert_eq!(roles, Role::ALL);
    (bench.sql)("DELETE FROM agent_state WHERE agent_name = 'qa'");
    assert_eq!(state(&bench, Role::Qa).status, AgentStatus::Idle);
    let task = bench.claimed(Role::Qa);
    let working = state(&bench, Role::Qa);
    assert_eq!((working.status, working.current_task), (AgentStatus::Working, Some(task.id)));
    assert!(working.last_active.is_some());
    bench.ask(&task);
    let blocked = state(&bench, Role::Qa);
    assert_eq!((blocked.status, blocked.current_task), (AgentStatus::Blocked, None));
    let second = bench.claimed(Role::Qa);
    assert_eq!(state(&bench, Role::Qa).status, AgentStatus::Working);
    let cost = Cost { tokens_in: 7, tokens_out: 2, ..Cost::default() };
    bench.settle_with(&second, complete(), |end| end.cost = cost).unwrap();
    assert_eq!(state(&bench, Role::Qa).status, AgentStatus::Blocked);
    let inbox = bench.store.inbox().unwrap();
    bench.answer(inbox[0].message.id, "yes").unwrap();
    let idle = state(&bench, Role::Qa);
    assert_eq!((idle.status, idle.current_task), (AgentStatus::Idle, None));
    assert_eq!(
        (
            &idle.metrics["runs"],
            &idle.metrics["completed"],
            &idle.metrics["blocked"],
            &idle.metrics["tokens_in"]
        ),
        (&json!(2), &json!(1), &json!(1), &json!(7))
    );
}

/// Every claim and how it ended can be read back, first to last.
pub fn every_run_is_on_record(make: Make<'_>) {
    let bench = make();
    let id = bench.create(Role::Qa);
    for outcome in [retry(), Outcome::Release, complete()] {
        bench.settle(&bench.claim(Role::Qa), outcome).unwrap();
        bench.hurry();
    }
    let attempts = bench.store.attempts(id).unwrap();
    let told: Vec<_> = attempts
        .iter()
        .map(|run| (run.token, run.outcome.as_deref(), run.error.as_deref(), run.ended_at.is_some()))
        .collect();
    let error = Some("the disk hiccuped");
    assert_eq!(
        told,
        [
            (LeaseToken(1), Some("retried"), error, true),
            (LeaseToken(2), Some("released"), error, true),
            (LeaseToken(3), Some("completed"), None, true),
        ]
    );
    assert!(attempts.iter().all(|run| run.worker == "worker-1" && run.task == id));
}

/// A reader that knows the last entry it saw gets those after it, and none twice.
pub fn logs_can_be_followed(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    let note = |text: &str| {
        let logs = vec![NewLog::info(text, json!({ "text": text })), NewLog::warn(text, Value::Null)];
        let messages = Vec::new();
        let command = Command::Note { task: task.id, token: task.lease_token, logs, messages };
        bench.store.execute(command).unwrap();
    };
    note("one");
    bench.store.log(None, Party::System, NewLog::info("started", Value::Null)).unwrap();
    let first = bench.store.logs(&LogFilter { after_id: Some(0), ..LogFilter::default() }).unwrap();
    assert_eq!(
        first.iter().map(|entry| entry.message.as_str()).collect::<Vec<_>>(),
        ["one", "one", "started"]
    );
    assert_eq!((first[0].agent.as_str(), &first[0].data), ("qa", &json!({ "text": "one" })));
    note("two");
    let after_id = first.last().map(|entry| entry.id);
    let next = bench.store.logs(&LogFilter { after_id, limit: Some(1), ..LogFilter::default() }).unwrap();
    assert_eq!(next.iter().map(|entry| entry.message.as_str()).collect::<Vec<_>>(), ["two"]);
    let of_task = LogFilter { task: Some(task.id), agent: Some("qa".to_owned()), ..LogFilter::default() };
    assert_eq!(bench.store.logs(&of_task).unwrap().len(), 4);
    let newest = bench.store.logs(&LogFilter { limit: Some(2), ..LogFilter::default() }).unwrap();
    assert!(newest.is_sorted_by_key(|entry| entry.id) && newest.iter().all(|entry| entry.message == "two"));
    let lost = bench.store.log(Some(TaskId(99)), Party::System, NewLog::info("?", Value::Null)).unwrap_err();
    assert!(matches!(lost, StoreError::Vanished { task: TaskId(99) }), "{lost}");
}

/// Messages are found by task, by reader, by type, and unread.
pub fn messages_can_be_found(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let message = |to: &str, message_type, content: &str| NewMessage {
        from: "developer".to_owned(),
        to: to.to_owned(),
        message_type,
        content: content.to_owned(),
        metadata: json!({ "urgency": "low" }),
    };
    let messages = vec![
        message("qa", MessageType::Question, "a"),
        message("qa", MessageType::Notification, "b"),
        message("user", MessageType::Notification, "c"),
    ];
    let note = Command::Note { task: task.id, token: task.lease_token, logs: Vec::new(), messages };
    let written = bench.store.execute(note).unwrap().messages;
    (bench.sql)("UPDATE agent_messages SET read_at = CURRENT_TIMESTAMP WHERE content = 'b'");
    let find = |filter: MessageFilter| -> Vec<MessageId> {
        bench.store.messages(&filter).unwrap().into_iter().map(|message| message.id).collect()
    };
    let [a, b, c] = written[..] else { panic!("{written:?}") };
    let all = MessageFilter::default();
    assert_eq!(find(all.clone()), [c, b, a]);
    assert_eq!(find(MessageFilter { task: Some(task.id), limit: Some(2), ..all.clone() }), [c, b]);
    assert_eq!(find(MessageFilter { before: Some(b), ..all.clone() }), [a]);
    let to_qa = MessageFilter { to: Some("qa".to_owned()), ..all };
    assert_eq!(find(to_qa.clone()), [b, a]);
    assert_eq!(find(MessageFilter { unread_only: true, ..to_qa.clone() }), [a]);
    assert_eq!(find(MessageFilter { message_type: Some(MessageType::Notification), ..to_qa }), [b]);
    let found = bench.store.message(c).unwrap().unwrap();
    assert_eq!(
        (found.content.as_str(), found.metadata, found.task),
        ("c", json!({ "urgency": "low" }), Some(task.id))
    );
}

/// Tasks are found by status, role, workflow and page.
pub fn tasks_can_be_found(make: Make<'_>) {
    let bench = make();
    let first = bench.create(Role::Qa);
    let second = bench.create(Role::Qa);
    let third = bench.create(Role::Developer);
    let mut child = NewTask::new("part", Role::Security, Party::Developer, Value::Null);
    child.parent = Some(third);
    let child = bench.create_as(child);
    assert_eq!(bench.claim(Role::Qa).id, first);
    let find = |filter: TaskFilter| -> Vec<TaskId> {
        bench.store.tasks(&filter).unwrap().into_iter().map(|task| task.id).collect()
    };
    let all = TaskFilter::default();
    assert_eq!(find(all.clone()), [child, third, second, first]);
    assert_eq!(find(TaskFilter { limit: Some(1), before: Some(third), ..all.clone() }), [second]);
    assert_eq!(find(TaskFilter { role: Some(Role::Qa), ..all.clone() }), [second, first]);
    assert_eq!(find(TaskFilter { status: Some(Status::Running), ..all.clone() }), [first]);
    let pending = TaskFilter { status: Some(Status::Pending), ..all.clone() };
    assert_eq!(find(TaskFilter { limit: Some(2), ..pending.clone() }), [child, third]);
    assert_eq!(find(TaskFilter { role: Some(Role::Qa), ..pending }), [second]);
    assert_eq!(find(TaskFilter { root: Some(third), ..all }), [child, third]);
    // A ring that another program made still has an end.
    (bench.sql)(&format!("UPDATE agent_tasks SET parent_task_id = {child} WHERE id = {third}"));
    assert_eq!(bench.store.workflow(child).unwrap().len(), 2);
}

/// Roles without tasks in a status are left out.
pub fn counts_tell_what_each_role_has(make: Make<'_>) {
    let bench = make();
    assert_eq!(bench.store.counts().unwrap(), []);
    bench.create(Role::Qa);
    bench.create(Role::Qa);
    bench.create(Role::Monitor);
    bench.claim(Role::Qa);
    let count = |role, status, tasks| Count { role, status, tasks };
    assert_eq!(
        bench.store.counts().unwrap(),
        [
            count(Role::Monitor, Status::Pending, 1),
            count(Role::Qa, Status::Pending, 1),
            count(Role::Qa, Status::Running, 1),
        ]
    );
}

/// What other programs add, move and delete is counted, and a count that was touched is named.
pub fn counts_follow_what_other_programs_do(make: Make<'_>) {
    let bench = make();
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, status) VALUES
        ('a', 'qa', 'pending'), ('b', 'qa', NULL), ('c', 'triage', 'running'), ('d', 'qa', 'completed')",
    );
    let counts = || -> Vec<(Role, Status, u64)> {
        bench.store.counts().unwrap().into_iter().map(|row| (row.role, row.status, row.tasks)).collect()
    };
    let (qa, triage) = (Role::Qa, Role::Triage);
    let (pending, running, completed) = (Status::Pending, Status::Running, Status::Completed);
    assert_eq!(counts(), [(triage, running, 1), (qa, pending, 2), (qa, completed, 1)]);
    (bench.sql)("UPDATE agent_tasks SET assigned_to = 'triage' WHERE task_type = 'b'");
    (bench.sql)("UPDATE agent_tasks SET status = 'pending' WHERE task_type = 'b'");
    (bench.sql)("UPDATE agent_tasks SET status = 'failed' WHERE task_type = 'a'");
    (bench.sql)("DELETE FROM agent_tasks WHERE task_type = 'd'");
    assert_eq!(counts(), [(triage, pending, 1), (triage, running, 1), (qa, Status::Failed, 1)]);
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!(bench.store.check().unwrap(), vec![]);
    (bench.sql)("UPDATE crew_counts SET tasks = 7 WHERE role = 'qa' AND status = 'failed'");
    let found = bench.store.check().unwrap();
    let said: Vec<(&str, &str)> =
        found.iter().map(|finding| (finding.rule, finding.detail.as_str())).collect();
    assert_eq!(said, [("count", "kept as 7 tasks, but there are 1")]);
}

/// What a role does is told by all of its tasks, however many run at once.
pub fn a_role_is_at_work_until_the_last_of_many_tasks_ends(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    store
        .enqueue((0..150).map(|_| NewTask::new("work", Role::Qa, Party::User, Value::Null)).collect())
        .unwrap();
    let mut running: Vec<Task> = (0..150).map(|_| bench.claim(Role::Qa)).collect();
    let state = || state(&bench, Role::Qa);
    // In one transaction each, and many together.
    for task in running.drain(..100) {
        bench.settle(&task, complete()).unwrap();
    }
    assert_eq!(state().current_task, Some(running[0].id));
    let last = running.pop().unwrap();
    std::thread::scope(|scope| {
        for task in &running {
            scope.spawn(|| settle_elsewhere(store.as_ref(), task));
        }
    });
    assert_eq!((state().current_task, state().status), (Some(last.id), AgentStatus::Working));
    bench.settle(&last, complete()).unwrap();
    assert_eq!((state().current_task, state().status), (None, AgentStatus::Idle));
    assert_eq!(state().metrics["runs"], json!(150));
    assert_eq!(store.check().unwrap(), vec![]);
}

fn settle_elsewhere(store: &dyn Store, task: &Task) {
    let settlement = Settlement::new(task.id, task.lease_token, complete());
    store.execute(Command::Settle(Box::new(settlement))).unwrap();
}

/// The same root is the same project; two roots cannot share a name.
pub fn projects_are_known_by_their_root(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    let shop = store.add_project("shop", "/srv/shop", &json!({ "log": "a" })).unwrap();
    assert_eq!(store.add_project("store", "/srv/shop", &json!({ "log": "b" })).unwrap(), shop);
    let taken = store.add_project("store", "/srv/other", &json!({})).unwrap_err();
    assert_eq!(
        taken.to_string(),
        "another project is already named \"store\"; choose another name for /srv/other"
    );
    let found = store.project(shop).unwrap();
    assert_eq!(found.as_ref().map(|project| &project.config), Some(&json!({ "log": "b" })));
    assert_eq!(store.project_named("store").unwrap(), found);
    assert_eq!(store.project_at("/srv/shop").unwrap(), found);
    assert_eq!(store.projects().unwrap(), found.into_iter().collect::<Vec<_>>());
    assert_eq!(store.project_named("shop").unwrap(), None);
}

/// A worker is known from its announcement to its farewell.
pub fn workers_come_and_go(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    assert!(!store.beat_worker("w1").unwrap());
    let worker =
        NewWorker { name: "w1".into(), host: "h".into(), pid: 7, roles: vec![Role::Qa, Role::Triage] };
    store.register_worker(&worker).unwrap();
    assert!(store.beat_worker("w1").unwrap());
    let known = store.workers().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].pid, known[0].roles.as_slice()), (7, [Role::Qa, Role::Triage].as_slice()));
    assert!(known[0].last_seen >= known[0].started_at);
    store.remove_worker("w1").unwrap();
    assert_eq!(store.workers().unwrap(), []);
}

/// One database has one key, and no other has the same.
pub fn the_redaction_key_stays_the_same(make: Make<'_>) {
    let (bench, other) = (make(), make());
    let key = bench.store.redaction_key().unwrap();
    assert_eq!(bench.store.redaction_key().unwrap(), key);
    assert_ne!(other.store.redaction_key().unwrap(), key);
}

/// A row of a program that knows no projects belongs to the one that was there first.
pub fn a_row_without_project_belongs_to_the_first(make: Make<'_>) {
    let bench = make();
    let id = bench.create(Role::Qa);
    assert_eq!(bench.task(id).project, None);
    let first = bench.store.add_project("a", "/a", &json!({})).unwrap();
    let second = bench.store.add_project("b", "/b", &json!({})).unwrap();
    assert_eq!(bench.claim(Role::Qa).project, Some(first));
    let find =
        |project| bench.store.tasks(&TaskFilter { project: Some(project), ..TaskFilter::default() }).unwrap();
    assert_eq!((find(first).len(), find(second).len()), (1, 0));
}

/// The database's clock is told as it runs for everything that is written.
pub fn the_clock_of_the_database_is_told(make: Make<'_>) {
    let bench = make();
    let before = bench.store.now().unwrap();
    let created = bench.task(bench.create(Role::Qa)).created_at;
    assert!(before <= created && created <= bench.store.now().unwrap(), "{before} {created}");
}
