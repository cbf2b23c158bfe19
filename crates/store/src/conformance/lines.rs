//! What is known of a log beyond its errors: kinds of lines, and the releases of errors.

use groundcrew_core::event::EventKind;
use groundcrew_core::incident::{ReleaseCount, bucket};
use groundcrew_core::role::Role;
use groundcrew_core::task::ProjectId;
use groundcrew_core::template::{Learned, MOST_TEMPLATES, Mined, Notice, Noticed, Template, TemplateCount};
use jiff::SignedDuration;
use serde_json::json;

use super::incidents::{at, only, project, scan, sighting};
use super::{Bench, Make, complete};
use crate::TemplateFilter;

fn mined(counts: Vec<TemplateCount>) -> Mined {
    Mined {
        source: "app.log".to_owned(),
        state: None,
        generation: 0,
        anew: false,
        merged: Vec::new(),
        counts,
        caught_up: false,
    }
}

fn count(id: u64, count: u64, time: &str) -> TemplateCount {
    TemplateCount {
        id,
        text: format!("took <*> ms for {id}"),
        level: Some("info".to_owned()),
        count,
        first: at(time),
        last: at(time),
        example: format!("took 7 ms for {id}"),
        buckets: vec![(at(time), count)],
    }
}

fn mine(bench: &Bench, mined: Mined) {
    let task = bench.claimed(Role::Monitor);
    bench.settle_with(&task, complete(), |end| end.mined = vec![mined]).unwrap();
}

fn stored(bench: &Bench) -> Vec<Template> {
    bench.store.templates(&TemplateFilter::default()).unwrap()
}

fn template(project: ProjectId, id: u64, occurrences: u64, first: &str, last: &str) -> Template {
    Template {
        project,
        source: "app.log".to_owned(),
        id,
        text: format!("took <*> ms for {id}"),
        level: Some("info".to_owned()),
        occurrences,
        first_seen: at(first),
        last_seen: at(last),
        example: format!("took 7 ms for {id}"),
        rated: true,
        notice: None,
        noticed_at: None,
    }
}

/// Of each incident it is known in which releases it happened, how often, and in which first and last.
pub fn an_incident_knows_the_releases_it_happened_in(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let of = |release: &str, count, first: &str, last: &str| ReleaseCount {
        release: release.to_owned(),
        count,
        first: at(first),
        last: at(last),
    };
    let early = ("2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z");
    let late = ("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z");
    let seen = |day, releases| groundcrew_core::incident::Sighting { releases, ..sighting("f1", day, false) };
    scan(&bench, vec![seen(3, vec![of("v2", 2, late.0, late.1)])]);
    scan(&bench, vec![seen(2, vec![of("v1", 1, early.0, early.1), of("v2", 1, early.1, late.0)])]);
    scan(&bench, vec![sighting("f1", 4, false)]);
    let found = only(&bench);
    assert_eq!((found.first_release.as_deref(), found.last_release.as_deref()), (Some("v1"), Some("v2")));
    let wanted = [of("v1", 1, early.0, early.1), of("v2", 3, early.1, late.1)];
    assert_eq!(bench.store.incident_releases(found.id).unwrap(), wanted);
    let minute = |n: i64| at(early.0) + jiff::SignedDuration::from_mins(n);
    let flood = (0..100).map(|n| ReleaseCount {
        release: format!("w{n:03}"),
        count: 1,
        first: minute(2_000 + n),
        last: minute(2_000 + n),
    });
    scan(&bench, vec![seen(5, flood.collect())]);
    let kept = bench.store.incident_releases(found.id).unwrap();
    assert_eq!(kept.len(), 32, "a log that names a release in every line does not fill the database");
    assert_eq!((kept[0].release.as_str(), kept[31].release.as_str()), ("v1", "w099"));
}

/// Which releases of a project ran is known from its logs, and of too many only the newest.
pub fn releases_of_a_project_are_remembered(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    let of = |release: &str, count, hour: u8| ReleaseCount {
        release: release.to_owned(),
        count,
        first: at(&format!("2026-03-02T{hour:02}:00:00Z")),
        last: at(&format!("2026-03-02T{hour:02}:30:00Z")),
    };
    let see = |releases| {
        let task = bench.claimed(Role::Monitor);
        bench.settle_with(&task, complete(), |end| end.releases = releases).unwrap();
    };
    see(vec![of("v2", 1, 9), of("v1", 2, 8)]);
    see(vec![of("v2", 3, 10)]);
    let joined = ReleaseCount { last: of("v2", 0, 10).last, ..of("v2", 4, 9) };
    assert_eq!(bench.store.releases(project).unwrap(), [of("v1", 2, 8), joined]);
    see((0..200).map(|n| of(&format!("w{n:03}"), 1, 11)).collect());
    let kept = bench.store.releases(project).unwrap();
    assert_eq!((kept.len(), kept[99].release.as_str()), (100, "w199"));
}

