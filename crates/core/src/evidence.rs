//! The gates a fix passes and the one function that turns them into a grade.
//!
//! | grade | means |
//! | --- | --- |
//! | A | every gate passed; the change treats the cause or reverts the culprit |
//! | B | as A, but behaviour differs on listed inputs or could not be compared, or surviving mutants are explained |
//! | C | some gate is missing, or the change is a symptom guard: draft only |
//! | D | no reproduction (allowed only for a revert or a one-line typo): draft only |
//!
//! A gate that failed is a rejection, whatever the others say.

use serde::{Deserialize, Serialize};

use crate::word::words;

words! {
    /// What a change does about a defect.
    ChangeKind, "kind of change" {
        /// Treats the cause.
        Cause = "cause",
        /// Undoes the commit that introduced the defect.
        Revert = "revert",
        /// Stops the crash without treating its cause.
        SymptomGuard = "symptom_guard",
    }
}

words! {
    /// What a fix is worth, by what was shown.
    Grade, "grade" {
        /// Every gate passed.
        A = "A",
        /// As A, with differences or survivors that are listed.
        B = "B",
        /// A gate is missing, or the change is a symptom guard.
        C = "C",
        /// Nothing was reproduced.
        D = "D",
    }
}

impl Grade {
    /// Whether the branch is only a draft.
    pub const fn is_draft(self) -> bool {
        matches!(self, Self::C | Self::D)
    }
}

words! {
    /// Outcome of a gate that can pass, fail, or not be run.
    GateStatus, "gate status" {
        /// Executed and passed.
        Passed = "passed",
        /// Executed and failed.
        Failed = "failed",
        /// Not executed; the check says why.
        Missing = "missing",
    }
}

words! {
    /// Outcome of running the mutants of the changed lines.
    MutantGate, "mutant gate" {
        /// All killed, or none could be made of the changed lines.
        Killed = "killed",
        /// Some survived, each with an explanation.
        Explained = "explained",
        /// Some survived without an explanation.
        Survived = "survived",
        /// Not executed.
        Missing = "missing",
    }
}

words! {
    /// Outcome of comparing the changed functions on inputs that were right before.
    DifferentialGate, "differential gate" {
        /// Same results on every input.
        Equal = "equal",
        /// Different results on listed inputs.
        Differs = "differs",
        /// An input that gave a result now raises the error that was to be cured.
        Breaks = "breaks",
        /// Could not be executed.
        NotRun = "not_run",
    }
}

words! {
    /// Outcome of the look at the diff itself.
    SmellGate, "smell gate" {
        /// Nothing suspicious.
        Clean = "clean",
        /// It looks like a guard around the symptom.
        Smells = "smells",
        /// Not executed.
        Missing = "missing",
    }
}

/// What every gate said about one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gates {
    /// What the change does about the defect.
    pub kind: ChangeKind,
    /// Whether the change is one line of a typo class (a misspelt name), which may go without reproduction.
    pub one_line_typo: bool,
    /// The reproduction fails on the base commit with the incident's error, every time.
    pub reproduction_before: GateStatus,
    /// The reproduction passes on the fix, every time.
    pub reproduction_after: GateStatus,
    /// No new failure and no fewer tests than on the base commit.
    pub suite: GateStatus,
    /// A regression test is there, fails on the base commit and passes on the fix.
    pub regression_test: GateStatus,
    /// Mutants of the changed lines.
    pub mutants: MutantGate,
    /// Behaviour on inputs that were right before.
    pub differential: DifferentialGate,
    /// The look at the diff.
    pub smell: SmellGate,
}

/// What the gates amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "verdict", content = "grade", rename_all = "snake_case")]
pub enum Verdict {
    /// The fix goes on, worth this much.
    Accepted(Grade),
    /// The fix does not go on.
    Rejected,
}

/// The grade of a fix by what was shown; total over all combinations of gates.
pub fn grade(gates: &Gates) -> Verdict {
    if any_failed(gates) {
        return Verdict::Rejected;
    }
    let reproduced =
        gates.reproduction_before == GateStatus::Passed && gates.reproduction_after == GateStatus::Passed;
    if !reproduced {
        let may_go_without = gates.kind == ChangeKind::Revert || gates.one_line_typo;
        return if may_go_without { Verdict::Accepted(Grade::D) } else { Verdict::Rejected };
    }
    if gates.kind == ChangeKind::SymptomGuard || something_missing(gates) {
        return Verdict::Accepted(Grade::C);
    }
    let all_equal = gates.mutants == MutantGate::Killed && gates.differential == DifferentialGate::Equal;
    Verdict::Accepted(if all_equal { Grade::A } else { Grade::B })
}

