//! Signals: what waits for one goes on when it was emitted, whichever came first, and not before.

use std::time::Duration;

use groundcrew_core::lifecycle::{Command, Outcome, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::signal::NEVER;
use groundcrew_core::task::{NewTask, Status, TaskId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Bench, MINUTE, Make, complete, refusal, retry};
use crate::{LogFilter, Receipt};

fn emit(bench: &Bench, name: &str, payload: Value) -> Receipt {
    bench.store.execute(Command::Emit { name: name.to_owned(), payload, by: Party::User }).unwrap()
}

fn after(signal: &str) -> NewTask {
    let mut task = NewTask::new("work", Role::Qa, Party::User, json!({}));
    task.after = Some(signal.to_owned());
    task
}

fn next(bench: &Bench) -> Option<TaskId> {
    bench.store.claim(Role::Qa, None, "w", MINUTE).unwrap().map(|task| task.id)
}

fn wait(signal: &str, until: Option<Timestamp>) -> Outcome {
    Outcome::Await { signal: signal.to_owned(), until }
}

fn awaited(bench: &Bench) -> Vec<(TaskId, String)> {
    bench.store.awaits().unwrap().into_iter().map(|wait| (wait.task, wait.signal)).collect()
}

/// A task that is created to wait for a signal is ready when that was emitted, before or after, and not earlier.
pub fn a_task_waits_for_a_signal_whichever_comes_first(make: Make<'_>) {
    let bench = make();
    let first = bench.create_as(after("deployed:1"));
    let other = bench.create_as(after("deployed:2"));
    assert_eq!(bench.task(first).run_at, Some(NEVER));
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!(next(&bench), None);
    assert_eq!(awaited(&bench), [(first, "deployed:1".to_owned()), (other, "deployed:2".to_owned())]);
    let told = emit(&bench, "deployed:1", json!({ "by": "the pipeline" }));
    assert!(told.wake.contains(&Role::Qa));
    assert_eq!(next(&bench), Some(first));
    let late = bench.create_as(after("deployed:1"));
    assert_eq!(bench.task(late).run_at, None);
    assert_eq!((next(&bench), next(&bench)), (Some(late), None));
    assert_eq!(awaited(&bench), [(other, "deployed:2".to_owned())]);
    assert_eq!(bench.store.check().unwrap(), []);
}

/// A run can wait for a signal, in the same claim order of things: emitted before or after its end. It is not counted as failed.
pub fn a_run_waits_for_a_signal_whichever_comes_first(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.settle(&task, wait("merged", None)).unwrap();
    let waiting = bench.task(task.id);
    assert_eq!((waiting.status, waiting.run_at, waiting.retry_count), (Status::Pending, Some(NEVER), 0));
    assert_eq!(next(&bench), None);
    emit(&bench, "merged", json!(7));
    let again = bench.claim(Role::Qa);
    assert_eq!((again.id, bench.store.signal("merged").unwrap().unwrap().payload), (task.id, json!(7)));
    bench.settle(&again, wait("merged", None)).unwrap();
    assert_eq!(next(&bench), Some(task.id), "it was emitted already");
    assert_eq!(bench.store.attempts(task.id).unwrap()[0].outcome.as_deref(), Some("blocked"));
}

/// Nothing but its signal ends a wait without a time, also of a task that was tried again before: it is taken for no retry.
pub fn a_wait_for_a_signal_is_no_wait_before_a_retry(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.settle(&task, retry()).unwrap();
    bench.hurry();
    let again = bench.claim(Role::Qa);
    let far: Timestamp = "2199-01-01T00:00:00Z".parse().unwrap();
    for until in [Some(far), None] {
        let task = bench.store.claim(Role::Qa, Some(again.id), "w", MINUTE).ok().flatten();
        bench.settle(task.as_ref().unwrap_or(&again), wait("go", until)).unwrap();
        bench.store.maintain(MINUTE).unwrap();
        let waiting = bench.task(again.id);
        assert_eq!((waiting.run_at, waiting.retry_count), (until.or(Some(NEVER)), 1));
    }
    emit(&bench, "go", Value::Null);
    let woken = bench.claim(Role::Qa);
    bench.settle(&woken, retry()).unwrap();
    assert_eq!(awaited(&bench), [], "it waits for its next try");
}

/// The first emission of a name is kept; a later one changes nothing, and is no error. Both are on record as what they are.
pub fn a_signal_comes_once(make: Make<'_>) {
    let bench = make();
    let before = bench.store.logs(&LogFilter::default()).unwrap().len();
    for n in 0..3 {
        emit(&bench, "merged", json!(n));
    }
    let all = bench.store.signals().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].name.as_str(), &all[0].payload, all[0].by), ("merged", &json!(0), Party::User));
    assert_eq!(bench.store.signal("other").unwrap(), None);
    let logs = bench.store.logs(&LogFilter::default()).unwrap().split_off(before);
    assert_eq!(logs.len(), 1);
    for wrong in ["", " ", "a\nb", "\u{7}", &"x".repeat(201)] {
        let command = Command::Emit { name: wrong.to_owned(), payload: Value::Null, by: Party::User };
        assert!(matches!(refusal(bench.store.execute(command)), Refusal::Invalid(_)), "{wrong:?}");
        let command = Command::Create(Box::new(after(wrong)));
        assert!(matches!(refusal(bench.store.execute(command)), Refusal::Invalid(_)), "{wrong:?}");
    }
}

