//! What makes errors one incident: further fingerprints, what may be the same, merges and their undoing, ignoring for a while.

use groundcrew_core::incident::{
    Grouping, Hidden, Incident, IncidentStatus, IncidentWish, OlderKey, ReleaseCount, Sighting, Until,
};
use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::message::MessageType;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::incidents::{at, only, project, scan, sighting};
use super::{Bench, Make, complete, refusal};
use crate::{IncidentFilter, MessageFilter, Receipt, StoreError};

fn wish(bench: &Bench, incident: IncidentId, wish: IncidentWish) -> Result<Receipt, StoreError> {
    bench.store.execute(Command::Incident { incident, by: Party::User, wish })
}

fn ignore(until: Until) -> IncidentWish {
    IncidentWish::Ignore { reason: "known".to_owned(), until: Some(until) }
}

fn all(bench: &Bench) -> Vec<Incident> {
    let filter = IncidentFilter { merged: true, ..IncidentFilter::default() };
    let mut all = bench.store.incidents(&filter).unwrap();
    all.sort_by_key(|incident| incident.id);
    all
}

fn of_version_2(fingerprint: &str, older: &str, shared: bool, day: u8) -> Sighting {
    let older = vec![OlderKey { fingerprint: older.to_owned(), shared }];
    Sighting {
        fingerprint_version: 2,
        grouping: Grouping { older, ..Grouping::default() },
        ..sighting(fingerprint, day, false)
    }
}

fn of_family(fingerprint: &str, family: &str, day: u8) -> Sighting {
    let grouping = Grouping { family: Some(family.to_owned()), ..Grouping::default() };
    Sighting { grouping, ..sighting(fingerprint, day, false) }
}

fn in_release(fingerprint: &str, day: u8, release: &str) -> Sighting {
    let plain = sighting(fingerprint, day, false);
    let count = ReleaseCount { release: release.to_owned(), count: 3, first: plain.first, last: plain.last };
    Sighting { releases: vec![count], ..plain }
}

/// When the rule of fingerprints changes, an error is found by the key that the rule before gave it, once and for all: it
/// keeps its number, its counts and its task, and nothing is new.
pub fn an_incident_outlives_the_rule_that_named_it(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("old1", 1, false), sighting("old2", 1, true)]);
    let again = vec![of_version_2("new1", "old1", true, 2), of_version_2("new2", "old2", true, 2)];
    let made = scan(&bench, again).inserted;
    assert_eq!(made.len(), 1, "the one that was history happens again, and the other has its task");
    let found = all(&bench);
    let brief = |incident: &Incident| {
        (incident.fingerprint.clone(), incident.fingerprint_version, incident.occurrences)
    };
    assert_eq!(
        found.iter().map(brief).collect::<Vec<_>>(),
        [("old1".to_owned(), 1, 6), ("old2".to_owned(), 1, 6)]
    );
    let shared = vec![of_version_2("new3", "old1", true, 3)];
    assert_eq!(scan(&bench, shared).inserted, [], "what the rule before took for one stays one");
    let later = vec![Sighting { grouping: Grouping::default(), ..of_version_2("new1", "", true, 4) }];
    assert_eq!(scan(&bench, later).inserted, [], "it is known by the new key now");
    assert_eq!(all(&bench).iter().map(|incident| incident.occurrences).collect::<Vec<_>>(), [12, 6]);
    let total: u64 = bench
        .store
        .incident_buckets(found[0].id, Timestamp::UNIX_EPOCH)
        .unwrap()
        .iter()
        .map(|(_, n)| n)
        .sum();
    assert_eq!(total, 12);
    let classify = bench.claim(Role::Triage);
    assert_eq!(classify.incident, Some(found[0].id));
}

/// An error that a merged incident counted under its old key still counts for the one that stands for it.
pub fn a_merged_incident_outlives_the_rule_that_named_it(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("old1", 1, false), sighting("old2", 1, false)]);
    let [one, two] = [all(&bench)[0].id, all(&bench)[1].id];
    wish(&bench, one, IncidentWish::MergeInto(two)).unwrap();
    assert_eq!(scan(&bench, vec![of_version_2("new1", "old1", true, 5)]).inserted, []);
    assert_eq!(all(&bench).iter().map(|incident| incident.occurrences).collect::<Vec<_>>(), [6, 9]);
}

/// A rule of the user's that tells apart what was one keeps the incident for the first of them; the others are new.
pub fn what_a_users_rule_tells_apart_takes_up_an_incident_once(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("one", 1, false)]);
    let apart = || vec![of_version_2("part1", "one", false, 2), of_version_2("part2", "one", false, 3)];
    assert_eq!(scan(&bench, apart()).inserted.len(), 1);
    scan(&bench, apart());
    let found = all(&bench);
    let brief = |incident: &Incident| (incident.fingerprint.clone(), incident.occurrences);
    assert_eq!(found.iter().map(brief).collect::<Vec<_>>(), [("one".to_owned(), 9), ("part2".to_owned(), 6)]);
    scan(&bench, vec![of_version_2("part3", "one", false, 4)]);
    assert_eq!(all(&bench).len(), 3, "it was taken up before");
}

