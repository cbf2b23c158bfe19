//! Limits: how many run at once, how many start within a time, and that what is held back goes on by itself.

use std::time::Duration;

use groundcrew_core::lifecycle::{Command, Refusal, Settlement};
use groundcrew_core::limit::{Limit, NewLimit, Rate, Scope};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, ProjectId, Status, Task, TaskId};
use jiff::SignedDuration;
use serde_json::json;

use super::{Bench, EXPIRED, MINUTE, Make, complete, refusal};
use crate::{LogFilter, Receipt, StoreError};

fn set(
    bench: &Bench,
    scope: Scope,
    concurrency: Option<u32>,
    rate: Option<Rate>,
) -> Result<Receipt, StoreError> {
    let limit = NewLimit { scope, concurrency, rate };
    bench.store.execute(Command::SetLimit { limit, by: Party::User })
}

fn at_once(bench: &Bench, scope: Scope, most: u32) {
    set(bench, scope, Some(most), None).unwrap();
}

fn clear(bench: &Bench, scope: Scope) -> Result<Receipt, StoreError> {
    bench.store.execute(Command::ClearLimit { scope, by: Party::User })
}

fn limit(bench: &Bench) -> Limit {
    let mut all = bench.store.limits().unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn of_type(bench: &Bench, task_type: &str, priority: u8) -> TaskId {
    let mut task = NewTask::new(task_type, Role::Developer, Party::User, json!({}));
    task.priority = priority;
    bench.create_as(task)
}

fn next(bench: &Bench, role: Role) -> Option<Task> {
    bench.store.claim(role, None, "w", MINUTE).unwrap()
}

fn fix() -> Scope {
    Scope::Type("fix".to_owned())
}

/// No more tasks of a role run at once than its limit says, and whoever is named is held back too; each end of a run lets
/// the next one start, however the run ended.
pub fn a_role_runs_no_more_at_once_than_its_limit(make: Make<'_>) {
    let bench = make();
    at_once(&bench, Scope::Role(Role::Qa), 2);
    for _ in 0..6 {
        bench.create(Role::Qa);
    }
    let waiting = bench.create(Role::Qa);
    let (first, second) = (bench.claim(Role::Qa), bench.claim(Role::Qa));
    assert_eq!(next(&bench, Role::Qa), None);
    assert_eq!(
        refusal(bench.store.claim(Role::Qa, Some(waiting), "w", MINUTE)),
        Refusal::Limited { task: waiting, scope: Scope::Role(Role::Qa), until: None }
    );
    assert_eq!(limit(&bench).running, 2);
    let done = bench.settle(&first, complete()).unwrap();
    assert!(done.wake.contains(&Role::Qa), "{:?}", done.wake);
    let third = bench.claim(Role::Qa);
    let cancel = Command::Cancel { task: second.id, by: Party::User, reason: "enough".to_owned() };
    assert!(bench.store.execute(cancel).unwrap().wake.contains(&Role::Qa));
    let fourth = bench.store.claim(Role::Qa, None, "w", EXPIRED).unwrap().unwrap();
    assert_eq!(next(&bench, Role::Qa), None);
    assert_eq!(bench.store.maintain(MINUTE).unwrap().rescued, 1);
    assert_eq!(bench.claim(Role::Qa).id, fourth.id);
    bench.ask(&third);
    bench.claim(Role::Qa);
    assert_eq!((next(&bench, Role::Qa), limit(&bench).running), (None, 2));
}

/// What the limit of a type or a project holds back is passed over, and what comes after it is taken in its order.
pub fn what_a_limit_holds_back_is_passed_over(make: Make<'_>) {
    let bench = make();
    let shop = bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap();
    let mill = bench.store.add_project("mill", "/srv/mill", &json!({})).unwrap();
    let of_project = |project: Option<ProjectId>, priority| {
        let mut task = NewTask::new("look", Role::Developer, Party::User, json!({}));
        (task.project, task.priority) = (project, priority);
        bench.create_as(task)
    };
    let first = of_type(&bench, "fix", 10);
    let held: Vec<TaskId> = (0..3).map(|_| of_type(&bench, "fix", 9)).collect();
    let (low, default, high) = (of_project(Some(mill), 2), of_project(None, 3), of_project(Some(mill), 4));
    let late = of_type(&bench, "test", 3);
    at_once(&bench, fix(), 1);
    assert_eq!(bench.claim(Role::Developer).id, first);
    assert_eq!(next(&bench, Role::Developer).unwrap().id, high);
    at_once(&bench, Scope::Project(mill), 1);
    assert_eq!(next(&bench, Role::Developer).unwrap().id, default);
    // A task that names no project is of the first one.
    at_once(&bench, Scope::Project(shop), 2);
    assert_eq!(next(&bench, Role::Developer), None, "{late} is of the first project too");
    clear(&bench, Scope::Project(shop)).unwrap();
    assert_eq!(next(&bench, Role::Developer).unwrap().id, late);
    assert_eq!(next(&bench, Role::Developer), None);
    clear(&bench, fix()).unwrap();
    assert_eq!(next(&bench, Role::Developer).unwrap().id, held[0]);
    assert_eq!((bench.status(low), bench.status(held[1])), (Status::Pending, Status::Pending));
}

/// No more tasks start in a window than the rate says, and the first sweep after it lets the next ones start.
pub fn a_rate_lets_so_many_start_in_a_window(make: Make<'_>) {
    let bench = make();
    set(&bench, fix(), None, Some(Rate { starts: 2, per_s: 3600 })).unwrap();
    for _ in 0..4 {
        of_type(&bench, "fix", 5);
    }
    for _ in 0..2 {
        let task = bench.claim(Role::Developer);
        bench.settle(&task, complete()).unwrap();
    }
    assert_eq!(next(&bench, Role::Developer), None);
    let full = limit(&bench);
    assert_eq!((full.started, full.running), (2, 0));
    let end = full.window_at.unwrap() + SignedDuration::from_secs(3600);
    let named = bench.store.claim(Role::Developer, Some(TaskId(3)), "w", MINUTE);
    let held = Refusal::Limited { task: TaskId(3), scope: fix(), until: Some(end) };
    assert_eq!(refusal(named), held);
    // The window is over, or it lies ahead, since the clock was set back.
    for window in ["2001-01-01 00:00:00.000", "2199-01-01 00:00:00.000"] {
        (bench.sql)(&format!("UPDATE crew_limits SET window_at = '{window}'"));
        let claimed = bench.claim(Role::Developer);
        assert_eq!(
            (claimed.lease.unwrap().since, limit(&bench).started),
            (limit(&bench).window_at.unwrap(), 1)
        );
    }
}

/// A worker that waits gets the task that a limit held back as soon as it may start, without asking again.
pub fn who_waits_behind_a_limit_is_served_when_it_is_free(make: Make<'_>) {
    let bench = make();
    at_once(&bench, fix(), 1);
    of_type(&bench, "fix", 5);
    let second = of_type(&bench, "fix", 5);
    let running = bench.claim(Role::Developer);
    let long = Duration::from_secs(60);
    let (store, known) =
        (&bench.store, bench.store.claim_within(Role::Developer, "b", MINUTE, 0, Duration::ZERO));
    let (none, since) = known.unwrap();
    assert_eq!(none, None);
    let wait =
        || store.claim_within(Role::Developer, "b", MINUTE, since, long).unwrap().0.map(|task| task.id);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        bench.settle(&running, complete()).unwrap();
        assert_eq!(waiting.join().unwrap(), Some(second));
    });
    set(&bench, fix(), None, Some(Rate { starts: 1, per_s: 3600 })).unwrap();
    let (third, fourth) = (of_type(&bench, "fix", 5), of_type(&bench, "fix", 5));
    assert_eq!(bench.claim(Role::Developer).id, third);
    let (_, since) = store.claim_within(Role::Developer, "b", MINUTE, 0, Duration::ZERO).unwrap();
    let wait =
        || store.claim_within(Role::Developer, "b", MINUTE, since, long).unwrap().0.map(|task| task.id);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        (bench.sql)("UPDATE crew_limits SET window_at = '2001-01-01 00:00:00.000'");
        store.maintain(MINUTE).unwrap();
        assert_eq!(waiting.join().unwrap(), Some(fourth));
    });
    (bench.sql)("UPDATE crew_limits SET window_at = '2001-01-01 00:00:00.000'");
    store.maintain(MINUTE).unwrap();
    assert_eq!(limit(&bench).started, 0, "it is told once");
}

