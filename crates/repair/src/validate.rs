//! Whether a patch does what it should, from cheap to dear.
//!
//! Every proposal is run against the reproduction in one sandboxed process with the changed sources laid over the files;
//! what passes is checked out for real, run twice and on the other inputs, and then meets the suite, whose failures are
//! compared with those of the base commit. A find of the search must also leave alone whatever was right.

use std::time::{Duration, Instant};

use groundcrew_core::contract::{Reproduction, SuiteDelta};
use groundcrew_workbench::git::Change;
use groundcrew_workbench::runner::Suite;
use serde::Deserialize;
use serde_json::json;

use crate::bench::RepairError;
use crate::differential::compare_change;
use crate::doubt::Doubt;
use crate::kinds::{Kinds, Results};
use crate::matching::{Raised, Signature};
use crate::outcome::Progress;
use crate::ranking::{SEARCHED, UNTESTED};
use crate::reproduce::{GENERATED, ReproOutcome, Reproduced, run_on};
use crate::search::{Ready, Search};

/// Patches that one process runs.
const BATCH: usize = 40;
/// Wall clock of one script on one patch.
const SCRIPT: Duration = Duration::from_secs(5);

/// What one patch made of the reproduction.
#[derive(Debug, Deserialize)]
struct Screened {
    raised: Option<Vec<Raised>>,
    results: Results,
    value: Option<String>,
}

/// The doubt about a patch after its results were seen: kinds that were observed outweigh what the code's form suggests.
fn in_kind(doubt: Option<Doubt>, kinds: &Kinds, results: &Results) -> Option<Doubt> {
    match doubt {
        None | Some(Doubt::AnotherKind) if kinds.never_gave(results) => Some(Doubt::NeverGiven),
        Some(Doubt::AnotherKind) if kinds.always_gave(results) => None,
        other => other,
    }
}

/// What trying a patch came to.
pub(crate) enum Tried {
    /// It is not good enough.
    Fails {
        /// Why.
        why: String,
        /// Whether the reproduction passes all the same.
        repro_pass: bool,
        /// What the suite said, if it was asked.
        suite: Option<SuiteDelta>,
    },
    /// It is, though the error stays for these made-up calls.
    Passes {
        /// The calls.
        stays_for: Vec<String>,
        /// What the suite said, if there is one.
        suite: Option<SuiteDelta>,
    },
}

