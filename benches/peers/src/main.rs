//! Other task queues on SQLite beside `groundcrew bench queue`, in one run on one disk, under one rule: a write-ahead log
//! with `synchronous = FULL`, 16 callers, tasks that do nothing.
//!
//! Absolute figures move with the disk and with what else a machine does, so the ratios are what counts. The peers write no audit
//! log and no hand-off; ours does.

mod apalis_sqlite_queue;
mod river;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// What may go wrong, told as it is.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Callers and workers at the same time.
pub const CALLERS: usize = 16;
/// Tasks of one call where they are created in batches.
pub const BATCH: usize = 100;
/// What a drain may take; its rate is taken at the end of it.
const LONGEST: Duration = Duration::from_secs(20);

/// The rates of one queue, each in tasks a second.
#[derive(Debug, Serialize)]
pub struct Rates {
    name: &'static str,
    enqueue_per_s: f64,
    enqueue_batch_per_s: f64,
    drain_per_s: f64,
    /// 2 is FULL.
    synchronous: i64,
}

/// Opens a new database under the rule.
pub async fn pool(file: &Path, connections: u32) -> Result<SqlitePool, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    Ok(SqlitePoolOptions::new().max_connections(connections).connect_with(options).await?)
}

/// What the connection waits for at a commit.
pub async fn synchronous(pool: &SqlitePool) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("PRAGMA synchronous").fetch_one(pool).await?)
}

/// Tasks each second.
pub fn rate(tasks: usize, since: Instant) -> f64 {
    tasks as f64 / since.elapsed().as_secs_f64()
}

/// Waits until so many ended, as the database says, or time is up; gives how many each second. A handler that has run is not
/// enough: some peers write its end later.
pub async fn drained(
    pool: &SqlitePool,
    count: &'static str,
    tasks: usize,
    since: Instant,
) -> Result<f64, Fault> {
    loop {
        let ended: i64 = sqlx::query_scalar(count).fetch_one(pool).await?;
        let ended = usize::try_from(ended)?;
        if ended >= tasks || since.elapsed() > LONGEST {
            return Ok(rate(ended, since));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `peers PROGRAM [TASKS]`
#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1);
    let (Some(program), tasks) = (arguments.next(), arguments.next()) else {
        return Err("say where the program is, and how many tasks: peers PROGRAM [TASKS]".into());
    };
    let tasks: usize = tasks.map_or(Ok(5_000), |tasks| tasks.parse())?;
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let ours = groundcrew(&PathBuf::from(program), &folder.path().join("ours.db"), tasks)?;
    let river = river::measure("river", &folder.path().join("river.db"), tasks, CALLERS).await?;
    let many = river::measure("river, 1000 workers", &folder.path().join("many.db"), tasks, 1_000).await?;
    let apalis = apalis_sqlite_queue::measure(&folder.path().join("apalis.db"), tasks).await?;
    println!("{:<22} {:>12} {:>14} {:>12}", "tasks a second", "one by one", "in batches", "drained");
    for rates in [&ours, &river, &many, &apalis] {
        let (one, batch, drain) = (rates.enqueue_per_s, rates.enqueue_batch_per_s, rates.drain_per_s);
        println!("{:<22} {one:>12.0} {batch:>14.0} {drain:>12.0}", rates.name);
    }
    for peer in [river, many, apalis] {
        let times = |ours: f64, theirs: f64| (ours / theirs * 10.0).round() / 10.0;
        let line = json!({
            "peer": peer,
            "times": {
                "enqueue": times(ours.enqueue_per_s, peer.enqueue_per_s),
                "enqueue_batch": times(ours.enqueue_batch_per_s, peer.enqueue_batch_per_s),
                "drain": times(ours.drain_per_s, peer.drain_per_s),
            },
        });
        println!("{line}");
    }
    Ok(())
}

/// Runs our own measurement as a user would.
fn groundcrew(program: &Path, file: &Path, tasks: usize) -> Result<Rates, Fault> {
    let output = Command::new(program)
        .args(["bench", "queue", "--json", "--backlog", "1000", "--tasks", &tasks.to_string()])
        .args(["--workers", &CALLERS.to_string(), "--batch", &BATCH.to_string()])
        .arg("--database")
        .arg(format!("sqlite:{}", file.display()))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    let number = |field: &str| figures[field].as_f64().ok_or(format!("bench queue names no {field}"));
    Ok(Rates {
        name: "groundcrew",
        enqueue_per_s: number("enqueue_per_s")?,
        enqueue_batch_per_s: number("enqueue_batch_per_s")?,
        drain_per_s: number("drain_per_s")?,
        synchronous: if figures["synchronous"] == "full" { 2 } else { 1 },
    })
}
