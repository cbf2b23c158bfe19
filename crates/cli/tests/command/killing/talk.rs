//! What must hold of messages and events: each is there once, and the owner's program was told every event in order.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::Value;

use super::check::{broken, rows};
use super::service::{Service, read};

/// Everything that does not hold, in words.
pub(super) fn violations(service: &Service, sql: &Connection) -> Vec<String> {
    let rules = [
        (
            "handed on without its message, or with several",
            "SELECT t.id || ' ' || t.task_type || ' x ' || count(m.id) FROM agent_tasks t LEFT JOIN agent_messages m ON \
             m.message_type = 'handoff' AND json_extract(m.metadata_json, '$.next') = t.id \
             WHERE t.parent_task_id IS NOT NULL GROUP BY t.id HAVING count(m.id) <> 1",
        ),
        (
            "a hand-off of what nobody has, or of a task that was claimed and did not read it",
            "SELECT m.id FROM agent_messages m LEFT JOIN agent_tasks t ON t.id = json_extract(m.metadata_json, '$.next') \
             WHERE m.message_type = 'handoff' AND (t.id IS NULL OR \
             (m.read_at IS NULL) = EXISTS (SELECT 1 FROM crew_attempts a WHERE a.task_id = t.id))",
        ),
        (
            "told twice",
            "SELECT kind || ' of incident ' || ifnull(incident_id, '-') || ', task ' || ifnull(task_id, '-') FROM crew_events \
             WHERE kind <> 'incident_burst' AND kind <> 'task_failed' \
             GROUP BY kind, incident_id, task_id, message_id HAVING count(*) > 1",
        ),
        (
            "an incident that was not told as new",
            "SELECT id FROM crew_incidents i WHERE NOT EXISTS \
             (SELECT 1 FROM crew_events WHERE kind = 'incident_new' AND incident_id = i.id)",
        ),
        (
            "a question that was not told",
            "SELECT id FROM agent_messages m WHERE message_type = 'question' AND to_agent = 'user' AND NOT EXISTS \
             (SELECT 1 FROM crew_events WHERE kind IN ('question', 'fix_ready') AND message_id = m.id)",
        ),
        (
            "an approval that was not told",
            "SELECT id FROM crew_incidents i WHERE status = 'approved' AND NOT EXISTS \
             (SELECT 1 FROM crew_events WHERE kind = 'fix_approved' AND incident_id = i.id)",
        ),
    ];
    let mut found = broken(sql, &rules);
    found.extend(told(&read(&service.told()), &rows(sql, "SELECT id FROM crew_events ORDER BY id")));
    found
}

/// An event may be told again where the crew was killed right after, but none is left out and none overtakes another.
fn told(text: &str, events: &[i64]) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids = Vec::new();
    for line in text.lines() {
        match serde_json::from_str::<Value>(line).ok().and_then(|event| event["id"].as_i64()) {
            Some(id) => ids.push(id),
            None => found.push(format!("the program was told {line:?}, which is no event")),
        }
    }
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] > pair[1]) {
        found.push(format!("event {} was told before event {}", pair[0], pair[1]));
    }
    let known: BTreeSet<i64> = ids.into_iter().collect();
    let missed: Vec<i64> = events.iter().copied().filter(|id| !known.contains(id)).collect();
    if !missed.is_empty() {
        found.push(format!("the program was not told the events {missed:?}"));
    }
    found
}
