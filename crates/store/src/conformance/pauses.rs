//! Pauses and schedules: who may claim, and what comes again.

use groundcrew_core::cron::Cron;
use groundcrew_core::event::EventKind;
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::schedule::{Beat, Missed, NewSchedule};
use groundcrew_core::task::Status;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Bench, MINUTE, Make, complete, refusal};
use crate::{LogFilter, Maintained};

fn pause(bench: &Bench, role: Option<Role>) {
    let command = Command::Pause { role, by: Party::User, reason: "a release".to_owned() };
    bench.store.execute(command).unwrap();
}

fn resume(bench: &Bench, role: Option<Role>) -> Vec<Role> {
    let done = bench.store.execute(Command::Resume { role, by: Party::User }).unwrap();
    done.wake.into_iter().collect()
}

fn stopped(role: Role) -> Refusal {
    Refusal::Paused { role, by: Party::User, reason: "a release".to_owned() }
}

/// A paused role claims nothing, not even a named task; the others go on, and so does what runs.
pub fn a_paused_role_claims_nothing_and_what_runs_goes_on(make: Make<'_>) {
    let bench = make();
    let running = bench.claimed(Role::Qa);
    let waiting = bench.create(Role::Qa);
    bench.create(Role::Developer);
    pause(&bench, Some(Role::Qa));
    assert_eq!(bench.store.claim(Role::Qa, None, "w", MINUTE).unwrap(), None);
    assert_eq!(refusal(bench.store.claim(Role::Qa, Some(waiting), "w", MINUTE)), stopped(Role::Qa));
    assert_eq!(bench.claim(Role::Developer).assigned_to, Role::Developer);
    bench.settle(&running, complete()).unwrap();
    assert_eq!(bench.status(waiting), Status::Pending);
    assert_eq!(resume(&bench, Some(Role::Qa)), [Role::Qa]);
    assert_eq!(bench.claim(Role::Qa).id, waiting);
}

/// A pause of all roles stops each; taking back everything takes back the pauses of single roles too.
pub fn a_pause_of_all_roles_stops_everybody(make: Make<'_>) {
    let bench = make();
    for &role in Role::ALL {
        bench.create(role);
    }
    pause(&bench, None);
    pause(&bench, Some(Role::Qa));
    for &role in Role::ALL {
        assert_eq!(bench.store.claim(role, None, "w", MINUTE).unwrap(), None);
    }
    assert_eq!(
        bench.store.pauses().unwrap().iter().map(|pause| pause.role).collect::<Vec<_>>(),
        [None, Some(Role::Qa)]
    );
    assert_eq!(resume(&bench, None).len(), Role::ALL.len());
    assert_eq!(bench.store.pauses().unwrap(), []);
    for &role in Role::ALL {
        bench.claim(role);
    }
}

/// Pausing twice is pausing once, resuming twice resuming once; both are on record, once.
pub fn pauses_are_on_record_and_may_be_repeated(make: Make<'_>) {
    let bench = make();
    let before = bench.store.logs(&LogFilter::default()).unwrap().len();
    assert_eq!(resume(&bench, Some(Role::Qa)), []);
    for _ in 0..2 {
        pause(&bench, Some(Role::Qa));
    }
    let shown = bench.store.pauses().unwrap().remove(0);
    assert_eq!((shown.role, shown.by, shown.reason.as_str()), (Some(Role::Qa), Party::User, "a release"));
    for _ in 0..2 {
        resume(&bench, Some(Role::Qa));
    }
    let logs = bench.store.logs(&LogFilter::default()).unwrap().split_off(before);
    let said: Vec<&str> = logs.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(said, ["qa paused by user: a release", "qa resumed by user"]);
    assert!(logs.iter().all(|entry| entry.agent == "user"));
    let kinds: Vec<EventKind> = bench.store.events(0, 9).unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Paused, EventKind::Resumed]);
    let silent = Command::Pause { role: None, by: Party::User, reason: " ".to_owned() };
    assert_eq!(refusal(bench.store.execute(silent)), Refusal::Invalid("a pause needs a reason".to_owned()));
}

fn schedule(bench: &Bench, every: i64) -> NewSchedule {
    let every = SignedDuration::from_secs(every);
    let mut new =
        NewSchedule::new("nightly", "audit_dependencies", Role::Security, every.into(), json!({ "x": 1 }));
    new.project = Some(bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap());
    new.priority = 3;
    new
}

fn add(bench: &Bench, new: NewSchedule) -> Result<crate::Receipt, crate::StoreError> {
    bench.store.execute(Command::AddSchedule(Box::new(new)))
}

fn sweep(bench: &Bench) -> Maintained {
    bench.store.maintain(MINUTE).unwrap()
}

