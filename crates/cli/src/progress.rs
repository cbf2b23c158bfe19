//! What the crew does right now, on standard error: a line per step that is done, and on a terminal below them one live
//! line per task that runs. Never on standard output, which belongs to the result.
//!
//! Without a terminal only the lines of the steps are written; with `--quiet` nothing is. Texts are made safe here.

use std::collections::BTreeMap;
use std::time::Duration;

use groundcrew_core::log::LogEntry;
use groundcrew_core::role::Role;
use groundcrew_core::task::{Status, Task, TaskId};
use groundcrew_store::{Store, StoreError, TaskFilter};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use crate::escape;
use crate::live::step_line;
use crate::output::{Output, Style};

/// Most live lines at a time: a crew has one worker per role.
const MOST_LINES: u32 = 12;

/// Time between two drawings of a live line, so that a person sees that it lives.
const TICK: Duration = Duration::from_millis(250);

/// Longest text of a live line, in characters; the terminal's width may cut it further.
const LONGEST: usize = 200;

/// The display of a run.
pub(crate) struct Progress {
    out: Output,
    /// None where no live lines are wanted.
    screen: Option<MultiProgress>,
    bars: BTreeMap<TaskId, ProgressBar>,
    /// How far the log is read that takes long.
    reading: Option<ProgressBar>,
}

impl Progress {
    /// A display for this call.
    pub(crate) fn new(out: &Output) -> Self {
        let screen = out
            .shows_live_lines()
            .then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { out: out.on_errors(), screen, bars: BTreeMap::new(), reading: None }
    }

    /// A step that is done.
    pub(crate) fn step(&self, entry: &LogEntry) {
        self.note(&step_line(&self.out, entry));
    }

    /// A line that stays; the text is safe already.
    pub(crate) fn note(&self, text: &str) {
        self.above(|| self.out.note(text));
    }

    /// A warning that stays, also with `--quiet`; the text is safe already.
    pub(crate) fn warn(&self, text: &str) {
        self.above(|| self.out.warn(text));
    }

    /// Writes above the live lines.
    fn above(&self, write: impl FnOnce()) {
        match &self.screen {
            Some(screen) => screen.suspend(write),
            None => write(),
        }
    }

    /// Shows what the entry says as what its task does now.
    pub(crate) fn doing(&self, entry: &LogEntry) {
        if let Some(bar) = entry.task.and_then(|task| self.bars.get(&task)) {
            bar.set_message(escape::brief(&entry.message, LONGEST));
        }
    }

    /// Brings the live lines up to date with the tasks that run now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn refresh(&mut self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let Some(screen) = &self.screen else { return Ok(()) };
        let filter =
            TaskFilter { status: Some(Status::Running), limit: Some(MOST_LINES), ..TaskFilter::default() };
        let running = store.tasks(&filter)?;
        self.bars.retain(|id, bar| {
            let runs = running.iter().any(|task| task.id == *id);
            if !runs {
                bar.finish_and_clear();
                screen.remove(bar);
            }
            runs
        });
        for task in &running {
            self.bars.entry(task.id).or_insert_with(|| line(screen, &self.out, task, now));
        }
        Ok(())
    }

    /// Shows one task until [`Progress::clear`], for work that this thread does itself.
    pub(crate) fn during(&mut self, role: Role, task: TaskId, text: &str) {
        if let Some(screen) = &self.screen {
            let bar = shown(screen, &self.out, role, task, Duration::ZERO);
            bar.set_message(escape::brief(text, LONGEST));
            self.bars.insert(task, bar);
        }
    }

    /// Shows how far a log was read, how fast, and how long the rest takes.
    pub(crate) fn has_read(&mut self, name: &str, bytes: u64, of: u64) {
        let Some(screen) = &self.screen else { return };
        let bar = self.reading.get_or_insert_with(|| {
            let style = ProgressStyle::with_template(
                "{wide_msg} {bar:24} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left",
            )
            .expect("the template is one that the crate documents");
            screen.add(ProgressBar::new(of).with_style(style).with_message(escape::brief(name, LONGEST)))
        });
        // A compressed log holds more than its length.
        bar.set_length(of.max(bytes));
        bar.set_position(bytes);
    }

    /// Takes away what [`Progress::has_read`] shows.
    pub(crate) fn read_to_the_end(&mut self) {
        if let Some(bar) = self.reading.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes every live line away; what was written above them stays.
    pub(crate) fn clear(&mut self) {
        if let Some(screen) = &self.screen {
            for bar in std::mem::take(&mut self.bars).into_values() {
                bar.finish_and_clear();
                screen.remove(&bar);
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A live line for a task of the queue.
fn line(screen: &MultiProgress, out: &Output, task: &Task, now: Timestamp) -> ProgressBar {
    let since = task.lease.as_ref().map_or(now, |lease| lease.since);
    let elapsed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    let bar = shown(screen, out, task.assigned_to, task.id, elapsed);
    bar.set_message(escape::brief(&task.task_type, LONGEST));
    bar
}

fn shown(screen: &MultiProgress, out: &Output, role: Role, task: TaskId, elapsed: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {elapsed:>5}  {wide_msg}")
        .expect("the template is one that the crate documents");
    let bar = screen.add(ProgressBar::new_spinner().with_style(style).with_elapsed(elapsed));
    let who = out.paint(Style::Role(role), &format!("{role:9}"));
    bar.set_prefix(format!("{who}  {:>5}", format!("#{task}")));
    bar.enable_steady_tick(TICK);
    bar
}
