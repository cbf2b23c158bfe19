//! Which task is claimed, and by whom.

use std::collections::BTreeSet;

use groundcrew_core::lifecycle::{Command, Refusal, Settlement};
use groundcrew_core::log::NewLog;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status, Task, TaskId};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{MINUTE, Make, complete, refusal, stale};
use crate::StoreError;

/// Priority first, then age, then key; other roles' tasks never.
pub fn a_claim_takes_priority_then_age_then_key(make: Make<'_>) {
    let bench = make();
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, priority, created_at) VALUES
        ('d', 'qa', 5, '2026-01-02 00:00:00'), ('b', 'qa', 9, '2026-01-03 00:00:00'),
        ('c', 'qa', 5, '2026-01-01 00:00:00'), ('e', 'qa', 5, '2026-01-02 00:00:00'),
        ('f', 'qa', 1, '2020-01-01 00:00:00'), ('a', 'qa', 10, '2026-01-09 00:00:00'),
        ('x', 'security', 10, '2000-01-01 00:00:00')",
    );
    let order: Vec<String> = (0..6).map(|_| bench.claim(Role::Qa).task_type).collect();
    assert_eq!(order, ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(bench.store.claim(Role::Qa, None, "w", MINUTE).unwrap(), None);
}

/// A named task is claimed out of turn, but only if it is ready and of this role.
pub fn a_claim_by_key_takes_that_task_or_says_why_not(make: Make<'_>) {
    let bench = make();
    bench.create(Role::Qa);
    let second = bench.create(Role::Qa);
    let claim = |role, id| bench.store.claim(role, Some(id), "w", MINUTE);
    assert_eq!(
        refusal(claim(Role::Developer, second)),
        Refusal::WrongStatus { task: second, status: Status::Pending, wish: "claimed" }
    );
    assert_eq!(claim(Role::Qa, second).unwrap().unwrap().id, second);
    assert_eq!(
        refusal(claim(Role::Qa, second)),
        Refusal::WrongStatus { task: second, status: Status::Running, wish: "claimed" }
    );
    assert_eq!(refusal(claim(Role::Qa, TaskId(999))), Refusal::NoSuchTask);
}

/// Nothing ready is no error.
pub fn a_claim_of_an_empty_queue_is_none(make: Make<'_>) {
    let bench = make();
    for &role in Role::ALL {
        assert_eq!(bench.store.claim(role, None, "w", MINUTE).unwrap(), None);
    }
}

/// A task with a time to come waits for the sweep that finds it due.
pub fn a_delayed_task_is_not_ready_before_its_time(make: Make<'_>) {
    let bench = make();
    let mut later = NewTask::new("later", Role::Qa, Party::System, Value::Null);
    later.run_at = Some(Timestamp::MAX);
    let later = bench.create_as(later);
    let mut due = NewTask::new("due", Role::Qa, Party::System, Value::Null);
    due.run_at = Some(Timestamp::UNIX_EPOCH);
    let due = bench.create_as(due);
    assert_eq!(bench.store.maintain(MINUTE).unwrap().promoted, 1);
    assert_eq!(bench.store.maintain(MINUTE).unwrap().promoted, 0);
    assert_eq!(bench.claim(Role::Qa).id, due);
    assert_eq!(bench.store.claim(Role::Qa, None, "w", MINUTE).unwrap(), None);
    assert_eq!(
        refusal(bench.store.execute(Command::Promote { task: later })),
        Refusal::NotDue { task: later }
    );
}

/// A second open task with the same key is refused; once the first has ended it is welcome.
pub fn a_key_is_held_by_one_open_task(make: Make<'_>) {
    let bench = make();
    let mut keyed = NewTask::new("scan_logs", Role::Monitor, Party::User, Value::Null);
    keyed.dedupe_key = Some("scan:1".to_owned());
    bench.create_as(keyed.clone());
    let again = || bench.store.execute(Command::Create(Box::new(keyed.clone())));
    assert_eq!(refusal(again()), Refusal::KeyTaken("scan:1".to_owned()));
    let task = bench.claim(Role::Monitor);
    assert_eq!(refusal(again()), Refusal::KeyTaken("scan:1".to_owned()));
    bench.settle(&task, complete()).unwrap();
    again().unwrap();
}

