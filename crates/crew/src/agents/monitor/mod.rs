//! The monitor: reads logs, watches what becomes of errors, checks the service and the crew itself.
//!
//! | file | what |
//! | --- | --- |
//! | `scan` | reads logs and groups their errors |
//! | `gather` | what the steps of a scan add up to |
//! | `flood` | how many new kinds of errors a source may bring |
//! | `releases` | which release wrote a record |
//! | `originals` | frames of minified JavaScript as they were written |
//! | `mining` | which kinds of lines a source writes |
//! | `lines` | which of these are worth a word |
//! | `watch` | notices errors that burst, return or are gone, and logs that fell silent |
//! | `trends` | decides which, from counts alone |
//! | `released` | whether an approved fix is in the released code |
//! | `health` | checks of the crew itself |
//! | `service` | checks of the service that the settings name |

mod flood;
mod gather;
mod health;
mod lines;
mod mining;
mod originals;
mod released;
mod releases;
mod scan;
mod service;
mod trends;
mod watch;

use groundcrew_core::contract::task_type::{CHECK_HEALTH, SCAN_LOGS, WATCH_INCIDENTS};
use groundcrew_core::role::Role;

use crate::agent::{Agent, Ending, Job, Trouble};

/// The monitor.
pub(super) struct Monitor;

impl Agent for Monitor {
    fn role(&self) -> Role {
        Role::Monitor
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[SCAN_LOGS, WATCH_INCIDENTS, CHECK_HEALTH]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        match job.task.task_type.as_str() {
            CHECK_HEALTH => health::check_health(job),
            WATCH_INCIDENTS => watch::watch_incidents(job),
            _ => scan::scan_logs(job),
        }
    }
}
