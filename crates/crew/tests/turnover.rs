//! Workers that take their next task with the end of the one before: nothing is worked twice, nothing stays with a crew that
//! was stopped.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod project;

use std::time::Duration;

use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, TaskId};
use groundcrew_crew::brain::Rules;
use project::Bench;
use serde_json::json;

/// How long a test waits for the crew before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_busy_crew_that_is_stopped_holds_nothing_and_another_one_goes_on_with_the_rest() {
    let bench = Bench::new(&[("shop.py", "print(1)\n")]);
    let create = |n: usize| bench.create("paint_house", Role::ALL[n % 2], json!({ "n": n }));
    let tasks: Vec<TaskId> = (0..120).map(create).collect();
    let with = |status| tasks.iter().filter(|task| bench.status(**task) == status).count();
    let mut before = 0;
    while before < tasks.len() {
        let crew = bench.crew(Rules);
        crew.until("some tasks have ended", || with(Status::Failed) > before);
        drop(crew);
        assert_eq!(with(Status::Running), 0);
        before = with(Status::Failed);
    }
    for task in tasks {
        let ends = bench.store.attempts(task).unwrap();
        let counted = ends.iter().filter(|run| run.outcome.as_deref() == Some("failed")).count();
        let given_back = ends.iter().filter(|run| run.outcome.as_deref() == Some("released")).count();
        assert_eq!((counted, counted + given_back), (1, ends.len()), "{ends:?}");
    }
    assert_eq!(bench.store.check().unwrap(), vec![]);
}