/// Runs of a reproduction on each side before anything else is known: of something that fails half of the time, four
/// failures and then four passes are seen once in 256 tries.
pub const FIRST_RUNS: u32 = 4;

/// Runs by which the failure rate of a reproduction is measured that does not fail every time.
pub const RATE_RUNS: u32 = 20;

/// Most passes that are asked for; a failure so rare that it needs more cannot be shown to be gone.
pub const MOST_PASSES: u32 = 200;

/// How many passes in a row show that a failure seen `failed` times in `runs` runs is gone, or none where no number
/// within [`MOST_PASSES`] does.
///
/// A failure of rate p that is still there passes k times with (1-p)^k, which must be at most 1 %. The rate is taken
/// from its lower bound (Wilson, one-sided 95 %), since a rate that was overrated by luck would ask for too few.
pub fn passes_needed(failed: u32, runs: u32) -> Option<u32> {
    if failed == 0 || runs == 0 {
        return None;
    }
    if failed >= runs && runs >= FIRST_RUNS {
        return Some(FIRST_RUNS);
    }
    let rate = lowest_rate(f64::from(failed.min(runs)), f64::from(runs));
    let passes = (0.01_f64.ln() / (1.0 - rate).ln()).ceil();
    let needed = (1..=MOST_PASSES).find(|number| f64::from(*number) >= passes)?;
    Some(needed.max(FIRST_RUNS))
}

/// Lower bound of the rate behind `failed` of `runs`.
fn lowest_rate(failed: f64, runs: f64) -> f64 {
    const Z: f64 = 1.645;
    let seen = failed / runs;
    let middle = seen + Z * Z / (2.0 * runs);
    let margin = Z * (seen * (1.0 - seen) / runs + Z * Z / (4.0 * runs * runs)).sqrt();
    ((middle - margin) / (1.0 + Z * Z / runs)).clamp(0.0, 0.999_999)
}

fn any_failed(gates: &Gates) -> bool {
    let executed = [gates.reproduction_before, gates.reproduction_after, gates.suite, gates.regression_test];
    executed.contains(&GateStatus::Failed) || gates.differential == DifferentialGate::Breaks
}

