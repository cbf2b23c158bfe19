//! Arguments of `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use groundcrew_crew::config::Span;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure
    #[command(subcommand)]
    pub(crate) action: BenchAction,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchAction {
    /// Run `fix` on cases of yours, and count the fixes that are right
    ///
    /// A case is a TOML file: a program, or a repository or package, that is wrong; tests or a log that show it; and a check that
    /// the repair does not see. docs/bench.md describes the keys.
    Repair(RepairBench),
    /// Say how many tasks this machine creates and completes each second
    ///
    /// All the rest is as in daily use: leases, the audit log, hand-offs, and commits that are on disk. The database is a new one:
    /// the file that --database names, or one in your data folder. It is taken away afterwards.
    Queue(QueueBench),
    /// Kill workers of the task engine and check what it promises
    ///
    /// Processes of this program work tasks in a new database and are killed, stopped past their lease, left without disk and
    /// without the write lock, while their clock jumps. It fails if a promise of docs/engine.md does not hold, or if too little
    /// was done to show that.
    Chaos(ChaosBench),
}

/// Arguments of `bench chaos`.
#[derive(Debug, Args)]
pub(crate) struct ChaosBench {
    /// Workers that are killed; the other faults come in proportion
    #[arg(long, value_name = "COUNT", default_value_t = 150, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) kills: u64,
    /// Makes the choices of an earlier run again
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// Arguments of `bench queue`.
#[derive(Debug, Args)]
pub(crate) struct QueueBench {
    /// Tasks that are created; each hands off another one
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = count(1..=10_000_000))]
    pub(crate) tasks: usize,
    /// Callers and workers at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: u16,
    /// Tasks in one call, where they are created in batches
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = count(1..=10_000))]
    pub(crate) batch: usize,
    /// Tasks that wait while one claim is timed; the same is timed with 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = count(1_000..=10_000_000))]
    pub(crate) backlog: usize,
}

/// A number of tasks within bounds.
fn count(range: std::ops::RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text: &str| {
        let said = || format!("write a number from {} to {}", range.start(), range.end());
        text.parse().ok().filter(|count| range.contains(count)).ok_or_else(said)
    }
}

/// Arguments of `bench repair`.
#[derive(Debug, Args)]
pub(crate) struct RepairBench {
    /// A folder with cases, or one case
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Only cases whose name or kind contains one of these
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Cases that are worked at the same time; more than one makes each slower
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: u8,
    /// Longest time for the search of one case
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = super::repair::budget)]
    pub(crate) budget: Span,
    /// Most candidates that the search of one case runs
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, value_parser = super::repair::candidates)]
    pub(crate) max_candidates: Option<usize>,
    /// Repair each case so often, and say whether all runs came to the same: the diff, the grade, and what was tried
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) repeat: u8,
    /// Let pip fetch the packages that cases name, in the sandbox with the network open
    #[arg(long)]
    pub(crate) fetch: bool,
    /// Repair nothing; only check that each right program passes, and that each wrong one fails
    #[arg(long)]
    pub(crate) check: bool,
}
