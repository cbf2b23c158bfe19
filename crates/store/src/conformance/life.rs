//! What happens to a task between its claim and its end.

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::log::NewLog;
use groundcrew_core::message::MessageType;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{IncidentLink, Lease, LeaseToken, NewTask, Status, Task};
use serde_json::{Value, json};

use super::{EXPIRED, MINUTE, Make, Outcome, complete, refusal, retry, stale};
use crate::Kind;

/// After a rescue and another claim, the first worker's heartbeat, note and settlement are refused.
pub fn a_lost_lease_can_change_nothing(make: Make<'_>) {
    let bench = make();
    let id = bench.create(Role::Qa);
    let lost = bench.store.claim(Role::Qa, None, "slow", EXPIRED).unwrap().unwrap();
    assert_eq!(bench.store.maintain(MINUTE).unwrap().rescued, 1);
    bench.hurry();
    let held = bench.claim(Role::Qa);
    assert_eq!((held.id, held.lease_token), (id, LeaseToken(2)));
    let before = (bench.task(id), bench.store.logs(&Default::default()).unwrap());
    let refused = stale(&lost, 2, Status::Running);
    let beat = Command::Heartbeat { task: id, token: lost.lease_token, lease: MINUTE };
    assert_eq!(refusal(bench.store.execute(beat)), refused);
    let note = Command::Note {
        task: id,
        token: lost.lease_token,
        logs: vec![NewLog::info("late", Value::Null)],
        messages: Vec::new(),
    };
    assert_eq!(refusal(bench.store.execute(note)), refused);
    assert_eq!(refusal(bench.settle(&lost, complete())), refused);
    assert_eq!((bench.task(id), bench.store.logs(&Default::default()).unwrap()), before);
    bench.settle(&held, complete()).unwrap();
    assert_eq!(refusal(bench.settle(&held, complete())), stale(&held, 2, Status::Completed));
}

/// A worker that is known to have ended loses its task at once, and only that worker does.
pub fn the_task_of_a_worker_that_ended_is_taken_back_at_once(make: Make<'_>) {
    let bench = make();
    let held = bench.claimed(Role::Qa);
    let rescue = |worker: &str| Command::Rescue { task: held.id, ended_worker: Some(worker.to_owned()) };
    assert_eq!(refusal(bench.store.execute(rescue("worker-2"))), Refusal::NotDue { task: held.id });
    bench.store.execute(rescue("worker-1")).unwrap();
    let taken = bench.task(held.id);
    assert_eq!((taken.status, taken.retry_count, taken.lease), (Status::Pending, 1, None));
    assert_eq!(taken.error_message.as_deref(), Some("worker worker-1 ended without a word"));
    assert_eq!(refusal(bench.settle(&held, complete())), stale(&held, 1, Status::Pending));
}

/// The result, the follow-up and its message appear together or not at all.
pub fn a_completion_and_its_hand_offs_are_one(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let mut bad = NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null);
    bad.priority = 0;
    let good = NewTask::new("verify_fix", Role::Qa, Party::Developer, json!({ "branch": "b" }));
    let both = vec![good.clone(), bad];
    let refused = bench.settle_with(&task, complete(), |end| end.hand_offs = both);
    assert_eq!(refusal(refused), Refusal::Invalid("priority 0 is not within 1 to 10".to_owned()));
    assert_eq!(bench.store.workflow(task.id).unwrap(), [bench.task(task.id)]);
    let done = bench.settle_with(&task, complete(), |end| end.hand_offs = vec![good]).unwrap();
    let ended = bench.task(task.id);
    assert_eq!(
        (ended.status, ended.result, ended.lease),
        (Status::Completed, Some(json!({ "ok": true })), None)
    );
    let next = bench.task(done.inserted[0]);
    assert_eq!(
        (next.status, next.parent, next.context),
        (Status::Pending, Some(task.id), json!({ "branch": "b" }))
    );
    let told = bench.store.message(done.messages[0]).unwrap().unwrap();
    assert_eq!(
        (told.from.as_str(), told.to.as_str(), told.message_type),
        ("developer", "qa", MessageType::Handoff)
    );
    assert_eq!(bench.store.workflow(next.id).unwrap().len(), 2);
}

/// A command that fails when some of its rows are written already takes them back.
pub fn a_command_that_fails_half_way_leaves_nothing(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let mut stray = NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null);
    stray.incident = IncidentLink::Fingerprint("unheard of".to_owned());
    let said = bench.settle_with(&task, complete(), |end| {
        end.logs = vec![NewLog::info("done", Value::Null)];
        end.hand_offs = vec![NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null), stray];
    });
    assert_eq!(said.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(bench.store.tasks(&Default::default()).unwrap(), [task]);
    assert_eq!(bench.store.messages(&Default::default()).unwrap(), []);
    assert_eq!(bench.store.logs(&Default::default()).unwrap(), []);
}

/// A run that did not complete passes nothing on.
pub fn only_a_completion_hands_off(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let next = NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null);
    let refused = bench.settle_with(&task, retry(), |end| end.hand_offs = vec![next]);
    assert_eq!(refusal(refused), Refusal::Invalid("only a completed task hands off work".to_owned()));
    assert_eq!(bench.status(task.id), Status::Running);
}