/// Kinds of lines are counted with their rate, and what turns out to be one kind is one from then on.
pub fn kinds_of_lines_are_counted_and_joined(make: Make<'_>) {
    let bench = make();
    let project = project(&bench);
    // Rates of long ago are forgotten.
    let begins = bucket(bench.store.now().unwrap()) - SignedDuration::from_hours(1);
    let five = SignedDuration::from_mins(5);
    let (early, late) = ((begins + five / 5).to_string(), (begins + five + five / 5).to_string());
    let (early, late) = (early.as_str(), late.as_str());
    mine(
        &bench,
        Mined {
            state: Some(json!({ "n": 1 })),
            generation: 7,
            ..mined(vec![count(1, 2, early), count(2, 1, early)])
        },
    );
    mine(&bench, mined(vec![count(1, 3, late)]));
    assert_eq!(stored(&bench), [template(project, 1, 5, early, late), template(project, 2, 1, early, early)]);
    let learned =
        Learned { source: "app.log".to_owned(), generation: 7, caught_up_at: None, since: Some(at(early)) };
    assert_eq!(bench.store.learned(project, None).unwrap(), [learned]);
    assert_eq!(bench.store.miner(project, "app.log").unwrap(), Some(json!({ "n": 1 })));
    let joined = Mined {
        state: Some(json!({ "n": 2 })),
        generation: 9,
        merged: vec![(2, 1)],
        caught_up: true,
        ..mined(vec![count(1, 1, late)])
    };
    mine(&bench, joined);
    let all = stored(&bench);
    assert_eq!(all, [template(project, 1, 7, early, late)]);
    let rate = bench.store.template_buckets(&all[0], begins).unwrap();
    assert_eq!(rate, [(begins, 3), (begins + five, 4)]);
    let known = bench.store.learned(project, Some("app.log")).unwrap().remove(0);
    assert_eq!((known.generation, known.caught_up_at.is_some()), (9, true));
    mine(&bench, Mined { caught_up: true, ..mined(Vec::new()) });
    assert_eq!(bench.store.learned(project, None).unwrap(), [known], "the past is read once");
    assert_eq!(bench.store.miner(project, "app.log").unwrap(), Some(json!({ "n": 2 })));
    mine(&bench, Mined { anew: true, ..mined(vec![count(1, 1, late)]) });
    assert_eq!(stored(&bench), [template(project, 1, 1, late, late)], "kinds numbered anew are other kinds");
}

/// A notice is an event, and stands with its kind of line.
pub fn what_is_told_about_a_kind_of_line_is_remembered(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let early = "2026-03-02T10:01:00Z";
    let unrated = TemplateCount { buckets: Vec::new(), ..count(3, 1, early) };
    mine(&bench, mined(vec![count(1, 2, early), count(2, 1, early), unrated]));
    let noticed = |id, notice| Noticed {
        source: "app.log".to_owned(),
        id,
        notice,
        text: format!("took <*> ms for {id}"),
        level: None,
        detail: "never before".to_owned(),
        untold: id == 3,
    };
    let task = bench.claimed(Role::Monitor);
    let told = vec![noticed(2, Notice::New), noticed(3, Notice::New)];
    bench.settle_with(&task, complete(), |end| end.noticed = told).unwrap();
    let ids = |filter| -> Vec<u64> {
        bench.store.templates(&filter).unwrap().iter().map(|found| found.id).collect()
    };
    let told = bench.store.templates(&TemplateFilter { noticed: true, ..Default::default() }).unwrap();
    assert!(told.iter().all(|found| found.notice == Some(Notice::New) && found.noticed_at.is_some()));
    assert_eq!(told.iter().map(|found| found.id).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(ids(TemplateFilter { rated: true, ..Default::default() }), [1, 2]);
    let new_since = Some(at("2026-03-02T00:00:00Z"));
    assert_eq!(ids(TemplateFilter { new_since, ..Default::default() }), [1], "what was told is told once");
    let new_since = Some(at("2026-03-03T00:00:00Z"));
    assert_eq!(ids(TemplateFilter { new_since, ..Default::default() }), [0; 0]);
    let events = bench.store.events(0, 10).unwrap();
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::LineNew]);
    assert_eq!(events[0].data["detail"], json!("never before"));
}

/// However many kinds of lines a log has, so many are remembered.
pub fn of_too_many_kinds_of_lines_the_oldest_are_forgotten(make: Make<'_>) {
    let bench = make();
    project(&bench);
    let most = u64::from(MOST_TEMPLATES);
    mine(&bench, mined(vec![count(0, 1, "2026-03-01T10:01:00Z")]));
    mine(&bench, mined((1..=most).map(|id| count(id, 1, "2026-03-02T10:01:00Z")).collect()));
    let all = bench.store.templates(&TemplateFilter { limit: Some(u32::MAX), ..Default::default() }).unwrap();
    assert_eq!(all.len() as u64, most);
    assert!(all.iter().all(|found| found.id != 0));
}
