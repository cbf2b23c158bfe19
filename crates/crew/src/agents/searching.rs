//! What people see of a search for a fix while it runs, and how much it did in the end.
//!
//! A search runs hundreds of candidates a second, so only those that pass are told one by one; of the others their number,
//! now and then. All of them are in the result.

use std::time::{Duration, Instant};

use groundcrew_core::contract::Effort;
use groundcrew_repair::Progress;

use crate::agent::Job;

/// Time between two lines that tell how far the search is.
const EVERY: Duration = Duration::from_secs(2);
/// How the outcome of a candidate begins that passed what was checked.
const PLAUSIBLE: &str = "plausible";

/// The search of one job.
pub(super) struct Searching<'a, 'b> {
    job: &'a Job<'b>,
    began: Instant,
    /// When there was something to run candidates against.
    ready: Option<Instant>,
    /// When the last candidate was done.
    last: Option<Instant>,
    told: Instant,
    validations: u32,
    best: Option<String>,
    cut_by_clock: bool,
}

impl<'a, 'b> Searching<'a, 'b> {
    /// A search that begins now.
    pub(super) fn begin(job: &'a Job<'b>) -> Self {
        let now = Instant::now();
        Self {
            job,
            began: now,
            ready: None,
            last: None,
            told: now,
            validations: 0,
            best: None,
            cut_by_clock: false,
        }
    }

    /// Tells a step of it.
    pub(super) fn tell(&mut self, progress: &Progress) {
        let desk = &self.job.desk;
        match progress {
            Progress::Located { file, line } => desk.step(format!("the crash is at {file}:{line}")),
            Progress::Reproducing(way) => desk.step(format!("reproducing: {way}")),
            Progress::Reproduced { call } => {
                self.ready.get_or_insert_with(Instant::now);
                desk.step(format!("reproduced by {call}"));
            }
            Progress::Searched { validations, time } => {
                let begun = Instant::now().checked_sub(*time);
                self.ready = begun.or(self.ready);
                self.last = Some(Instant::now());
                self.validations = self.validations.saturating_add(*validations);
                desk.step(format!("{validations} edits tried in {} ms", time.as_millis()));
            }
            Progress::OutOfTime => {
                if !self.cut_by_clock {
                    desk.step("the time for the search is up");
                }
                self.cut_by_clock = true;
            }
            Progress::Validated { strategy, explanation, outcome } => {
                self.validations = self.validations.saturating_add(1);
                let now = Instant::now();
                self.last = Some(now);
                if outcome.starts_with(PLAUSIBLE) {
                    self.best.get_or_insert_with(|| explanation.clone());
                    desk.step(format!("candidate {} {strategy}: {explanation}: {outcome}", self.validations));
                } else if now.duration_since(self.told) >= EVERY {
                    self.told = now;
                    desk.step(self.so_far());
                }
            }
        }
    }

    fn so_far(&self) -> String {
        let best = self.best.as_deref().unwrap_or("none yet");
        format!("{} candidates tried, best so far: {best}", self.validations)
    }

    /// How much it did until now.
    pub(super) fn effort(&self) -> Effort {
        let length = |from: Option<Instant>, to: Option<Instant>| {
            let length = from.zip(to).map(|(from, to)| to.saturating_duration_since(from));
            u64::try_from(length.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
        };
        Effort {
            validations: self.validations,
            validation_ms: length(self.ready, self.last),
            search_ms: length(Some(self.began), Some(Instant::now())),
            cut_by_clock: self.cut_by_clock,
        }
    }
}
