//! The world outside of the database, where no transaction reaches: files that the tasks write.
//!
//! | effect | how a handler makes it | what is promised |
//! | --- | --- | --- |
//! | a note | the same text under the same name, put in place by a rename | it is there, and right, once its task is completed |
//! | a charge | made by compare-and-swap under the key of the task: whoever finds it there leaves it | exactly once, whatever is killed |
//! | a line of the ledger | appended, unguarded | at least once for a completed task, and at most once in each run |

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use groundcrew_core::task::{LeaseToken, TaskId};

/// The folder of the effects.
pub(super) struct World(PathBuf);

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// Notes by task.
    pub(super) notes: BTreeMap<TaskId, String>,
    /// Charges by task, with the claim that made each.
    pub(super) charges: BTreeMap<TaskId, String>,
    /// Beginnings of steps: task, number and claim.
    pub(super) steps: Vec<(TaskId, u64, LeaseToken)>,
    /// Lines of the ledger.
    pub(super) ledger: Vec<(TaskId, LeaseToken)>,
    /// What is there and should not be.
    pub(super) odd: Vec<String>,
}

impl World {
    /// The effects in a folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("world"))
    }

    /// Makes the folders.
    pub(super) fn make(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(self.0.join("notes"))?;
        std::fs::create_dir_all(self.0.join("charges"))?;
        File::create(self.steps())?;
        File::create(self.ledger()).map(drop)
    }

    /// An effect that may be made again, since it comes out the same.
    pub(super) fn note(&self, task: TaskId, token: LeaseToken, text: &str) -> std::io::Result<()> {
        let notes = self.0.join("notes");
        let new = notes.join(format!("{task}.{token}.new"));
        std::fs::write(&new, text)?;
        std::fs::rename(new, notes.join(task.to_string()))
    }

    /// An effect that must not be made twice: whoever comes second finds it there. False if it was there.
    pub(super) fn charge(&self, task: TaskId, token: LeaseToken) -> std::io::Result<bool> {
        let charges = self.0.join("charges");
        let new = charges.join(format!("{task}.{token}.new"));
        std::fs::write(&new, token.to_string())?;
        // The name is the key, and to give it is one step of the file system: it fails where the name is taken.
        let made = std::fs::hard_link(&new, charges.join(task.to_string()));
        std::fs::remove_file(&new)?;
        match made {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An effect without any guard.
    pub(super) fn append(&self, task: TaskId, token: LeaseToken) -> std::io::Result<()> {
        // One call of the system, so that no line is mixed with another.
        OpenOptions::new().append(true).open(self.ledger())?.write_all(format!("{task} {token}\n").as_bytes())
    }

    /// Says that a step begins.
    pub(super) fn begin(&self, task: TaskId, number: u64, token: LeaseToken) -> std::io::Result<()> {
        let line = format!("{task} {number} {token}\n");
        OpenOptions::new().append(true).open(self.steps())?.write_all(line.as_bytes())
    }

    /// Reads what is not known yet.
    pub(super) fn read(&self, effects: &mut Effects) -> std::io::Result<()> {
        effects.odd.clear();
        texts(&self.0.join("notes"), &mut effects.notes, &mut effects.odd)?;
        texts(&self.0.join("charges"), &mut effects.charges, &mut effects.odd)?;
        effects.ledger.clear();
        for line in std::fs::read_to_string(self.ledger())?.lines() {
            let pair = line.split_once(' ').and_then(|(task, token)| {
                Some((TaskId(task.parse().ok()?), LeaseToken(token.parse().ok()?)))
            });
            match pair {
                Some(pair) => effects.ledger.push(pair),
                None => effects.odd.push(format!("line of the ledger: {line:?}")),
            }
        }
        effects.steps.clear();
        for line in std::fs::read_to_string(self.steps())?.lines() {
            let mut words = line.split(' ').map(|word| word.parse::<i64>().ok());
            match (words.next().flatten(), words.next().flatten(), words.next().flatten()) {
                (Some(task), Some(number), Some(token)) => {
                    effects.steps.push((TaskId(task), number.unsigned_abs(), LeaseToken(token)));
                }
                _ => effects.odd.push(format!("line of the steps: {line:?}")),
            }
        }
        Ok(())
    }

    fn steps(&self) -> PathBuf {
        self.0.join("steps")
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }
}

/// The files of a folder that are named by tasks. What a killed worker had not put in place yet is passed over.
fn texts(folder: &Path, known: &mut BTreeMap<TaskId, String>, odd: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.parse().map(TaskId) {
            Ok(id) if known.contains_key(&id) => {}
            Ok(id) => drop(known.insert(id, std::fs::read_to_string(entry.path())?)),
            Err(_) if name.ends_with(".new") => {}
            Err(_) => odd.push(format!("file {name:?}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_made_once_and_a_note_comes_out_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(folder.path());
        world.make().unwrap();
        let (task, first, second) = (TaskId(7), LeaseToken(1), LeaseToken(2));
        assert!(world.charge(task, first).unwrap());
        assert!(!world.charge(task, second).unwrap());
        for token in [first, second] {
            world.note(task, token, "done").unwrap();
            world.append(task, token).unwrap();
            world.begin(task, 3, token).unwrap();
        }
        let mut effects = Effects::default();
        world.read(&mut effects).unwrap();
        let wanted = Effects {
            notes: BTreeMap::from([(task, "done".to_owned())]),
            charges: BTreeMap::from([(task, "1".to_owned())]),
            steps: vec![(task, 3, first), (task, 3, second)],
            ledger: vec![(task, first), (task, second)],
            odd: Vec::new(),
        };
        assert_eq!(effects, wanted);
    }
}
