//! Which commit brought the failure, and how it can be undone.
//!
//! With a reproduction that runs in bounded time the question is put to the commits themselves: first to those that
//! touched the files on the stack, then to the first-parent line of the history, by halving. A commit counts as the
//! culprit only if the reproduction fails on it and passes on its parent; what cannot run at all says nothing and is
//! stepped around. Without such a commit the ones that blame names stay mere suspects.
//!
//! Of a culprit first the parts on the stack are undone, then the whole: the less goes, the less else goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use groundcrew_core::contract::{Reproduction, Suspect};
use groundcrew_workbench::git::{Change, CommitInfo, RepoPath, Sha};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::allowed::{Permission, Refusal, of_file};
use crate::bench::{Bench, RepairError};
use crate::checkout::Snapshot;
use crate::locate::{Located, LocatedFrame, is_python};
use crate::reproduce::{ReproOutcome, run_on};
use crate::strategies::Undo;
use crate::syntax::MAX_SOURCE;

/// Commits that may be run while looking for the culprit.
const RUNS: usize = 16;
/// Longest time one run may take for the question to be put to commits at all.
const SLOWEST: Duration = Duration::from_secs(30);
/// Commits of the history that are looked at.
const DEPTH: usize = 512;
/// Commits that touched one file of the stack.
const TOUCHED: usize = 64;
/// Lines of both sides of a file that are compared to find the parts of a commit.
const LINES: usize = 20_000;
/// Commits that are looked at as suspects.
const SUSPECTS: usize = 5;
/// Lines around a statement whose function is not known that count as its surroundings.
const NEAR: u32 = 4;
/// Newest commits among which one may be undone without a reproduction.
const RECENT: usize = 20;

/// What is known about where the failure came from.
#[derive(Debug, Default)]
pub(crate) struct Culprits {
    /// Commits that can be undone, the culprit's parts first.
    pub(crate) undos: Vec<Undo>,
    /// The commits with what speaks for each, likeliest first.
    pub(crate) suspects: Vec<Suspect>,
}

/// What the search for the culprit starts from.
pub(crate) struct History<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) located: &'a Located,
    pub(crate) crash: Option<&'a LocatedFrame>,
    /// Commits that triage names.
    pub(crate) named: &'a [Suspect],
    pub(crate) ends: Instant,
}

