//! `bench chaos`: kills, stops and starves processes that work tasks, and looks after each round whether all that is promised
//! holds.
//!
//! | file | what |
//! | --- | --- |
//! | `work` | what the tasks do |
//! | `worker`, `holder` | the processes |
//! | `world` | the effects outside of the database |
//! | `conductor` | what is done to the processes, chosen by a seed |
//! | `picture`, `check` | what is there after a round, and the rules for it |

mod check;
mod conductor;
#[cfg(test)]
mod damaged;
mod figures;
mod holder;
mod picture;
mod process;
mod random;
mod work;
mod worker;
mod world;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::ChaosBench;
use crate::signals::Signals;
use conductor::{Conductor, Goals};
pub(crate) use process::{HOLDER_ARG, WORKER_ARG};

/// Runs, and says what was found.
pub(super) fn run(options: &ChaosBench, at: &Invocation, signals: &Signals) -> Result<Done, Failure> {
    let seed = options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos())
    });
    let mut ground = Ground::choose(at)?;
    let goals = Goals::of(options.kills);
    at.out.note(format!("seed {seed}: {}", goals.told()));
    let figures = Conductor::new(&ground.file, &ground.folder, seed, goals, signals, at.out)?.conduct()?;
    if let Some(done) = signals.received() {
        return Ok(done);
    }
    if at.out.is_json() {
        at.out.document(&figures)?;
    } else {
        at.out.lines(figures.lines())?;
    }
    if figures.is_sound() {
        return Ok(Done::Clean);
    }
    ground.keep();
    at.out.warn(format!(
        "what is there is kept in {} and {}; --seed {seed} makes the same choices again",
        escape::line(&ground.file.to_string_lossy()),
        escape::line(&ground.folder.to_string_lossy())
    ));
    Ok(Done::Short)
}

/// The main function of a process that a run starts: its orders stand in its only argument.
pub(crate) fn process_main(word: &str, mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let text = arguments.next().unwrap_or_default();
    let text = text.to_string_lossy();
    let ended = match word {
        WORKER_ARG => orders::<worker::Orders>(&text).and_then(|orders| Ok(worker::run(&orders)?)),
        _ => orders::<(String, u64, PathBuf)>(&text)
            .and_then(|(database, ms, told)| Ok(holder::run(&database, Duration::from_millis(ms), &told)?)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            crate::output::Output::plain().failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn orders<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::new(Kind::Usage, error.to_string()))
}

/// Where a run takes place: a new database and a folder beside it, both gone afterwards.
struct Ground {
    file: PathBuf,
    folder: PathBuf,
    whole: Option<tempfile::TempDir>,
    kept: bool,
}

impl Ground {
    fn choose(at: &Invocation) -> Result<Self, Failure> {
        let place = |folder: &Path, error: std::io::Error| {
            let folder = escape::line(&folder.to_string_lossy());
            Failure::new(Kind::Failed, format!("cannot make a folder in {folder}: {error}"))
                .hint("name a new file on a disk with space: --database sqlite:PATH")
        };
        let Some(url) = at.named_database() else {
            let data = at.data_folder()?;
            let made = std::fs::create_dir_all(&data)
                .and_then(|()| tempfile::Builder::new().prefix("chaos-").tempdir_in(&data));
            let whole = made.map_err(|error| place(&data, error))?;
            let folder = whole.path().to_owned();
            return Ok(Self { file: folder.join("chaos.db"), folder, whole: Some(whole), kept: false });
        };
        let file = groundcrew_store::file_of(url)?;
        let mut folder = file.as_os_str().to_owned();
        folder.push(".chaos");
        let folder = PathBuf::from(folder);
        if file.exists() || folder.exists() {
            let said = format!(
                "{} is there already, and a run fills its database",
                escape::line(&file.to_string_lossy())
            );
            return Err(Failure::new(Kind::Refused, said)
                .hint("name a file that is not there yet; it is taken away afterwards"));
        }
        std::fs::create_dir_all(&folder).map_err(|error| place(&folder, error))?;
        Ok(Self { file, folder, whole: None, kept: false })
    }

    /// Leaves what is there for whoever looks into it.
    fn keep(&mut self) {
        self.kept = true;
        if let Some(whole) = self.whole.take() {
            drop(whole.keep());
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.kept || self.whole.is_some() {
            return;
        }
        // What cannot be taken away stays where the user named it.
        drop(std::fs::remove_dir_all(&self.folder));
        for end in ["", "-wal", "-shm"] {
            let mut name = self.file.as_os_str().to_owned();
            name.push(end);
            drop(std::fs::remove_file(Path::new(&name)));
        }
    }
}
