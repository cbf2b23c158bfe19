//! Undoing the commit that brought the failure.

use groundcrew_core::evidence::ChangeKind;

use super::{Situation, Strategy};
use crate::edit::{Patch, Proposal};

/// Undoes suspects, those first of which it is known that they brought the failure.
#[derive(Debug)]
pub(super) struct Revert;

impl Strategy for Revert {
    fn name(&self) -> &'static str {
        "revert"
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let mut undos: Vec<_> = situation.reverts.iter().collect();
        undos.sort_by_key(|undo| !undo.confirmed);
        undos
            .into_iter()
            .map(|undo| {
                let known = if undo.confirmed { "; the failure came with it" } else { "" };
                Proposal {
                    strategy: self.name(),
                    kind: ChangeKind::Revert,
                    one_line_typo: false,
                    explanation: format!(
                        "undoes {}{} \"{}\"{known}",
                        undo.part,
                        undo.commit.short(),
                        undo.subject
                    ),
                    patch: Patch::Revert { commit: undo.commit.clone(), changes: undo.changes.clone() },
                }
            })
            .collect()
    }
}
