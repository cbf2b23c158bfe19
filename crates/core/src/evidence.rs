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