impl Search<'_> {
    /// Those patches with which the reproduction passes, in order, and whether the input itself is in doubt.
    pub(crate) fn screen(
        &mut self,
        reproduced: &Reproduced,
        ready: Vec<Ready>,
    ) -> Result<(Vec<Ready>, bool), RepairError> {
        let checkout = self.bench.checkout(&self.snapshot.commit)?;
        let reproduction = &reproduced.reproduction;
        let wanted = Signature::of(reproduction);
        let mut passing: Vec<Ready> = Vec::new();
        let mut doubtful = false;
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() && Instant::now() < self.ends {
            let batch: Vec<Ready> = ready.by_ref().take(BATCH).collect();
            let texts = |ready: &Ready| {
                let files = ready.changes.iter().filter_map(|change| {
                    let text = String::from_utf8(change.content.clone()?).ok()?;
                    Some((change.path.as_str().to_owned(), text))
                });
                files.collect::<std::collections::BTreeMap<_, _>>()
            };
            let orders = json!({
                "root": checkout.path(),
                "script": reproduction.script,
                "seconds": SCRIPT.as_secs_f64(),
                "targets": reproduced.targets,
                "candidates": batch.iter().map(texts).collect::<Vec<_>>(),
            });
            let most = u32::try_from(batch.len()).unwrap_or(1);
            let wall = Duration::from_secs(20) + (SCRIPT * most).min(Duration::from_secs(100));
            let answers: Vec<Option<Screened>> =
                match self.bench.drive("screen", checkout.path(), &orders, wall) {
                    Ok(answers) => answers,
                    // A batch that takes the process down is validated the slow way.
                    Err(RepairError::Driver { .. }) => batch.iter().map(|_| None).collect(),
                    Err(error) => return Err(error),
                };
            for (ready, answer) in batch.into_iter().zip(answers) {
                match answer {
                    None => passing.push(ready),
                    Some(Screened { raised: None, results, value }) => {
                        // What a test of the project asks for is right, whatever was given so far.
                        let doubt = if reproduction.test_id.is_some() {
                            ready.doubt
                        } else {
                            in_kind(ready.doubt, &reproduced.kinds, &results)
                        };
                        passing.push(Ready { value, doubt, ..ready });
                    }
                    Some(Screened { raised: Some(chain), .. }) => {
                        let same = wanted.matches(&chain);
                        doubtful |= !same && ready.rank < SEARCHED;
                        let other = chain.first().map_or_else(String::new, Raised::headline);
                        let outcome =
                            if same { "the error stays".to_owned() } else { format!("raises {other}") };
                        self.note(&ready, outcome, false, None);
                    }
                }
            }
        }
        if ready.peek().is_some() {
            (self.progress)(Progress::OutOfTime);
        }
        // Whatever else speaks for it: what nobody ever got is not what was meant.
        passing.sort_by_key(|ready| ready.doubt == Some(Doubt::NeverGiven));
        Ok((passing, doubtful))
    }

    /// Tries a patch on a checkout of its own: the reproduction, the other inputs, the suite.
    ///
    /// An input that was only made up may be wrong itself. A repair that knows its defect and cures the input of the
    /// log need not accept it, but then says so.
    pub(crate) fn validate(
        &mut self,
        reproduction: &Reproduction,
        all: &[Reproduced],
        ready: &Ready,
    ) -> Result<Tried, RepairError> {
        let fails = |why: String, repro_pass: bool| Tried::Fails { why, repro_pass, suite: None };
        let checkout = self.bench.checkout_with(&self.snapshot.commit, &ready.changes)?;
        for _ in 0..2 {
            let run = run_on(self.bench, checkout.path(), reproduction)?;
            match run.outcome {
                ReproOutcome::Passed => {}
                ReproOutcome::FailedAsIncident => return Ok(fails("the error stays".to_owned(), false)),
                ReproOutcome::Other(other) => return Ok(fails(format!("raises {other}"), false)),
            }
        }
        if let Some(doubt) = ready.doubt.filter(|doubt| doubt.needs_tests() && !self.exercised) {
            return Ok(fails(doubt.why().to_owned(), true));
        }
        let knows = ready.rank < SEARCHED && reproduction.kind != GENERATED;
        let mut stays_for = Vec::new();
        for other in all.iter().filter(|other| other.reproduction.script != reproduction.script) {
            let run = run_on(self.bench, checkout.path(), &other.reproduction)?;
            if run.outcome == ReproOutcome::FailedAsIncident {
                if !(knows && other.reproduction.kind == GENERATED) {
                    return Ok(fails(format!("the error stays for {}", other.reproduction.call), true));
                }
                stays_for.push(other.reproduction.call.clone());
            }
        }
        drop(checkout);
        let (failure, suite) = self.new_failures(&ready.changes)?;
        let failure = match failure {
            None if matches!(ready.rank, SEARCHED | UNTESTED) => self.overfits(&ready.changes)?,
            failure => failure,
        };
        Ok(match failure {
            None => Tried::Passes { stays_for, suite },
            Some(why) => Tried::Fails { why, repro_pass: true, suite },
        })
    }

    /// A change found by search must not move the error to inputs that gave a result; one that no test looks at must
    /// leave alone whatever was right.
    fn overfits(&self, changes: &[Change]) -> Result<Option<String>, RepairError> {
        let base = &self.snapshot.commit;
        let head = self.bench.repository.commit(base, changes, "Candidate", 0)?;
        let compared = compare_change(self.bench, base, &head, base)?;
        let exception = self.facts.trace.exception.as_deref().unwrap_or_default();
        let moved = compared.now_raises.contains(exception.rsplit('.').next().unwrap_or(exception));
        Ok(match (compared.differing.first(), compared.compared) {
            (Some(first), _) if moved => Some(format!("breaks what was right: {first}")),
            _ if self.exercised => None,
            (Some(first), _) => Some(format!("changes what was right: {first}")),
            (None, 0) => Some("nothing shows that it leaves alone what was right".to_owned()),
            (None, _) => None,
        })
    }

    /// What the suite says against a change, and how it differs; none if it says nothing or there is none.
    pub(crate) fn new_failures(
        &mut self,
        changes: &[Change],
    ) -> Result<(Option<String>, Option<SuiteDelta>), RepairError> {
        if self.base_suite.is_none() {
            self.base_suite = Some(self.bench.suite(&self.snapshot.commit, &[])?);
        }
        let Some(Some(base)) = self.base_suite.clone() else { return Ok((None, None)) };
        let Some(head) = self.bench.suite(&self.snapshot.commit, changes)? else { return Ok((None, None)) };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let delta = SuiteDelta {
            newly_failing: count(head.bad().difference(&base.bad()).count()),
            newly_passing: count(base.bad().difference(&head.bad()).count()),
        };
        Ok((compare(&base, &head), Some(delta)))
    }
}

/// What a suite on a change says against it, compared with the base; none if nothing.
pub(crate) fn compare(base: &Suite, head: &Suite) -> Option<String> {
    if base.complete && !head.complete {
        return Some("the suite does not run to its end".to_owned());
    }
    if !head.kind.is_told() {
        return (base.is_green() && !head.is_green()).then(|| "the suite fails".to_owned());
    }
    let new: Vec<&str> = head.bad().difference(&base.bad()).copied().collect();
    if let Some(first) = new.first() {
        return Some(format!("{} tests fail that did not: {first}", new.len()));
    }
    (head.tests.len() < base.tests.len()).then(|| "fewer tests run".to_owned())
}
