//! Arguments of `db` and `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use groundcrew_store::Before;
use jiff::{Span, SpanRelativeTo};

use super::work::moment;

/// Arguments of `db`.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: DbAction,
}

/// What to do with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbAction {
    /// Make it, or bring its schema up to date
    Migrate {
        /// Only name what would be applied
        #[arg(long)]
        dry_run: bool,
    },
    /// Find what is damaged or contradicts itself; nothing is changed
    Check,
    /// Copy it into a new file while the crew works
    ///
    /// To restore, stop the crew, move the database and its -wal and -shm files away, and put the copy in its place.
    Backup {
        /// The file that is made; one that is there is never overwritten
        file: PathBuf,
    },
    /// How large it is, what waits in it, what has become of the work
    Stats,
    /// Archive finished workflows and delete them
    ///
    /// A workflow stays whole while one of its tasks is open or young, its incident is not over, or it asks you
    /// something.
    Prune(PruneOptions),
}

/// Arguments of `db prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneOptions {
    /// Workflows that ended so long ago, as 90d, or before this day (UTC), as 2026-01-31; the last 24 hours always stay
    #[arg(long, value_name = "AGE|DATE", value_parser = before)]
    pub(crate) before: Before,
    /// The file that all rows are appended to first, as JSON Lines
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) archive: Option<PathBuf>,
    /// Only count what would be pruned
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Audit {
    /// What to do with the log; without it the newest entries are shown
    #[command(subcommand)]
    pub(crate) action: Option<AuditAction>,
    /// Which entries.
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// Go on with what is written from now, as `audit follow`
    #[arg(long)]
    pub(crate) follow: bool,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Show the newest entries, and go on with what is written from now
    Follow(Shown),
    /// Compare the log with its seals
    Verify {
        /// Also ask for the seal of this hash, which you noted elsewhere
        #[arg(long, value_name = "HASH")]
        noted: Option<String>,
    },
}

/// Which entries of the audit log are shown.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    /// Only of this task
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<i64>,
    /// Only of this agent, or of `system` or `user`
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// The newest so many
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

/// An age or a moment.
fn before(text: &str) -> Result<Before, String> {
    if let Some(moment) = moment(text) {
        return Ok(Before::Moment(moment));
    }
    let expected = || "write an age such as 90d, 2w or 12h, or a day such as 2026-01-31".to_owned();
    let span: Span = text.parse().map_err(|_| expected())?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| expected())?;
    if age.is_negative() {
        return Err(expected());
    }
    Ok(Before::Ago(age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn an_age_or_a_day_is_understood_and_nothing_else() {
        let hours = |hours| Ok(Before::Ago(SignedDuration::from_hours(hours)));
        assert_eq!(before("12h"), hours(12));
        assert_eq!(before("90d"), hours(90 * 24));
        assert_eq!(before("2w"), hours(14 * 24));
        assert_eq!(before("2026-01-31"), Ok(Before::Moment("2026-01-31T00:00:00Z".parse().unwrap())));
        let moment = "2026-01-31T10:00:00+02:00";
        assert_eq!(before(moment), Ok(Before::Moment("2026-01-31T08:00:00Z".parse().unwrap())));
        for wrong in ["", "90", "1y", "2mo", "-3d", "yesterday", "2026-13-01"] {
            assert!(before(wrong).unwrap_err().contains("90d"), "{wrong}");
        }
    }
}