/// Incidents that may be the same are named, and only a person merges them.
pub fn similar_incidents_are_named_and_not_merged(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let sightings = vec![
        of_family("f1", "a", 1),
        of_family("f2", "a", 2),
        of_family("f3", "b", 3),
        sighting("f4", 4, false),
        of_family("f5", "a", 5),
    ];
    scan(&bench, sightings);
    let found = all(&bench);
    let similar = |n: usize, limit| -> Vec<IncidentId> {
        bench.store.similar(&found[n], limit).unwrap().iter().map(|incident| incident.id).collect()
    };
    assert_eq!(similar(0, 9), [found[4].id, found[1].id]);
    assert_eq!(similar(0, 1), [found[4].id]);
    assert_eq!([similar(2, 9), similar(3, 9)], [vec![], vec![]]);
    wish(&bench, found[4].id, IncidentWish::MergeInto(found[1].id)).unwrap();
    assert_eq!(similar(0, 9), [found[1].id], "what is merged is shown once");
}

/// A split restores what a merge changed: counts, first and last time, releases, and the work that the merge ended.
pub fn a_split_restores_times_releases_and_work(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![in_release("f1", 1, "v1"), in_release("f2", 5, "v2"), in_release("f3", 9, "v3")]);
    let before = all(&bench);
    let [one, two, three] = [before[0].id, before[1].id, before[2].id];
    wish(&bench, one, IncidentWish::MergeInto(two)).unwrap();
    wish(&bench, three, IncidentWish::MergeInto(two)).unwrap();
    let whole = bench.store.incident(two).unwrap().unwrap();
    assert_eq!(
        (
            whole.occurrences,
            whole.first_seen,
            whole.last_seen,
            whole.first_release.as_deref(),
            whole.last_release.as_deref()
        ),
        (9, before[0].first_seen, before[2].last_seen, Some("v1"), Some("v3"))
    );
    let releases = |id| -> Vec<(String, u64)> {
        bench
            .store
            .incident_releases(id)
            .unwrap()
            .into_iter()
            .map(|release| (release.release, release.count))
            .collect()
    };
    assert_eq!(releases(two), [("v1".to_owned(), 3), ("v2".to_owned(), 3), ("v3".to_owned(), 3)]);
    scan(&bench, vec![in_release("f1", 2, "v2")]);
    assert_eq!(releases(two), [("v1".to_owned(), 3), ("v2".to_owned(), 6), ("v3".to_owned(), 3)]);
    let done = [one, three].map(|id| wish(&bench, id, IncidentWish::Split).unwrap());
    let after = all(&bench);
    assert_eq!(after[1], before[1], "nothing of the others is left");
    assert_eq!((after[0].occurrences, after[2].occurrences), (6, 3));
    assert_eq!(releases(two), [("v2".to_owned(), 3)]);
    for (receipt, id) in done.iter().zip([one, three]) {
        let task = bench.task(receipt.inserted[0]);
        assert_eq!((task.task_type.as_str(), task.incident), ("classify_error", Some(id)));
        assert_eq!(bench.store.incident(id).unwrap().unwrap().status, IncidentStatus::New);
    }
}

/// Ignored until a moment, it is looked at again when it happens after that moment by the database's clock.
pub fn what_is_ignored_until_a_moment_comes_back_after_it(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let incident = only(&bench).id;
    let past = at("2020-01-01T00:00:00Z");
    assert!(matches!(refusal(wish(&bench, incident, ignore(Until::At(past)))), Refusal::Invalid(_)));
    assert!(matches!(
        refusal(wish(&bench, incident, ignore(Until::For(SignedDuration::MAX)))),
        Refusal::Invalid(_)
    ));
    wish(&bench, incident, ignore(Until::For(SignedDuration::from_millis(20)))).unwrap();
    let over = bench.store.now().unwrap() + SignedDuration::from_millis(20);
    let now = |bench: &Bench, before: SignedDuration| {
        let last = bench.store.now().unwrap() - before;
        Sighting { first: last, last, ..sighting("f1", 1, false) }
    };
    let early = scan(&bench, vec![now(&bench, SignedDuration::from_hours(1))]);
    assert_eq!((early.inserted, only(&bench).status), (vec![], IncidentStatus::Ignored));
    while bench.store.now().unwrap() <= over {
        std::thread::yield_now();
    }
    let read_late = scan(&bench, vec![now(&bench, SignedDuration::from_hours(1))]);
    assert_eq!(read_late.inserted, [], "it happened while it was to be ignored");
    assert_eq!(scan(&bench, vec![now(&bench, SignedDuration::ZERO)]).inserted.len(), 1);
    let found = only(&bench);
    assert_eq!((found.status, found.ignored), (IncidentStatus::New, None));
    assert_eq!(bench.claim(Role::Triage).context["reason"], json!("ignored_long_enough"));
}