/// A limit replaces what was said of its scope before, and counts on while its rate stays; both are on record, once.
pub fn limits_come_and_go_and_are_on_record(make: Make<'_>) {
    let bench = make();
    let scope = Scope::Role(Role::Developer);
    let before = bench.store.logs(&LogFilter::default()).unwrap().len();
    let rate = Some(Rate { starts: 5, per_s: 60 });
    set(&bench, scope.clone(), Some(3), rate).unwrap();
    bench.claimed(Role::Developer);
    for _ in 0..2 {
        set(&bench, scope.clone(), Some(4), rate).unwrap();
    }
    assert_eq!((limit(&bench).concurrency, limit(&bench).started), (Some(4), 1));
    set(&bench, scope.clone(), Some(4), Some(Rate { starts: 5, per_s: 90 })).unwrap();
    assert_eq!((limit(&bench).started, limit(&bench).window_at), (0, None));
    clear(&bench, scope.clone()).unwrap();
    assert_eq!(bench.store.limits().unwrap(), []);
    assert_eq!(refusal(clear(&bench, scope.clone())), Refusal::NoSuchLimit(scope.clone()));
    let logs = bench.store.logs(&LogFilter::default()).unwrap().split_off(before);
    let said: Vec<&str> = logs
        .iter()
        .filter(|entry| entry.agent == "user" && entry.message.contains("limited"))
        .map(|entry| entry.message.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "the developer limited by user: at most 3 at once, at most 5 starts in 60 s",
            "the developer limited by user: at most 4 at once, at most 5 starts in 60 s",
            "the developer limited by user: at most 4 at once, at most 5 starts in 90 s",
            "the developer no longer limited, by user",
        ]
    );
    for (concurrency, rate) in [
        (None, None),
        (Some(0), None),
        (None, Some(Rate { starts: 0, per_s: 60 })),
        (None, Some(Rate { starts: 1, per_s: 0 })),
        (None, Some(Rate { starts: 1, per_s: u32::MAX })),
    ] {
        let wrong = refusal(set(&bench, scope.clone(), concurrency, rate));
        assert!(matches!(wrong, Refusal::Invalid(_)), "{wrong}");
    }
    let nameless = set(&bench, Scope::Type(" ".to_owned()), Some(1), None);
    assert!(matches!(refusal(nameless), Refusal::Invalid(_)));
}