/// A completed run emits signals with its end, and not without it; a hand-off can wait for one.
pub fn a_completion_emits_with_its_end(make: Make<'_>) {
    let bench = make();
    let waiting = bench.create_as(after("checked"));
    let mut task = NewTask::new("check", Role::Developer, Party::User, json!({}));
    task.priority = 9;
    bench.create_as(task);
    let running = bench.claim(Role::Developer);
    let told = |settlement: &mut groundcrew_core::lifecycle::Settlement| {
        settlement.signals = vec![("checked".to_owned(), json!({ "ok": true }))];
        settlement.hand_offs = vec![after("released")];
    };
    let early = bench.settle_with(&running, retry(), told);
    assert!(matches!(refusal(early), Refusal::Invalid(_)));
    let done = bench.settle_with(&running, complete(), told).unwrap();
    assert!(done.wake.contains(&Role::Qa));
    assert_eq!(bench.store.signal("checked").unwrap().unwrap().by, Party::Developer);
    assert_eq!((next(&bench), next(&bench)), (Some(waiting), None));
    emit(&bench, "released", Value::Null);
    assert_eq!(next(&bench), Some(done.inserted[0]));
}

/// A wait ends by itself at its time; whoever names the task, cancels it or puts it back ends the wait, which wakes it no more.
pub fn a_wait_for_a_signal_can_end_without_it(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.settle(&task, wait("never", Some(Timestamp::UNIX_EPOCH))).unwrap();
    assert_eq!(bench.store.maintain(MINUTE).unwrap().promoted, 1);
    assert_eq!((next(&bench), awaited(&bench)), (Some(task.id), vec![]));
    let named = bench.create_as(after("never"));
    assert!(bench.store.claim(Role::Qa, Some(named), "w", MINUTE).unwrap().is_some());
    assert_eq!(awaited(&bench), []);
    let cancelled = bench.create_as(after("never"));
    let cancel = Command::Cancel { task: cancelled, by: Party::User, reason: "enough".to_owned() };
    bench.store.execute(cancel).unwrap();
    assert_eq!(awaited(&bench), []);
    emit(&bench, "never", Value::Null);
    assert_eq!((next(&bench), bench.status(cancelled)), (None, Status::Failed));
    bench.store.execute(Command::Redrive { task: cancelled, by: Party::User }).unwrap();
    assert_eq!(next(&bench), Some(cancelled));
}

/// Many that wait for one signal all go on, also those that one emission leaves to the sweep, and what another program emits.
pub fn everybody_who_waits_for_a_signal_goes_on(make: Make<'_>) {
    let bench = make();
    let waiting = bench.store.enqueue((0..1_200).map(|_| after("go")).collect()).unwrap();
    emit(&bench, "go", Value::Null);
    for _ in 0..3 {
        bench.store.maintain(MINUTE).unwrap();
    }
    assert_eq!(awaited(&bench), []);
    assert!(waiting.iter().all(|task| bench.task(*task).run_at.is_none()));
    let more = bench.create_as(after("foreign"));
    (bench.sql)(
        "INSERT INTO crew_signals (name, payload_json, emitted_at, emitted_by)
         VALUES ('foreign', 'null', '2026-01-01 00:00:00.000', 'user')",
    );
    assert_eq!(bench.store.check().unwrap().len(), 1);
    bench.store.maintain(MINUTE).unwrap();
    assert_eq!((bench.task(more).run_at, bench.store.check().unwrap().len()), (None, 0));
    let lost = bench.create_as(after("late"));
    (bench.sql)(&format!("UPDATE agent_tasks SET status = 'failed' WHERE id = {lost}"));
    bench.store.maintain(MINUTE).unwrap();
    emit(&bench, "late", Value::Null);
    assert_eq!((bench.status(lost), awaited(&bench)), (Status::Failed, vec![]));
}

/// A worker that waits for work gets what a signal lets go, without asking again.
pub fn who_waits_is_served_when_a_signal_comes(make: Make<'_>) {
    let bench = make();
    let task = bench.create_as(after("go"));
    let store = bench.store.as_ref();
    let (_, since) = store.claim_within(Role::Qa, "b", MINUTE, 0, Duration::ZERO).unwrap();
    let wait = || store.claim_within(Role::Qa, "b", MINUTE, since, Duration::from_secs(60)).unwrap().0;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        emit(&bench, "go", Value::Null);
        assert_eq!(waiting.join().unwrap().map(|task| task.id), Some(task));
    });
}
