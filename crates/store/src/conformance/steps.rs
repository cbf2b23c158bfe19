//! Steps that a task does not repeat.

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::role::Role;
use groundcrew_core::step::{LONGEST_NAME, Step};
use groundcrew_core::task::{LeaseToken, Status, Task};
use serde_json::{Value, json};

use super::{Bench, EXPIRED, MINUTE, Make, complete, refusal, retry, stale};
use crate::{Receipt, StoreError};

impl Bench {
    pub(super) fn record(&self, task: &Task, name: &str, value: Value) -> Result<Receipt, StoreError> {
        let (task, token) = (task.id, task.lease_token);
        self.store.execute(Command::RecordStep { task, token, name: name.to_owned(), value })
    }
}

fn told(steps: Vec<Step>) -> Vec<(String, Option<Value>, i64)> {
    steps.into_iter().map(|step| (step.name, step.value, step.token.0)).collect()
}

/// What a run recorded is there in the order in which it was recorded, whatever became of the run, and goes when its task goes.
pub fn a_recorded_step_is_there_for_every_later_run(make: Make<'_>) {
    let bench = make();
    let other = bench.claimed(Role::Developer);
    let task = bench.claimed(Role::Qa);
    bench.record(&task, "suite", json!({ "passed": 3 })).unwrap();
    bench.settle(&task, retry()).unwrap();
    bench.hurry();
    let again = bench.claim(Role::Qa);
    assert_eq!((again.id, again.lease_token), (task.id, LeaseToken(2)));
    bench.record(&again, "mutants", json!(null)).unwrap();
    bench.record(&other, "suite", json!(1)).unwrap();
    let wanted = vec![
        ("suite".to_owned(), Some(json!({ "passed": 3 })), 1),
        ("mutants".to_owned(), Some(Value::Null), 2),
    ];
    assert_eq!(told(bench.store.steps(task.id).unwrap()), wanted);
    bench.settle(&again, complete()).unwrap();
    assert_eq!(told(bench.store.steps(task.id).unwrap()), wanted);
    assert_eq!(told(bench.store.steps(other.id).unwrap()), [("suite".to_owned(), Some(json!(1)), 1)]);
    assert_eq!(bench.store.check().unwrap(), []);
}

/// Neither a worker whose task was taken back nor one whose run has ended records anything.
pub fn a_step_of_a_lost_lease_is_refused(make: Make<'_>) {
    let bench = make();
    bench.create(Role::Qa);
    let lost = bench.store.claim(Role::Qa, None, "slow", EXPIRED).unwrap().unwrap();
    bench.record(&lost, "first", json!(1)).unwrap();
    assert_eq!(bench.store.maintain(MINUTE).unwrap().rescued, 1);
    assert_eq!(refusal(bench.record(&lost, "second", json!(1))), stale(&lost, 1, Status::Pending));
    let held = bench.claim(Role::Qa);
    assert_eq!(refusal(bench.record(&lost, "second", json!(1))), stale(&lost, 2, Status::Running));
    bench.settle(&held, complete()).unwrap();
    assert_eq!(refusal(bench.record(&held, "second", json!(2))), stale(&held, 2, Status::Completed));
    assert_eq!(told(bench.store.steps(held.id).unwrap()), [("first".to_owned(), Some(json!(1)), 1)]);
}

/// A second record under one name is refused, by the same run and by a later one, and so is a name that is none.
pub fn a_step_is_recorded_once_under_a_name_of_its_own(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.record(&task, "suite", json!(1)).unwrap();
    let twice = Refusal::StepRecorded { task: task.id, name: "suite".to_owned() };
    assert_eq!(refusal(bench.record(&task, "suite", json!(2))), twice);
    for name in ["", " ", &"n".repeat(LONGEST_NAME + 1)] {
        let said = "the name of a step has 1 to 200 characters".to_owned();
        assert_eq!(refusal(bench.record(&task, name, json!(2))), Refusal::Invalid(said));
    }
    bench.settle(&task, retry()).unwrap();
    bench.hurry();
    assert_eq!(refusal(bench.record(&bench.claim(Role::Qa), "suite", json!(2))), twice);
    assert_eq!(told(bench.store.steps(task.id).unwrap()), [("suite".to_owned(), Some(json!(1)), 1)]);
}

/// Damage to one step does not hide the others, and does not pass for a value.
pub fn a_step_that_cannot_be_read_any_more_is_told_apart(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    bench.record(&task, "suite", json!(1)).unwrap();
    bench.record(&task, "mutants", json!(2)).unwrap();
    (bench.sql)("UPDATE crew_steps SET value_json = '{\"passed\": ' WHERE name = 'suite'");
    let wanted = [("suite".to_owned(), None, 1), ("mutants".to_owned(), Some(json!(2)), 1)];
    assert_eq!(told(bench.store.steps(task.id).unwrap()), wanted);
}
