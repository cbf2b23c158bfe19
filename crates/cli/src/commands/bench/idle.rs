//! What a crew costs that has nothing to do: a whole one, on an empty database of its own, in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_crew::brain::Rules;
use groundcrew_crew::supervisor::{Crew, Terms};
use groundcrew_crew::tools::Tools;
use groundcrew_store::Store;

use super::queue::Place;
use crate::failure::{Failure, Kind};
use crate::invocation::{Invocation, no_sandbox};

/// Time for what a crew does when it starts.
const SETTLING: Duration = Duration::from_millis(500);
/// Time that is measured.
const WINDOW: Duration = Duration::from_secs(2);

/// The share of one core, in percent; none where the system does not tell.
pub(super) fn cpu_percent(at: &Invocation, place: &Place) -> Result<Option<f64>, Failure> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(place.folder()).map_err(|error| {
        Failure::new(Kind::Failed, format!("cannot make a folder for an idle crew: {error}"))
    })?;
    let file = folder.path().join("idle.db");
    let url = format!("sqlite:{}", file.display());
    let store: Arc<dyn Store> = groundcrew_store::open(&url, groundcrew_store::Options::default())?;
    let tools = Tools::new(store, Err(no_sandbox()), at.trust()?, folder.path().join("work"))?;
    let crew = Crew::start(tools, Box::new(Rules), Terms::default())?;
    std::thread::sleep(SETTLING);
    let (began, before) = (Instant::now(), cpu_time());
    std::thread::sleep(WINDOW);
    let (took, after) = (began.elapsed(), cpu_time());
    crew.stop();
    let used = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    Ok(used.map(|used| 100.0 * used.as_secs_f64() / took.as_secs_f64()))
}

/// Time that the threads of this process have run.
fn cpu_time() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for thread in std::fs::read_dir(Path::new("/proc/self/task")).ok()? {
        // One that has ended meanwhile takes what it used with it.
        let Ok(told) = std::fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        sum += Duration::from_nanos(told.split_whitespace().next()?.parse().ok()?);
    }
    Some(sum)
}
