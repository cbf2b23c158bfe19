//! A task from creation to hand-off.
use groundcrew_core::lifecycle::{Command, Outcome, Settlement};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{NewTask, Status};
use groundcrew_store::{Options, open};
use jiff::SignedDuration;
use serde_json::json;

#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:{}/x/crew.db", dir.path().display()), Options::default()).unwrap();
    let p = store.add_project("a", "/a", &json!({})).unwrap();
    let new = NewTask::new("scan_logs", Role::Monitor, Party::User, json!({"a": 1}));
    let r = store.execute(Command::Create(Box::new(new.clone()))).unwrap();
    let t = store.claim(Role::Monitor, None, "w", SignedDuration::from_secs(60)).unwrap().unwrap();
    assert_eq!(r.inserted, vec![t.id]);
    assert_eq!(t.project, Some(p));
    let mut s = Settlement::new(t.id, t.lease_token, Outcome::Complete { result: json!({"ok": true}) });
    s.hand_offs.push(NewTask::new("classify_error", Role::Triage, Party::Monitor, json!({})));
    let r = store.execute(Command::Settle(Box::new(s))).unwrap();
    assert_eq!(r.task.unwrap().status, Status::Completed);
    assert_eq!(r.inserted.len(), 1);
    assert_eq!(store.workflow(t.id).unwrap().len(), 2);
    assert_eq!(store.claim(Role::Monitor, None, "w", SignedDuration::from_secs(60)).unwrap(), None);
    store.redaction_key().unwrap();
}