/// A schedule makes its task when it is due, one at a time, and makes the next one only after the last has ended.
pub fn a_schedule_makes_one_task_at_a_time(make: Make<'_>) {
    let bench = make();
    let new = schedule(&bench, 3600);
    add(&bench, new.clone()).unwrap();
    assert_eq!(sweep(&bench).scheduled, 1);
    let task = bench.claim(Role::Security);
    assert_eq!(
        (task.task_type.as_str(), task.project, task.priority, &task.context, task.created_by.as_deref()),
        ("audit_dependencies", new.project, 3, &json!({ "x": 1 }), Some("system"))
    );
    assert_eq!(sweep(&bench).scheduled, 0, "it is not due again");
    let overdue = "UPDATE crew_schedules SET next_at = '2001-01-01 00:00:00.000'";
    (bench.sql)(overdue);
    assert_eq!(sweep(&bench).scheduled, 0, "its last task is still open");
    bench.settle(&task, complete()).unwrap();
    (bench.sql)(overdue);
    assert_eq!(sweep(&bench).scheduled, 1, "twenty years of times that passed are one task");
    let stored = bench.store.schedules().unwrap().remove(0);
    assert_eq!(stored.last_task, Some(bench.claim(Role::Security).id));
    let now = bench.store.execute(Command::Resume { role: None, by: Party::User }).unwrap().now;
    let ahead = stored.next_at.duration_since(now);
    assert!(ahead > SignedDuration::ZERO && ahead <= SignedDuration::from_secs(3600), "{ahead}");
    let first: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(stored.next_at.duration_since(first).as_secs() % 3600, 0, "it keeps its beat");
}

/// The times of cron are those of its zone, and what becomes of missed ones is the schedule's choice.
pub fn a_schedule_keeps_the_times_of_cron(make: Make<'_>) {
    let bench = make();
    let cron: Cron = "*/15 9-17 * * 1-5 Europe/Berlin".parse().unwrap();
    for (name, missed) in [("made up for", Missed::Once), ("let go", Missed::Skip)] {
        let new = schedule(&bench, 60);
        let name = name.to_owned();
        add(&bench, NewSchedule { name, beat: Beat::Cron(cron.clone()), missed, ..new }).unwrap();
    }
    let now = bench.store.now().unwrap();
    let next = |name: &str| {
        let all = bench.store.schedules().unwrap();
        all.into_iter().find(|schedule| schedule.name == name).unwrap().next_at
    };
    assert_eq!(sweep(&bench).scheduled, 0, "the first time has not come");
    assert!(next("let go") > now);
    (bench.sql)("UPDATE crew_schedules SET next_at = '2001-01-01 00:00:00.000'");
    assert_eq!(sweep(&bench).scheduled, 1, "one of them lets go what passed");
    for name in ["made up for", "let go"] {
        assert!(
            [cron.after(now), cron.after(bench.store.now().unwrap())].contains(&Some(next(name))),
            "{name}"
        );
    }
    let made = bench.claim(Role::Security);
    assert_eq!(made.dedupe_key.as_deref(), Some("schedule:made up for"));
    let stored = bench.store.schedules().unwrap();
    let told: Vec<(Option<&str>, Missed)> =
        stored.iter().map(|schedule| (schedule.cron.as_ref().map(Cron::as_str), schedule.missed)).collect();
    let text = Some("*/15 9-17 * * 1-5 Europe/Berlin");
    assert_eq!(told, [(text, Missed::Skip), (text, Missed::Once)]);
}

/// Two processes that sweep at the same moment make one task of one time.
pub fn two_sweeps_make_one_task_of_one_time(make: Make<'_>) {
    let bench = make();
    add(&bench, schedule(&bench, 3600)).unwrap();
    let made: u64 = std::thread::scope(|scope| {
        let sweepers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| bench.store.maintain(MINUTE).unwrap().scheduled)).collect();
        sweepers.into_iter().map(|sweeper| sweeper.join().unwrap()).sum()
    });
    assert_eq!(made, 1);
    let late = Command::Tick { name: "nightly".to_owned() };
    assert_eq!(refusal(bench.store.execute(late)), Refusal::ScheduleNotDue("nightly".to_owned()));
}

/// A schedule has a name of its own and a sensible time; one that is removed makes nothing more.
pub fn schedules_come_and_go(make: Make<'_>) {
    let bench = make();
    let new = schedule(&bench, 60);
    add(&bench, NewSchedule { first_at: Some(Timestamp::MAX), ..new.clone() }).unwrap();
    assert_eq!(refusal(add(&bench, new.clone())), Refusal::ScheduleExists("nightly".to_owned()));
    for wrong in [
        NewSchedule { name: String::new(), ..new.clone() },
        NewSchedule { beat: SignedDuration::ZERO.into(), ..new.clone() },
        NewSchedule { beat: SignedDuration::from_millis(1500).into(), ..new.clone() },
        NewSchedule { priority: 11, name: "other".to_owned(), ..new.clone() },
        NewSchedule { task_type: " ".to_owned(), name: "other".to_owned(), ..new },
    ] {
        assert!(matches!(refusal(add(&bench, wrong)), Refusal::Invalid(_)));
    }
    assert_eq!(sweep(&bench).scheduled, 0, "its first time has not come");
    let remove = || {
        let name = "nightly".to_owned();
        bench.store.execute(Command::RemoveSchedule { name, by: Party::User })
    };
    remove().unwrap();
    assert_eq!(bench.store.schedules().unwrap(), []);
    assert_eq!(refusal(remove()), Refusal::NoSuchSchedule("nightly".to_owned()));
}
