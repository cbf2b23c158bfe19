//! Which patch is best, first to last, as far as it can be told before it is validated:
//!
//! 1. the undoing of a small commit that is known to have brought the failure (the reproduction passes on its
//!    parent): the code then was right, and the undoing is a decision a person can follow;
//! 2. a repair of the cause by a family that knows the defect;
//! 3. the undoing of a large or merely suspected commit, since it takes more away than the defect;
//! 4. a changed operator or constant that happens to pass: found by search, so easily right for the wrong reason. If no
//!    test calls the functions on the stack, it must also give the same as before on inputs that were right;
//! 5. a guard around the symptom.
//!
//! Within a rank the family's own order decides.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_workbench::git::{Change, Sha};

use crate::edit::{Patch, Proposal};
use crate::strategies;

/// The rank of what was found by search, and of a symptom guard; see the header.
pub(crate) const SEARCHED: u8 = 4;
pub(crate) const GUARD: u8 = 5;
/// The rank where no patch is good enough.
pub(crate) const NOTHING: u8 = 9;
/// A commit with more changed lines is too large to be undone for one defect.
pub(crate) const SMALL_COMMIT: usize = 80;

/// The rank of a proposal; see the header.
pub(crate) fn rank(proposal: &Proposal, confirmed: &[(Sha, bool)]) -> u8 {
    match (&proposal.patch, proposal.kind) {
        (Patch::Revert { commit, .. }, _) => {
            if confirmed.iter().any(|(known, sure)| known == commit && *sure) { 1 } else { 3 }
        }
        (Patch::Edits(_), ChangeKind::SymptomGuard) => GUARD,
        (Patch::Edits(_), ChangeKind::Cause | ChangeKind::Revert) => {
            if strategies::is_searched(proposal.strategy) { SEARCHED } else { 2 }
        }
    }
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
    use super::*;

    #[test]
    fn only_lines_that_differ_are_counted() {
        let read = |_: &str| Some("a\nb\nc\n".to_owned());
        let change = |text: &str| [Change::write("x.py".parse().unwrap(), text)];
        assert_eq!(lines_changed(&change("a\nB\nc\n"), &read), 2);
        assert_eq!(lines_changed(&change("a\nb\nx\nc\n"), &read), 1);
        assert_eq!(lines_changed(&change("a\nb\nc\n"), &read), 0);
    }
}