/// A task that completes may hand off a follow-up under its own key, and one only.
pub fn a_periodic_task_may_hand_its_key_to_its_successor(make: Make<'_>) {
    let bench = make();
    let mut keyed = NewTask::new("scan_logs", Role::Monitor, Party::User, Value::Null);
    keyed.dedupe_key = Some("scan:1".to_owned());
    bench.create_as(keyed.clone());
    let task = bench.claim(Role::Monitor);
    let done =
        bench.settle_with(&task, complete(), |end| end.hand_offs = vec![keyed.clone(), keyed]).unwrap();
    assert_eq!(done.inserted.len(), 1);
    assert_eq!(bench.claim(Role::Monitor).id, done.inserted[0]);
}

/// Rows with NULL where the given schema has a default, odd numbers, texts and times are tasks like any other.
pub fn rows_of_other_programs_are_worked(make: Make<'_>) {
    let bench = make();
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, context_json) VALUES ('plain', 'qa', '{\"a\":1,\"b\":[2]}')",
    );
    let plain = bench.claim(Role::Qa);
    assert_eq!(
        (plain.task_type.as_str(), plain.priority, plain.context),
        ("plain", 5, json!({ "a": 1, "b": [2] }))
    );
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, created_by, status, priority, context_json, created_at, retry_count)
        VALUES ('empty', 'triage', NULL, NULL, NULL, NULL, NULL, NULL)",
    );
    let empty = bench.claim(Role::Triage);
    assert_eq!((empty.priority, empty.retry_count, empty.context), (5, 0, Value::Null));
    (bench.sql)(
        "INSERT INTO agent_tasks (task_type, assigned_to, created_by, context_json, created_at)
        VALUES ('odd', 'security', 'a cron job', 'not json {', 'last tuesday')",
    );
    let odd = bench.claim(Role::Security);
    assert_eq!(odd.created_by.as_deref(), Some("a cron job"));
    assert_eq!(odd.context, json!("not json {"));
    assert_eq!(odd.created_at, Timestamp::UNIX_EPOCH);
    bench.settle(&odd, complete()).unwrap();
    (bench.sql)("UPDATE agent_tasks SET status = NULL, priority = NULL WHERE task_type = 'odd'");
    assert_eq!(bench.claim(Role::Security).id, odd.id);
}

/// Work of low priority is done at last, however much of high priority keeps coming; until it is old, priority decides.
pub fn old_work_of_low_priority_does_not_starve(make: Make<'_>) {
    let bench = make();
    let create = |priority| {
        bench.create_as(NewTask { priority, ..NewTask::new("work", Role::Qa, Party::User, Value::Null) })
    };
    let low = [create(1), create(2)];
    let keep_coming = || {
        create(10);
        bench.claim(Role::Qa).id
    };
    assert!((0..20).map(|_| keep_coming()).all(|claimed| !low.contains(&claimed)));
    (bench.sql)("UPDATE agent_tasks SET created_at = datetime(created_at, '-2 hours') WHERE priority < 10");
    let claimed: Vec<TaskId> = (0..20).map(|_| keep_coming()).collect();
    let old: Vec<TaskId> = claimed.iter().copied().filter(|claimed| low.contains(claimed)).collect();
    assert_eq!(old, low);
    // They took their turns and no more.
    assert_eq!(
        claimed.iter().position(|claimed| *claimed == low[1]),
        claimed.iter().position(|claimed| *claimed == low[0]).map(|at| at + 8)
    );
}

/// Every task is claimed once, however many workers ask at the same time.
pub fn two_threads_never_claim_the_same_task(make: Make<'_>) {
    let bench = make();
    let created: BTreeSet<TaskId> = (0..60).map(|_| bench.create(Role::Qa)).collect();
    let store = &bench.store;
    let claimed: Vec<TaskId> = std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            while let Some(task) = store.claim(Role::Qa, None, "w", MINUTE).unwrap() {
                mine.push(task.id);
            }
            mine
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(claimed.len(), 60);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), created);
}

/// Commands that are committed together stand or fall alone.
pub fn a_refused_command_undoes_nothing_of_its_neighbours(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    let create = |priority| {
        let mut task = NewTask::new("work", Role::Qa, Party::User, Value::Null);
        task.priority = priority;
        store.execute(Command::Create(Box::new(task)))
    };
    let kept: usize = std::thread::scope(|scope| {
        let good: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..20).filter(|_| create(5).is_ok()).count())).collect();
        let bad = scope.spawn(|| {
            for _ in 0..20 {
                let said = refusal(create(11));
                assert_eq!(said, Refusal::Invalid("priority 11 is not within 1 to 10".to_owned()));
            }
        });
        bad.join().unwrap();
        good.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(kept, 80);
    assert_eq!(store.counts().unwrap().iter().map(|count| count.tasks).sum::<u64>(), 80);
}

