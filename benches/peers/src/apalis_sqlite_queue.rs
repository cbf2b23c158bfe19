//! apalis on SQLite. Its setup turns syncing off on the connection that it gets, so there is one, and it is turned on again.

use std::path::Path;
use std::time::{Duration, Instant};

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use futures::stream;

use crate::{BATCH, CALLERS, Fault, Rates, drained, pool, rate, synchronous};

/// Measures it with batches of 100 and a poll every 5 ms: by default it takes 10 and polls less often.
pub async fn measure(file: &Path, tasks: usize) -> Result<Rates, Fault> {
    let pool = pool(file, 1).await?;
    SqliteStorage::setup(&pool).await?;
    sqlx::query("PRAGMA synchronous = FULL").execute(&pool).await?;
    let config = Config::default().queue("bench").batch_size(BATCH);
    let storage: SqliteStorage<u64> = SqliteStorage::new(&pool).with_config(config);
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let mut storage = storage.clone();
            tokio::spawn(async move {
                for _ in (caller..tasks).step_by(CALLERS) {
                    storage.push(1).await?;
                }
                Ok::<_, Fault>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let enqueue_per_s = rate(tasks, began);
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let mut storage = storage.clone();
            tokio::spawn(async move {
                for from in (caller * BATCH..tasks).step_by(CALLERS * BATCH) {
                    let many = tasks.min(from + BATCH) - from;
                    storage.push_bulk(vec![1; many]).await?;
                }
                Ok::<_, Fault>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let enqueue_batch_per_s = rate(tasks, began);
    let strategy = Strategy::new().stream(stream::pending::<()>()).interval(Duration::from_millis(5));
    let worker = WorkerBuilder::new("bench")
        .backend(storage.poll_with_strategy(strategy))
        .concurrency(CALLERS)
        .build(|_: u64| async { Ok::<(), BoxDynError>(()) });
    let began = Instant::now();
    let running = tokio::spawn(worker.run());
    let drain_per_s =
        drained(&pool, "SELECT count(*) FROM Jobs WHERE status = 'Done'", 2 * tasks, began).await?;
    running.abort();
    let synchronous = synchronous(&pool).await?;
    Ok(Rates { name: "apalis-sqlite", enqueue_per_s, enqueue_batch_per_s, drain_per_s, synchronous })
}