fn something_missing(gates: &Gates) -> bool {
    gates.suite == GateStatus::Missing
        || gates.regression_test == GateStatus::Missing
        || matches!(gates.mutants, MutantGate::Missing | MutantGate::Survived)
        || gates.smell != SmellGate::Clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_gates() -> Vec<Gates> {
        let mut all = Vec::new();
        for &kind in ChangeKind::ALL {
            for one_line_typo in [false, true] {
                for &reproduction_before in GateStatus::ALL {
                    for &reproduction_after in GateStatus::ALL {
                        for &suite in GateStatus::ALL {
                            for &regression_test in GateStatus::ALL {
                                for &mutants in MutantGate::ALL {
                                    for &differential in DifferentialGate::ALL {
                                        for &smell in SmellGate::ALL {
                                            all.push(Gates {
                                                kind,
                                                one_line_typo,
                                                reproduction_before,
                                                reproduction_after,
                                                suite,
                                                regression_test,
                                                mutants,
                                                differential,
                                                smell,
                                            });
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn only_a_fix_with_every_gate_shown_is_graded_a() {
        let graded_a: Vec<Gates> =
            all_gates().into_iter().filter(|gates| grade(gates) == Verdict::Accepted(Grade::A)).collect();
        assert_eq!(graded_a.len(), 4, "cause or revert, typo or not");
        for gates in graded_a {
            assert_ne!(gates.kind, ChangeKind::SymptomGuard);
            let shown =
                [gates.reproduction_before, gates.reproduction_after, gates.suite, gates.regression_test];
            assert_eq!(shown, [GateStatus::Passed; 4]);
            assert_eq!(
                (gates.mutants, gates.differential, gates.smell),
                (MutantGate::Killed, DifferentialGate::Equal, SmellGate::Clean)
            );
        }
    }

    #[test]
    fn a_failed_gate_rejects_whatever_the_others_say() {
        for gates in all_gates() {
            if any_failed(&gates) {
                assert_eq!(grade(&gates), Verdict::Rejected, "{gates:?}");
            }
        }
    }

    #[test]
    fn a_fix_that_moves_the_error_to_a_right_input_is_rejected_however_good_the_rest_is() {
        for gates in all_gates() {
            if gates.differential == DifferentialGate::Breaks {
                assert_eq!(grade(&gates), Verdict::Rejected, "{gates:?}");
            }
        }
    }

    #[test]
    fn a_symptom_guard_or_a_smell_is_never_graded_a_or_b() {
        for gates in all_gates() {
            if gates.kind == ChangeKind::SymptomGuard || gates.smell == SmellGate::Smells {
                let verdict = grade(&gates);
                assert!(
                    !matches!(verdict, Verdict::Accepted(Grade::A | Grade::B)),
                    "{gates:?} gave {verdict:?}"
                );
            }
        }
    }

    #[test]
    fn without_reproduction_only_a_revert_or_a_typo_goes_on_and_only_as_d() {
        for gates in all_gates() {
            let unproven = gates.reproduction_before == GateStatus::Missing
                || gates.reproduction_after == GateStatus::Missing;
            if unproven && !any_failed(&gates) {
                let allowed = gates.kind == ChangeKind::Revert || gates.one_line_typo;
                let expected = if allowed { Verdict::Accepted(Grade::D) } else { Verdict::Rejected };
                assert_eq!(grade(&gates), expected, "{gates:?}");
            }
        }
    }

    /// Numbers that look random and are the same on every machine.
    struct Dice(u64);

    impl Dice {
        fn falls_below(&mut self, rate: f64) -> bool {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = u32::try_from(self.0 >> 40).unwrap_or(u32::MAX);
            f64::from(unit) < rate * f64::from(1u32 << 24)
        }
    }

    /// What qa would say of a fix that changes nothing about a failure of this rate.
    fn is_taken_for_fixed(dice: &mut Dice, rate: f64) -> bool {
        let mut failed = (0..FIRST_RUNS).filter(|_| dice.falls_below(rate)).count();
        let mut runs = FIRST_RUNS;
        if failed < FIRST_RUNS as usize {
            failed += (FIRST_RUNS..RATE_RUNS).filter(|_| dice.falls_below(rate)).count();
            runs = RATE_RUNS;
        }
        let failed = u32::try_from(failed).unwrap_or(u32::MAX);
        passes_needed(failed, runs).is_some_and(|passes| (0..passes).all(|_| !dice.falls_below(rate)))
    }

    #[test]
    fn a_failure_that_only_comes_at_times_is_hardly_ever_taken_for_fixed() {
        for (at, rate) in [0.1, 0.3, 0.5, 0.7].into_iter().enumerate() {
            let mut dice = Dice(at as u64 + 7);
            let wrong = (0..3_000).filter(|_| is_taken_for_fixed(&mut dice, rate)).count();
            assert!(wrong <= 30, "rate {rate}: {wrong} of 3000 would be called fixed");
        }
    }

    #[test]
    fn the_rarer_a_failure_is_the_more_passes_it_needs() {
        let needed: Vec<Option<u32>> =
            [20, 18, 10, 6, 2].into_iter().map(|failed| passes_needed(failed, 20)).collect();
        assert_eq!(needed[0], Some(FIRST_RUNS));
        let numbers: Vec<u32> = needed.into_iter().flatten().collect();
        assert!(numbers.is_sorted() && numbers.len() == 5, "{numbers:?}");
        assert_eq!((passes_needed(0, 20), passes_needed(0, 0)), (None, None));
        assert_eq!(passes_needed(1, 100), None, "too rare to be shown");
    }

    #[test]
    fn more_shown_never_lowers_a_grade() {
        for gates in all_gates() {
            if gates.suite == GateStatus::Missing {
                let better = Gates { suite: GateStatus::Passed, ..gates };
                if let (Verdict::Accepted(before), Verdict::Accepted(after)) = (grade(&gates), grade(&better))
                {
                    assert!(after <= before, "{gates:?}");
                }
            }
        }
    }
}
