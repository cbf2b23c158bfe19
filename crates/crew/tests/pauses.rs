//! A crew and its pauses: what waits for a paused role is not idled over, and goes on when the pause ends.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod project;

use std::time::Duration;

use groundcrew_core::lifecycle::Command;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::Status;
use groundcrew_crew::brain::Rules;
use project::Bench;
use serde_json::json;

/// How long a test waits for the crew before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_waits_for_a_paused_role_is_no_work_until_the_pause_ends() {
    let bench = Bench::new(&[("shop.py", "print(1)\n")]);
    let pause = |role| Command::Pause { role, by: Party::User, reason: "a release".to_owned() };
    bench.store.execute(pause(Some(Role::Qa))).unwrap();
    let waits = bench.create("paint_house", Role::Qa, json!({}));
    let works = bench.create("paint_house", Role::Security, json!({}));
    let crew = bench.crew(Rules);
    crew.until("the others have worked", || bench.status(works) == Status::Failed);
    crew.until("nothing is left but what is paused", || crew.is_idle());
    assert_eq!(bench.status(waits), Status::Pending);
    bench.store.execute(Command::Resume { role: None, by: Party::User }).unwrap();
    crew.until("the role goes on", || bench.status(waits) == Status::Failed);
}

#[test]
fn a_crew_whose_monitor_is_paused_is_idle_however_much_there_is_to_read() {
    let bench =
        Bench::new(&[("shop.py", "print(1)\n"), ("groundcrew.toml", "[logs]\npaths = [\"app.log\"]\n")]);
    let pause = Command::Pause { role: None, by: Party::User, reason: "a release".to_owned() };
    bench.store.execute(pause).unwrap();
    std::fs::write(bench.root().join("app.log"), "ERROR shop: broken\nINFO shop: on\n").unwrap();
    let crew = bench.crew(Rules);
    crew.until("nothing is left but what is paused", || crew.is_idle());
    assert_eq!(bench.store.incidents(&Default::default()).unwrap(), []);
    bench.store.execute(Command::Resume { role: None, by: Party::User }).unwrap();
    crew.until("the error is found", || bench.store.incidents(&Default::default()).unwrap().len() == 1);
}