/// Three retries with growing waits, then the end.
pub fn a_failed_run_waits_and_the_fourth_fails_the_task(make: Make<'_>) {
    let bench = make();
    let id = bench.create(Role::Qa);
    let mut waits = Vec::new();
    for run in 1..=3 {
        let done = bench.settle(&bench.claim(Role::Qa), retry()).unwrap();
        let task = done.task.unwrap();
        assert_eq!((task.status, task.retry_count), (Status::Pending, run));
        assert_eq!(task.error_message.as_deref(), Some("the disk hiccuped"));
        waits.push(task.run_at.unwrap().duration_since(done.now));
        assert_eq!(bench.store.claim(Role::Qa, None, "w", MINUTE).unwrap(), None);
        bench.hurry();
    }
    assert!(waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
    bench.settle(&bench.claim(Role::Qa), retry()).unwrap();
    let failed = bench.task(id);
    assert_eq!((failed.status, failed.retry_count, failed.run_at), (Status::Failed, 3, None));
    assert!(failed.completed_at.is_some());
    assert_eq!(bench.store.attempts(id).unwrap().len(), 4);
}

/// A worker that dies uses up a run: the first time the task is ready at once, and when it has killed four it is failed.
pub fn a_lost_lease_counts_as_a_failed_run(make: Make<'_>) {
    let bench = make();
    let id = bench.create(Role::Qa);
    for run in 1..=4u8 {
        bench.store.claim(Role::Qa, None, "doomed", EXPIRED).unwrap().unwrap();
        let swept = bench.store.maintain(MINUTE).unwrap();
        assert_eq!((swept.rescued, swept.failed), if run < 4 { (1, 0) } else { (0, 1) });
        let waits = bench.task(id).run_at.is_some();
        assert_eq!(waits, run == 2 || run == 3, "the first time it is ready at once; run {run}");
        bench.hurry();
    }
    let task = bench.task(id);
    assert_eq!((task.status, task.retry_count), (Status::Failed, 3));
    assert_eq!(task.error_message.as_deref(), Some("worker doomed lost its lease"));
    let ends: Vec<Option<String>> =
        bench.store.attempts(id).unwrap().into_iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(ends, vec![Some("lost".to_owned()); 4]);
}

/// A worker that stops in good order costs the task nothing.
pub fn a_released_task_is_ready_at_once_and_not_counted(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.settle(&task, Outcome::Release).unwrap();
    let again = bench.claim(Role::Qa);
    assert_eq!((again.id, again.retry_count, again.lease_token), (task.id, 0, LeaseToken(2)));
    assert_eq!(again.started_at, task.started_at);
}

/// A refusal is not tried again and keeps its reason.
pub fn a_refusal_fails_for_good_with_its_code(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let outcome = Outcome::Fail { error: "it is right as it is".into(), refusal: Some("not_a_bug".into()) };
    bench.settle(&task, outcome).unwrap();
    let failed = bench.task(task.id);
    assert_eq!((failed.status, failed.retry_count), (Status::Failed, 0));
    assert_eq!(failed.refusal_code.as_deref(), Some("not_a_bug"));
}

/// What another program set running is left alone for one full lease, then taken back.
pub fn a_foreign_running_row_gets_one_full_lease(make: Make<'_>) {
    let bench = make();
    (bench.sql)("INSERT INTO agent_tasks (task_type, assigned_to, status) VALUES ('x', 'qa', 'running')");
    let swept = bench.store.maintain(MINUTE).unwrap();
    assert_eq!((swept.adopted, swept.rescued), (1, 0));
    let task: Task = bench.store.tasks(&Default::default()).unwrap().remove(0);
    let Lease { owner, since, until } = task.lease.clone().unwrap();
    assert_eq!((owner.as_str(), until.duration_since(since)), ("unknown", MINUTE));
    assert_eq!(bench.store.maintain(MINUTE).unwrap(), Default::default());
    (bench.sql)("UPDATE agent_tasks SET lease_until = '2001-01-01 00:00:00.000'");
    assert_eq!(bench.store.maintain(MINUTE).unwrap().rescued, 1);
    assert_eq!(bench.task(task.id).retry_count, 1);
}

/// A cancelled task is failed, its worker's lease ends, and the error says who wanted it.
pub fn a_cancelled_task_is_failed_and_says_by_whom(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    let cancel = || Command::Cancel { task: task.id, by: Party::User, reason: "not needed".to_owned() };
    bench.store.execute(cancel()).unwrap();
    let ended = bench.task(task.id);
    assert_eq!((ended.status, ended.lease), (Status::Failed, None));
    assert_eq!(ended.error_message.as_deref(), Some("cancelled by user: not needed"));
    assert_eq!(refusal(bench.settle(&task, complete())), stale(&task, 1, Status::Failed));
    assert_eq!(
        refusal(bench.store.execute(cancel())),
        Refusal::WrongStatus { task: task.id, status: Status::Failed, wish: "cancelled" }
    );
}

/// A failed task starts afresh when somebody asks for it; one that completed does not.
pub fn a_failed_task_can_be_put_back_with_fresh_retries(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.settle(&task, Outcome::Fail { error: "no".to_owned(), refusal: None }).unwrap();
    let again = || bench.store.execute(Command::Redrive { task: task.id, by: Party::User });
    again().unwrap();
    let back = bench.claim(Role::Qa);
    assert_eq!((back.id, back.retry_count, back.completed_at), (task.id, 0, None));
    bench.settle(&back, complete()).unwrap();
    assert_eq!(
        refusal(again()),
        Refusal::WrongStatus { task: task.id, status: Status::Completed, wish: "retried" }
    );
}