/// Ignored for so many occurrences, it is looked at again with the first one more.
pub fn what_is_ignored_for_a_number_of_occurrences_comes_back_after_them(make: Make<'_>) {
    let bench = make();
    project(&bench);
    scan(&bench, vec![sighting("f1", 1, false)]);
    let incident = only(&bench).id;
    assert!(matches!(refusal(wish(&bench, incident, ignore(Until::More(0)))), Refusal::Invalid(_)));
    wish(&bench, incident, ignore(Until::More(6))).unwrap();
    for day in [2, 3] {
        assert_eq!(scan(&bench, vec![sighting("f1", day, false)]).inserted, []);
    }
    assert_eq!(scan(&bench, vec![sighting("f1", 4, false)]).inserted.len(), 1);
    assert_eq!((only(&bench).status, only(&bench).ignored), (IncidentStatus::New, None));
    wish(&bench, incident, ignore(Until::More(6))).unwrap();
    wish(&bench, incident, IncidentWish::Reopen { reason: "it hurts".to_owned() }).unwrap();
    assert_eq!(only(&bench).ignored, None, "reopening ends it");
}

/// Ignored until another release, it is looked at again when it happens there; ignored for good, a new release is told.
pub fn what_is_ignored_until_a_release_comes_back_in_another_one(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let task = bench.claimed(Role::Monitor);
    let ran = in_release("f0", 1, "v0").releases;
    bench.settle_with(&task, complete(), |end| end.releases = ran).unwrap();
    scan(&bench, vec![in_release("f1", 1, "v1"), in_release("f1", 2, "v2"), in_release("f2", 1, "v1")]);
    let [one, two] = [all(&bench)[0].id, all(&bench)[1].id];
    wish(&bench, one, ignore(Until::Released)).unwrap();
    wish(&bench, two, IncidentWish::Ignore { reason: "a scanner".to_owned(), until: None }).unwrap();
    let told = || -> Vec<String> {
        let filter = MessageFilter { to: Some(Party::User.to_string()), ..MessageFilter::default() };
        let all = bench.store.messages(&filter).unwrap().into_iter();
        all.filter(|message| {
            message.message_type == MessageType::Notification
                && message.metadata["kind"] == "ignored_in_release"
        })
        .map(|message| message.content)
        .collect()
    };
    assert_eq!(scan(&bench, vec![in_release("f1", 3, "v2"), in_release("f2", 3, "v1")]).inserted, []);
    assert_eq!(told(), Vec::<String>::new());
    let tomorrow = |release: &str, fingerprint: &str| {
        let last = bench.store.now().unwrap() + SignedDuration::from_hours(1);
        let plain = in_release(fingerprint, 4, release);
        let releases = vec![ReleaseCount { first: last, last, ..plain.releases[0].clone() }];
        Sighting { first: last, last, releases, ..plain }
    };
    // An older release that still runs, or runs again, is no new one; neither is what names no release.
    let older = ["v0", "v1"].map(|release| tomorrow(release, "f1"));
    let unnamed = Sighting { releases: Vec::new(), ..tomorrow("v1", "f1") };
    for known in older.into_iter().chain([unnamed]) {
        assert_eq!(scan(&bench, vec![known]).inserted, []);
        assert_eq!(bench.store.incident(one).unwrap().unwrap().status, IncidentStatus::Ignored);
    }
    assert_eq!(told(), Vec::<String>::new());
    let made = scan(&bench, vec![tomorrow("v3", "f1"), tomorrow("v3", "f2")]).inserted;
    assert_eq!(made.len(), 1);
    assert_eq!(bench.task(made[0]).incident, Some(one));
    assert_eq!(told(), [format!("incident {two} is ignored and happens in release v3, too: KeyError: f2")]);
    scan(&bench, vec![tomorrow("v3", "f2")]);
    assert_eq!(told().len(), 1, "once");
}

/// What the user's rules hide is counted by rule, so that nothing disappears in silence.
pub fn what_rules_hide_is_counted(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    let hid = |rule: &str, count, day: u8| Hidden {
        rule: rule.to_owned(),
        count,
        first: at(&format!("2026-03-{day:02}T10:00:00Z")),
        last: at(&format!("2026-03-{day:02}T11:00:00Z")),
    };
    let hide = |hidden: Vec<Hidden>| {
        let task = bench.claimed(Role::Monitor);
        bench.settle_with(&task, complete(), |end| end.hidden = hidden).unwrap();
    };
    hide(vec![hid("probes", 2, 3), hid("bots", 1, 4)]);
    hide(vec![hid("probes", 5, 2)]);
    let probes = Hidden { first: at("2026-03-02T10:00:00Z"), count: 7, ..hid("probes", 0, 3) };
    assert_eq!(bench.store.hidden(project).unwrap(), [hid("bots", 1, 4), probes]);
}