/// Many workers that claim at once never run more than the limits say, and all work is done.
pub fn many_workers_keep_the_limits(make: Make<'_>) {
    let bench = make();
    at_once(&bench, fix(), 2);
    at_once(&bench, Scope::Role(Role::Developer), 3);
    for n in 0..60 {
        of_type(&bench, if n % 3 == 0 { "test" } else { "fix" }, 5);
    }
    let store = bench.store.as_ref();
    let work = &|worker: String| {
        let (mut done, mut since) = (0, 0);
        loop {
            let patience = Duration::from_secs(30);
            let (task, seen) = store.claim_within(Role::Developer, &worker, MINUTE, since, patience).unwrap();
            since = seen;
            let Some(task) = task else { return done };
            if task.task_type == "stop" {
                return done;
            }
            for limit in store.limits().unwrap() {
                assert!(limit.concurrency.is_none_or(|most| limit.running <= most), "{limit:?}");
            }
            let settlement = Settlement::new(task.id, task.lease_token, complete());
            store.execute(Command::Settle(Box::new(settlement))).unwrap();
            done += 1;
        }
    };
    let done: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6).map(|n| scope.spawn(move || work(format!("w{n}")))).collect();
        while store.counts().unwrap().iter().any(|count| !count.status.is_final() && count.tasks > 0) {
            std::thread::yield_now();
        }
        clear(&bench, Scope::Role(Role::Developer)).unwrap();
        for _ in 0..6 {
            of_type(&bench, "stop", 5);
        }
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(done, 60);
}
