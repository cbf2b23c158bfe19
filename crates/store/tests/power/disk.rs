//! What a disk may hold after power failed at some moment: what was synced before, and of what was written since any part.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::recorder::Act;

/// What a disk takes or leaves as a whole.
const SECTOR: usize = 512;

/// A generator of numbers that gives the same ones in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// What becomes of writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// All are there: a process was killed, and its machine lives.
    Kept,
    /// None is there.
    Dropped,
    /// Each is there, or not, or some sectors of it.
    Torn,
}

/// The files after everything up to an act, when power fails then.
#[derive(Default)]
pub(crate) struct Disk {
    /// What is on disk whatever happens.
    safe: BTreeMap<PathBuf, Vec<u8>>,
    /// What was done since, in its order.
    since: HashMap<PathBuf, Vec<Act>>,
    /// Files whose folder was synced since they were made; the name of another may be lost with its content.
    named: BTreeSet<PathBuf>,
}

impl Disk {
    /// What is there before the first act.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut safe = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                safe.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
        let named = safe.keys().cloned().collect();
        Self { safe, since: HashMap::new(), named }
    }

    /// Does one act.
    pub(crate) fn apply(&mut self, act: &Act) {
        match act {
            Act::Write(path, ..) | Act::Truncate(path, _) | Act::Remove(path) => {
                self.since.entry(path.clone()).or_default().push(act.clone());
            }
            Act::Sync(path) if is_folder(path, self.safe.keys().chain(self.since.keys())) => {
                self.sync_names();
            }
            Act::Sync(path) => {
                let file = self.safe.remove(path);
                let acts = self.since.remove(path).unwrap_or_default();
                let after = acts.iter().fold(file, |file, act| done(file, act, None));
                if let Some(file) = after {
                    self.safe.insert(path.clone(), file);
                }
            }
            Act::Say(_) => {}
        }
    }

    /// The names of a folder are on disk: what was taken away stays away, what was made has its name.
    fn sync_names(&mut self) {
        for (path, acts) in &mut self.since {
            if let Some(at) = acts.iter().rposition(|act| matches!(act, Act::Remove(_))) {
                acts.drain(..=at);
                self.safe.remove(path);
                self.named.remove(path);
            }
            if !acts.is_empty() {
                self.named.insert(path.clone());
            }
        }
        self.named.extend(self.safe.keys().cloned());
    }

    /// Puts into a folder what the disk may hold now.
    pub(crate) fn fail(&self, unsynced: Unsynced, numbers: &mut Numbers, folder: &Path) {
        let mut files = self.safe.clone();
        for (path, acts) in &self.since {
            let mut file = files.remove(path);
            for act in acts {
                let happens = match unsynced {
                    Unsynced::Kept => true,
                    Unsynced::Dropped => false,
                    Unsynced::Torn => numbers.below(2) == 0,
                };
                if happens {
                    let torn = (unsynced == Unsynced::Torn && numbers.below(2) == 0).then_some(&mut *numbers);
                    file = done(file, act, torn);
                }
            }
            if let Some(file) = file {
                files.insert(path.clone(), file);
            }
        }
        let mut keeps_name = |path: &PathBuf| match unsynced {
            Unsynced::Kept => true,
            Unsynced::Dropped => self.named.contains(path),
            Unsynced::Torn => self.named.contains(path) || numbers.below(2) == 0,
        };
        files.retain(|path, _| keeps_name(path));
        for (path, bytes) in files {
            std::fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
}

/// Whether it is the folder of one of these files.
fn is_folder<'a>(path: &Path, mut files: impl Iterator<Item = &'a PathBuf>) -> bool {
    files.any(|file| file.parent() == Some(path))
}

/// A file after an act; with `torn`, after those of its sectors that came through.
fn done(file: Option<Vec<u8>>, act: &Act, mut torn: Option<&mut Numbers>) -> Option<Vec<u8>> {
    let mut file = file.unwrap_or_default();
    match act {
        Act::Write(_, at, bytes) => {
            let at = usize::try_from(*at).unwrap();
            for (part, sector) in bytes.chunks(SECTOR).enumerate() {
                if torn.as_mut().is_some_and(|numbers| numbers.below(2) == 0) {
                    continue;
                }
                let from = at + part * SECTOR;
                if file.len() < from + sector.len() {
                    file.resize(from + sector.len(), 0);
                }
                file[from..from + sector.len()].copy_from_slice(sector);
            }
        }
        Act::Truncate(_, length) => file.resize(usize::try_from(*length).unwrap(), 0),
        Act::Remove(_) => return None,
        Act::Sync(_) | Act::Say(_) => {}
    }
    Some(file)
}