/// A worker that waits is woken by work of its own process and by what another program writes.
pub fn a_waiting_worker_hears_of_new_work(make: Make<'_>) {
    let bench = make();
    let long = std::time::Duration::from_secs(20);
    let seen = bench.store.changes(0, long);
    std::thread::scope(|scope| {
        let store = &bench.store;
        let waiter = scope.spawn(move || store.changes(seen, long));
        bench.create(Role::Qa);
        assert!(waiter.join().unwrap() > seen);
    });
    (bench.sql)("INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('foreign', 'developer')");
    let began = std::time::Instant::now();
    let mut seen = seen;
    while bench.store.claim(Role::Developer, None, "w", MINUTE).unwrap().is_none() {
        seen = bench.store.changes(seen, long);
        assert!(began.elapsed() < long, "never told");
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "told after {:?}", began.elapsed());
}

/// A worker that waits gets a task as soon as there is one for its role, and stops waiting when its time is up.
pub fn a_claim_may_wait_for_its_task(make: Make<'_>) {
    let bench = make();
    let long = std::time::Duration::from_secs(20);
    let claim = |role, seen, patience| bench.store.claim_within(role, "w", MINUTE, seen, patience).unwrap();
    let (none, seen) = claim(Role::Qa, 0, std::time::Duration::ZERO);
    assert_eq!(none, None);
    std::thread::scope(|scope| {
        let store = &bench.store;
        let waiter = scope.spawn(move || store.claim_within(Role::Qa, "w", MINUTE, seen, long).unwrap());
        let other = std::time::Duration::from_millis(50);
        let idler =
            scope.spawn(move || store.claim_within(Role::Security, "v", MINUTE, seen, other).unwrap());
        let id = bench.create(Role::Qa);
        let task = waiter.join().unwrap().0.unwrap();
        assert_eq!((task.id, task.status), (id, Status::Running));
        assert_eq!(bench.task(id), task);
        assert_eq!(idler.join().unwrap().0, None);
    });
    (bench.sql)("INSERT INTO agent_tasks (task_type, assigned_to) VALUES ('foreign', 'developer')");
    assert_eq!(claim(Role::Developer, seen, long).0.unwrap().task_type, "foreign");
}

/// A worker that hands in what its last claim gave finds all tasks that are ready.
pub fn a_waiting_claim_passes_nothing_over(make: Make<'_>) {
    let bench = make();
    for _ in 0..5 {
        bench.create(Role::Qa);
    }
    let (mut found, mut seen) = (0, 0);
    loop {
        let patience = std::time::Duration::ZERO;
        let (task, next) = bench.store.claim_within(Role::Qa, "w", MINUTE, seen, patience).unwrap();
        seen = next;
        match task {
            Some(_) => found += 1,
            None => break,
        }
    }
    assert_eq!(found, 5);
}

/// Of many workers that wait each task wakes one, and all tasks are worked.
pub fn each_waiting_claim_gets_a_task_of_its_own(make: Make<'_>) {
    let bench = make();
    let (store, patience) = (&bench.store, std::time::Duration::from_secs(20));
    std::thread::scope(|scope| {
        let wait = || store.claim_within(Role::Qa, "w", MINUTE, 0, patience).unwrap().0.unwrap().id;
        let waiters: Vec<_> = (0..8).map(|_| scope.spawn(wait)).collect();
        let made: BTreeSet<TaskId> = (0..8).map(|_| bench.create(Role::Qa)).collect();
        let got: Vec<TaskId> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        assert_eq!((got.len(), got.into_iter().collect::<BTreeSet<_>>()), (8, made));
    });
}

