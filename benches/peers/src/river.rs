//! River for Rust, with its shortest wait between two fetches: with the default of 100 ms that is all that is measured.

use std::path::Path;
use std::time::{Duration, Instant};

use riverqueue::migrate::SqliteMigrator;
use riverqueue::{Client, Job, JobArgs, QueueConfig, WorkContext, WorkOutcome, Workers};
use serde::{Deserialize, Serialize};

use crate::{BATCH, CALLERS, Fault, Rates, drained, pool, rate, synchronous};

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "nothing")]
struct Nothing {
    n: usize,
}

/// Measures it with so many workers.
pub async fn measure(name: &'static str, file: &Path, tasks: usize, workers: usize) -> Result<Rates, Fault> {
    let pool = pool(file, 16).await?;
    SqliteMigrator::new(pool.clone()).migrate_up().await?;
    let inserts = Client::builder(pool.clone()).build()?;
    let began = Instant::now();
    together(|caller| {
        let client = inserts.clone();
        async move {
            for n in (caller..tasks).step_by(CALLERS) {
                client.insert(Nothing { n }).await?;
            }
            Ok(())
        }
    })
    .await?;
    let enqueue_per_s = rate(tasks, began);
    let began = Instant::now();
    together(|caller| {
        let client = inserts.clone();
        async move {
            for from in (caller * BATCH..tasks).step_by(CALLERS * BATCH) {
                client.insert_many((from..tasks.min(from + BATCH)).map(|n| Nothing { n })).await?;
            }
            Ok(())
        }
    })
    .await?;
    let enqueue_batch_per_s = rate(tasks, began);
    let mut work = Workers::new();
    work.add_fn(|_: WorkContext, _: Job<Nothing>| async { Ok::<_, std::io::Error>(WorkOutcome::Complete) })?;
    let wait = Duration::from_millis(1);
    let client = Client::builder(pool.clone())
        .workers(work)
        .fetch_cooldown(wait)
        .queue("default", QueueConfig::new(workers).with_fetch_poll_interval(wait))
        .build()?;
    let began = Instant::now();
    let mut run = client.start()?;
    let drain_per_s =
        drained(&pool, "SELECT count(*) FROM river_job WHERE state = 'completed'", 2 * tasks, began).await?;
    run.stop().await?;
    let synchronous = synchronous(&pool).await?;
    pool.close().await;
    Ok(Rates { name, enqueue_per_s, enqueue_batch_per_s, drain_per_s, synchronous })
}

async fn together<F>(work: impl Fn(usize) -> F) -> Result<(), Fault>
where
    F: Future<Output = Result<(), riverqueue::Error>> + Send + 'static,
{
    let callers: Vec<_> = (0..CALLERS).map(|caller| tokio::spawn(work(caller))).collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}
