//! Which patch is best, first to last, as far as it can be told before it is validated:
//!
//! 0. one name put right where it was misspelt or is no longer what it was: nothing is smaller, and undoing the commit
//!    that renamed it would take a decision back;
//! 1. the undoing of a small commit that is known to have brought the failure (the reproduction passes on its
//!    parent): the code then was right, and the undoing is a decision a person can follow;
//! 2. a repair of the cause by a family that knows the defect;
//! 3. the undoing of a large or merely suspected commit, since it takes more away than the defect;
//! 4. a changed operator or constant that happens to pass: found by search, so easily right for the wrong reason. If no
//!    test calls the functions on the stack, it must also give the same as before on inputs that were right;
//! 5. a guard around the symptom;
//! 6. what was found by search and no test calls: a guard at least leaves alone whatever was right.
//!
//! Within a rank the family's own order decides.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::Change;

use crate::edit::{Patch, Proposal};
use crate::strategies::{self, Undo};

/// The rank of a name put right; see the header.
const NAME: u8 = 0;
/// The rank of what was found by search, and of a symptom guard; see the header.
pub(crate) const SEARCHED: u8 = 4;
pub(crate) const GUARD: u8 = 5;
/// The rank of what was found by search in functions that no test calls.
pub(crate) const UNTESTED: u8 = 6;
/// The rank where no patch is good enough.
pub(crate) const NOTHING: u8 = 9;
/// A commit with more changed lines is too large to be undone for one defect.
pub(crate) const SMALL_COMMIT: usize = 80;

/// The rank of a proposal; see the header.
pub(crate) fn rank(proposal: &Proposal, undos: &[Undo], exercised: bool) -> u8 {
    if proposal.one_line_typo {
        return NAME;
    }
    match (&proposal.patch, proposal.kind) {
        (Patch::Revert { commit, changes }, _) => {
            let known = undos.iter().find(|undo| undo.commit == *commit && undo.changes == *changes);
            if known.is_some_and(|undo| undo.confirmed && undo.lines <= SMALL_COMMIT) { 1 } else { 3 }
        }
        (Patch::Edits(_), ChangeKind::SymptomGuard) => GUARD,
        (Patch::Edits(_), ChangeKind::Cause | ChangeKind::Revert) => {
            match strategies::is_searched(proposal.strategy) {
                true if exercised => SEARCHED,
                true => UNTESTED,
                false => 2,
            }
        }
    }
}

/// How much speaks for a patch that passed what was checked, 0 to 100: its rank, less for its size and for doubts.
pub(crate) fn score(rank: u8, lines: usize, doubtful: bool, tested: bool) -> u8 {
    let rank = match rank {
        NAME | 1 => 90,
        2 => 80,
        3 => 60,
        SEARCHED => 50,
        GUARD => 35,
        _ => 30,
    };
    let size = u8::try_from(lines.saturating_sub(1).min(20)).unwrap_or(20);
    let rest: u8 = rank - size - if doubtful { 10 } else { 0 };
    if tested { rest + 10 } else { rest }
}

/// Lines that changes add and remove, by what differs at neither end.
pub(crate) fn lines_changed(changes: &[Change], read: &dyn Fn(&str) -> Option<String>) -> usize {
    let one = |change: &Change| {
        let before = read(change.path.as_str()).unwrap_or_default();
        let after = String::from_utf8_lossy(change.content.as_deref().unwrap_or_default()).into_owned();
        let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let (before, after) = (&before[head..], &after[head..]);
        let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        before.len() + after.len() - 2 * tail
    };
    changes.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use groundcrew_workbench::git::Sha;

    use super::*;

    #[test]
    fn a_small_repair_of_the_cause_scores_above_a_guard_and_a_doubtful_one_below() {
        assert_eq!(score(2, 1, false, true), 90);
        assert!(score(2, 1, false, false) > score(GUARD, 1, false, false));
        assert!(score(2, 1, true, false) < score(2, 1, false, false));
        assert!(score(UNTESTED, 500, true, false) < score(GUARD, 500, true, false));
    }

    #[test]
    fn a_name_put_right_goes_before_the_undoing_of_whoever_renamed_it() {
        let patch = |commit: &str| Patch::Revert { commit: Sha::parse(commit).unwrap(), changes: Vec::new() };
        let commit = "0123456789012345678901234567890123456789";
        let undo = Proposal {
            strategy: "revert",
            kind: ChangeKind::Revert,
            one_line_typo: false,
            explanation: String::new(),
            patch: patch(commit),
        };
        let known = Undo {
            commit: Sha::parse(commit).unwrap(),
            subject: String::new(),
            part: "",
            confirmed: true,
            lines: 2,
            changes: Vec::new(),
        };
        let name = Proposal {
            strategy: "names",
            kind: ChangeKind::Cause,
            one_line_typo: true,
            patch: Patch::Edits(Vec::new()),
            ..undo.clone()
        };
        let of = |proposal: &Proposal| rank(proposal, std::slice::from_ref(&known), true);
        assert!(of(&name) < of(&undo), "{} {}", of(&name), of(&undo));
    }

    #[test]
    fn only_lines_that_differ_are_counted() {
        let read = |_: &str| Some("a\nb\nc\n".to_owned());
        let change = |text: &str| [Change::write("x.py".parse().unwrap(), text)];
        assert_eq!(lines_changed(&change("a\nB\nc\n"), &read), 2);
        assert_eq!(lines_changed(&change("a\nb\nx\nc\n"), &read), 1);
        assert_eq!(lines_changed(&change("a\nb\nc\n"), &read), 0);
    }
}