/// A paused role's worker waits, and works as soon as the pause is over.
pub fn a_waiting_claim_outlasts_a_pause(make: Make<'_>) {
    let bench = make();
    let (by, reason) = (Party::User, "night".to_owned());
    bench.store.execute(Command::Pause { role: Some(Role::Qa), by, reason }).unwrap();
    let id = bench.create(Role::Qa);
    let store = &bench.store;
    std::thread::scope(|scope| {
        let patience = std::time::Duration::from_secs(20);
        let waiter = scope.spawn(move || store.claim_within(Role::Qa, "w", MINUTE, 0, patience).unwrap());
        store.execute(Command::Resume { role: Some(Role::Qa), by }).unwrap();
        assert_eq!(waiter.join().unwrap().0.unwrap().id, id);
    });
}

/// The end of a run and the next claim are one act; a refused end keeps nobody from the next task.
pub fn a_worker_ends_a_run_and_claims_the_next_in_one(make: Make<'_>) {
    let bench = make();
    let first = bench.claimed(Role::Qa);
    let second = bench.create(Role::Qa);
    let end = |task: &Task| {
        let settlement = Settlement::new(task.id, task.lease_token, complete());
        bench.store.settle_and_claim(settlement, "w", MINUTE, Role::Qa).unwrap()
    };
    let (settled, next) = end(&first);
    assert_eq!(settled.unwrap().task.unwrap().status, Status::Completed);
    assert_eq!(next.unwrap().id, second);
    let third = bench.create(Role::Qa);
    let (settled, next) = end(&first);
    assert_eq!(refusal(settled), stale(&first, 1, Status::Completed));
    let next = next.unwrap();
    assert_eq!(next.id, third);
    assert_eq!(end(&next).1, None);
}

/// A command that fails after it began to write takes nothing of its neighbours with it.
pub fn a_command_that_fails_late_undoes_nothing_of_its_neighbours(make: Make<'_>) {
    let bench = make();
    let store = &bench.store;
    let running: Vec<Task> = (0..20).map(|_| bench.claimed(Role::Security)).collect();
    let create = |store: &std::sync::Arc<dyn crate::Store>| {
        let task = NewTask::new("work", Role::Qa, Party::User, Value::Null);
        store.execute(Command::Create(Box::new(task))).unwrap();
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| create(store)));
        }
        scope.spawn(|| {
            for task in &running {
                let mut orphan = NewTask::new("orphan", Role::Qa, Party::System, Value::Null);
                orphan.parent = Some(TaskId(999_999));
                let mut end = Settlement::new(task.id, task.lease_token, complete());
                end.logs.push(NewLog::warn("written before it fails", Value::Null));
                end.hand_offs.push(orphan);
                let failed = store.execute(Command::Settle(Box::new(end)));
                assert!(matches!(failed, Err(StoreError::Dangling { .. })), "{failed:?}");
            }
        });
    });
    let counts = store.counts().unwrap();
    let of = |role, status| {
        counts.iter().find(|row| (row.role, row.status) == (role, status)).map(|row| row.tasks)
    };
    assert_eq!(of(Role::Qa, Status::Pending), Some(80));
    assert_eq!(of(Role::Security, Status::Running), Some(20));
    let logs = store.logs(&crate::LogFilter::default()).unwrap();
    assert!(logs.iter().all(|log| log.message != "written before it fails"));
    assert_eq!(store.check().unwrap(), vec![]);
}

/// Tasks that are created together are all there, or none is.
pub fn tasks_are_created_together_or_not_at_all(make: Make<'_>) {
    let bench = make();
    let task =
        |n: u8| NewTask { priority: n, ..NewTask::new("work", Role::Qa, Party::User, json!({ "n": n })) };
    let keyed = |key: &str| NewTask { dedupe_key: Some(key.to_owned()), ..task(5) };
    let made = bench.store.enqueue(vec![task(3), task(1), keyed("a")]).unwrap();
    let contexts: Vec<Value> = made.iter().map(|&id| bench.task(id).context).collect();
    assert_eq!(contexts, [json!({ "n": 3 }), json!({ "n": 1 }), json!({ "n": 5 })]);
    assert_eq!(refusal(bench.store.enqueue(vec![task(4), keyed("a")])), Refusal::KeyTaken("a".to_owned()));
    assert_eq!(refusal(bench.store.enqueue(vec![keyed("b"), keyed("b")])), Refusal::KeyTaken("b".to_owned()));
    assert_eq!(bench.store.enqueue(Vec::new()).unwrap(), []);
    assert_eq!(bench.store.counts().unwrap().iter().map(|count| count.tasks).sum::<u64>(), 3);
}