impl History<'_> {
    /// The commits that may have brought the failure, and their undoing.
    ///
    /// # Errors
    /// If git or the sandbox fails.
    pub(crate) fn culprits(&self, reproduction: Option<&Reproduction>) -> Result<Culprits, RepairError> {
        let mut found = Culprits::default();
        let culprit = match reproduction {
            Some(reproduction) => self.bisect(reproduction)?,
            None => None,
        };
        if let Some((commit, parent)) = &culprit {
            let shallow = if self.bench.repository.is_shallow() { " (of a shallow history)" } else { "" };
            let evidence =
                format!("bisect: it fails on {}, not on {}{shallow}", commit.short(), parent.short());
            found.suspects.push(suspect(&self.bench.repository.commit_info(commit)?, 1.0, evidence));
            self.undo_parts(commit, &mut found.undos)?;
            self.undo_whole(commit, true, &mut found.undos)?;
        }
        let known = culprit.map(|(commit, _)| commit);
        for commit in self.blamed(reproduction.is_some())? {
            if found.suspects.len() >= SUSPECTS || Instant::now() > self.ends {
                break;
            }
            if Some(&commit) == known.as_ref() {
                continue;
            }
            let info = self.bench.repository.commit_info(&commit)?;
            let Some(parent) = info.parents.first() else { continue };
            let sure = known.is_none() && self.passes_on(parent, reproduction)?;
            let evidence = if sure {
                format!("bisect: it does not fail on its parent {}", parent.short())
            } else if self.bench.repository.is_shallow() {
                "blame: it last changed lines on the stack; the history is shallow, so older commits could not be run"
                    .to_owned()
            } else {
                "blame: it last changed lines on the stack".to_owned()
            };
            found.suspects.push(suspect(&info, if sure { 0.9 } else { 0.3 }, evidence));
            self.undo_whole(&commit, sure, &mut found.undos)?;
        }
        Ok(found)
    }

    fn passes_on(&self, commit: &Sha, reproduction: Option<&Reproduction>) -> Result<bool, RepairError> {
        let Some(reproduction) = reproduction else { return Ok(false) };
        Ok(self.run(commit, reproduction)? == Verdict::Passes)
    }

    fn run(&self, commit: &Sha, reproduction: &Reproduction) -> Result<Verdict, RepairError> {
        let checkout = self.bench.checkout(commit)?;
        Ok(match run_on(self.bench, checkout.path(), reproduction)?.outcome {
            ReproOutcome::Passed => Verdict::Passes,
            ReproOutcome::FailedAsIncident => Verdict::Fails,
            ReproOutcome::Other(_) => Verdict::CannotRun,
        })
    }

    /// The commit on which it fails and whose parent it passes on, with that parent.
    fn bisect(&self, reproduction: &Reproduction) -> Result<Option<(Sha, Sha)>, RepairError> {
        let chain = self.first_parents()?;
        if chain.len() < 2 {
            return Ok(None);
        }
        let started = Instant::now();
        let mut asked = Asked { verdicts: BTreeMap::new(), runs: 0 };
        if self.ask(&chain[0].sha, reproduction, &mut asked)? != Some(Verdict::Fails)
            || started.elapsed() > SLOWEST
        {
            return Ok(None);
        }
        for line in [self.touching(&chain)?, chain] {
            if let Some(found) = self.halve(&line, reproduction, &mut asked)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn ask(
        &self,
        commit: &Sha,
        reproduction: &Reproduction,
        asked: &mut Asked,
    ) -> Result<Option<Verdict>, RepairError> {
        if let Some(known) = asked.verdicts.get(commit.as_str()) {
            return Ok(Some(*known));
        }
        if asked.runs >= RUNS || Instant::now() > self.ends {
            return Ok(None);
        }
        asked.runs += 1;
        let verdict = self.run(commit, reproduction)?;
        asked.verdicts.insert(commit.as_str().to_owned(), verdict);
        Ok(Some(verdict))
    }

    /// Halves a line of commits, newest first and failing at its head, down to the first that fails.
    fn halve(
        &self,
        line: &[CommitInfo],
        reproduction: &Reproduction,
        asked: &mut Asked,
    ) -> Result<Option<(Sha, Sha)>, RepairError> {
        // Known to fail up to `bad`; to pass from `good` on, which may be no commit of the line.
        let (mut bad, mut good) = (0, line.len());
        let mut silent: BTreeSet<usize> = BTreeSet::new();
        while let Some(at) = middle(bad, good, &silent) {
            match self.ask(&line[at].sha, reproduction, asked)? {
                None => return Ok(None),
                Some(Verdict::Fails) => bad = at,
                Some(Verdict::Passes) => good = at,
                Some(Verdict::CannotRun) => {
                    silent.insert(at);
                }
            }
        }
        let Some(first) = line.get(bad) else { return Ok(None) };
        let Some(parent) = first.parents.first() else { return Ok(None) };
        let fails = self.ask(&first.sha, reproduction, asked)? == Some(Verdict::Fails);
        let passes = fails && self.ask(parent, reproduction, asked)? == Some(Verdict::Passes);
        Ok(passes.then(|| (first.sha.clone(), parent.clone())))
    }

    /// The commits from the base along first parents, newest first.
    fn first_parents(&self) -> Result<Vec<CommitInfo>, RepairError> {
        let all = self.bench.repository.history(&self.snapshot.commit, None, DEPTH)?;
        let known: BTreeMap<&str, &CommitInfo> = all.iter().map(|info| (info.sha.as_str(), info)).collect();
        let mut chain: Vec<CommitInfo> = Vec::new();
        let mut next = Some(self.snapshot.commit.as_str().to_owned());
        while let Some(info) = next.and_then(|sha| known.get(sha.as_str()).copied()) {
            chain.push(info.clone());
            next = info.parents.first().map(|parent| parent.as_str().to_owned());
        }
        Ok(chain)
    }

    /// Those commits of a line that touched a file on the stack; its head stays in any case.
    fn touching(&self, chain: &[CommitInfo]) -> Result<Vec<CommitInfo>, RepairError> {
        let mut touched: BTreeSet<String> = BTreeSet::new();
        let files: BTreeSet<&str> =
            self.located.frames.iter().map(|frame| frame.file.as_str()).take(8).collect();
        for file in files {
            let Ok(path) = RepoPath::parse(file) else { continue };
            let history = self.bench.repository.history(&self.snapshot.commit, Some(&path), TOUCHED)?;
            touched.extend(history.into_iter().map(|info| info.sha.as_str().to_owned()));
        }
        let on_path = |info: &&CommitInfo| touched.contains(info.sha.as_str());
        let mut line: Vec<CommitInfo> = chain.iter().take(1).cloned().collect();
        line.extend(chain.iter().skip(1).filter(on_path).cloned());
        // The head fails in any case; only if it touched a file may it be the culprit of this line.
        if line.len() > 1 && !touched.contains(line[0].sha.as_str()) {
            line.remove(0);
        }
        Ok(line)
    }

    /// The commits that blame names and triage suspects.
    fn blamed(&self, reproduced: bool) -> Result<Vec<Sha>, RepairError> {
        let repository = &self.bench.repository;
        let mut found: Vec<Sha> = Vec::new();
        let path = |file: &str| RepoPath::parse(file).ok();
        if let Some(crash) = self.crash
            && let Some(file) = path(&crash.file)
            && let Some(info) = repository.blame(&self.snapshot.commit, &file, crash.line)?
        {
            found.push(info.sha);
        }
        if reproduced {
            found.extend(self.named.iter().filter_map(|suspect| Sha::parse(&suspect.sha).ok()));
            let mut blamed: Vec<(i64, Sha)> = Vec::new();
            for frame in self.located.frames.iter().take(3) {
                let (Some(file), Some(function)) = (path(&frame.file), &frame.definition) else { continue };
                let last = function.last_line.min(function.first_line + 60);
                let lines =
                    repository.blame_lines(&self.snapshot.commit, &file, function.first_line, last)?;
                for commit in lines.into_keys() {
                    blamed.push((repository.commit_info(&commit)?.committed, commit));
                }
            }
            // Young commits first: old code has been right for longer.
            blamed.sort_by(|a, b| b.cmp(a));
            found.extend(blamed.into_iter().map(|(_, id)| id));
        } else {
            let recent = repository.history(&self.snapshot.commit, None, RECENT)?;
            found.retain(|commit| recent.iter().any(|known| known.sha == *commit));
        }
        let mut seen = BTreeSet::new();
        found.retain(|id| seen.insert(id.clone()));
        Ok(found)
    }

    /// The whole commit undone, as far as a repair may change its files.
    fn undo_whole(&self, commit: &Sha, confirmed: bool, undos: &mut Vec<Undo>) -> Result<(), RepairError> {
        let Some(changes) = self.bench.repository.revert(commit, &self.snapshot.commit)? else {
            return Ok(());
        };
        // What the commit did to tests, pipelines and lock files stays: a repair never changes them.
        let stays = |change: &Change| match of_file(change.path.as_str(), None) {
            Permission::Refused(Refusal::Vendored | Refusal::Generated)
            | Permission::Allowed
            | Permission::NeedsApproval(_) => false,
            Permission::Refused(
                Refusal::Test | Refusal::Pipeline | Refusal::LockFile | Refusal::Licence | Refusal::Hidden,
            ) => true,
        };
        let changes: Vec<Change> = changes.into_iter().filter(|change| !stays(change)).collect();
        self.push(commit, confirmed, "", changes, undos)
    }

    /// The parts of the commit that touch the functions on the stack, undone in the file as it is now.
    fn undo_parts(&self, commit: &Sha, undos: &mut Vec<Undo>) -> Result<(), RepairError> {
        let repository = &self.bench.repository;
        let Some(parent) = repository.commit_info(commit)?.parents.first().cloned() else { return Ok(()) };
        let mut changes: Vec<Change> = Vec::new();
        let files: BTreeSet<&str> = self.located.frames.iter().map(|frame| frame.file.as_str()).collect();
        for file in files {
            let Ok(path) = RepoPath::parse(file) else { continue };
            let text = |at: &Sha| -> Result<Option<String>, RepairError> {
                let bytes = repository.read(at, &path, MAX_SOURCE as u64).unwrap_or_default();
                Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
            };
            let (Some(before), Some(after), Some(now)) =
                (text(&parent)?, text(commit)?, self.snapshot.text(file))
            else {
                continue;
            };
            let spans: Vec<(u32, u32)> = self
                .located
                .frames
                .iter()
                .filter(|frame| frame.file == file)
                .filter_map(|frame| match &frame.definition {
                    Some(found) => Some((found.first_line, found.last_line)),
                    // Of a language that is not parsed here only the line is known.
                    None if is_python(file) => None,
                    None => Some((frame.line.saturating_sub(NEAR), frame.line + NEAR)),
                })
                .collect();
            if let Some(undone) = without_parts(&before, &after, &now, &spans) {
                changes.push(Change::write(path.clone(), undone));
            }
        }
        if changes.is_empty() { Ok(()) } else { self.push(commit, true, "the part of ", changes, undos) }
    }

    fn push(
        &self,
        commit: &Sha,
        confirmed: bool,
        part: &'static str,
        changes: Vec<Change>,
        undos: &mut Vec<Undo>,
    ) -> Result<(), RepairError> {
        let info = self.bench.repository.commit_info(commit)?;
        let Some(parent) = info.parents.first() else { return Ok(()) };
        if changes.is_empty() {
            return Ok(());
        }
        let diff = self.bench.repository.diff(parent, commit)?;
        let whole = diff.files.iter().map(|file| file.added + file.removed).sum::<u64>();
        let lines = if part.is_empty() {
            usize::try_from(whole).unwrap_or(usize::MAX)
        } else {
            crate::ranking::lines_changed(&changes, &|path| self.snapshot.text(path))
        };
        let subject = info.subject.chars().filter(|c| !c.is_control()).take(120).collect();
        undos.push(Undo { commit: commit.clone(), subject, part, changes, lines, confirmed });
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passes,
    Fails,
    CannotRun,
}

/// What commits said so far.
struct Asked {
    verdicts: BTreeMap<String, Verdict>,
    runs: usize,
}

/// The next place to ask between a failing and a passing one: the middle, or what is nearest to it and not silent.
fn middle(bad: usize, good: usize, silent: &BTreeSet<usize>) -> Option<usize> {
    let half = bad + (good - bad) / 2;
    let open = (bad + 1..good).filter(|at| !silent.contains(at));
    open.min_by_key(|at| (at.abs_diff(half), *at))
}

fn suspect(info: &CommitInfo, score: f64, evidence: String) -> Suspect {
    let subject = info.subject.chars().filter(|c| !c.is_control()).take(120).collect();
    Suspect { sha: info.sha.as_str().to_owned(), subject, score, evidence, facts: Vec::new() }
}

/// A text without what a commit did to some lines of it; none if it did nothing there, or if later changes make it
/// unclear what belongs to the commit.
fn without_parts(before: &str, after: &str, now: &str, spans: &[(u32, u32)]) -> Option<String> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let mut lines: Vec<&str> = now.split_inclusive('\n').collect();
    if old.len() + new.len() > LINES {
        return None;
    }
    let mut undone = false;
    // From the end, so that the lines before keep their numbers.
    for part in capture_diff_slices(Algorithm::Myers, &old, &new).iter().rev() {
        if matches!(part, DiffOp::Equal { .. }) {
            continue;
        }
        let (was, is) = (part.old_range(), part.new_range());
        let Some(at) = place_of(&new, is.clone(), &lines) else { continue };
        let (first, last) = (at + 1, at + is.len().max(1));
        let touches = spans.iter().any(|(from, to)| first <= *to as usize && last >= *from as usize);
        if touches {
            lines.splice(at..at + is.len(), old[was].iter().copied());
            undone = true;
        }
    }
    let text: String = lines.concat();
    (undone && text != now).then_some(text)
}

/// Where some lines of a text stand in another, found with as much of their surroundings as makes them unique.
fn place_of(new: &[&str], part: std::ops::Range<usize>, lines: &[&str]) -> Option<usize> {
    for around in [3, 2, 1] {
        let from = part.start.saturating_sub(around);
        let to = (part.end + around).min(new.len());
        let wanted = &new[from..to];
        if wanted.is_empty() || wanted.len() > lines.len() {
            continue;
        }
        let mut found = lines.windows(wanted.len()).enumerate().filter(|(_, here)| *here == wanted);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => return Some(at + part.start - from),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_asked_first_and_silent_commits_are_stepped_around() {
        assert_eq!(middle(0, 8, &BTreeSet::new()), Some(4));
        assert_eq!(middle(0, 8, &BTreeSet::from([4])), Some(3));
        assert_eq!(middle(2, 4, &BTreeSet::from([3])), None);
        assert_eq!(middle(2, 3, &BTreeSet::new()), None);
    }

    const BEFORE: &str = "SIZE = 6\n\n\ndef f(x):\n    return x[:SIZE]\n\n\ndef g(x):\n    return x\n";
    const AFTER: &str = "SIZE = 7\n\n\ndef f(x):\n    return x[SIZE]\n\n\ndef g(x):\n    return x\n";

    #[test]
    fn only_the_part_on_the_stack_is_undone() {
        let undone = without_parts(BEFORE, AFTER, AFTER, &[(4, 5)]).unwrap();
        assert_eq!(undone, AFTER.replace("x[SIZE]", "x[:SIZE]"));
        assert_eq!(without_parts(BEFORE, AFTER, AFTER, &[(8, 9)]), None, "the commit did nothing there");
    }

    #[test]
    fn a_part_is_found_where_it_stands_now_and_left_alone_where_that_is_unclear() {
        let moved = format!("import os\n\n{}", AFTER.replace("SIZE = 7", "SIZE = 9"));
        let undone = without_parts(BEFORE, AFTER, &moved, &[(6, 7)]).unwrap();
        assert_eq!(undone, moved.replace("x[SIZE]", "x[:SIZE]"));
        let changed = AFTER.replace("x[SIZE]", "x[SIZE + 1]");
        assert_eq!(without_parts(BEFORE, AFTER, &changed, &[(4, 5)]), None);
        let twice = format!("{AFTER}{AFTER}");
        assert_eq!(without_parts(BEFORE, AFTER, &twice, &[(4, 5)]), None);
    }
}
