//! One verb per file.

mod answer;
mod approve;
mod audit;
mod db;
mod demo;
mod doctor;
mod inbox;
mod incidents;
mod init;
mod reject;
mod scan;
mod show;
mod status;
mod tasks;
mod trust;
mod up;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::Verb;

/// Calls the verb.
///
/// # Errors
/// What the verb fails with.
pub(crate) fn run(verb: Verb, at: &Invocation) -> Result<Done, Failure> {
    match verb {
        Verb::Init(options) => init::run(&options, at),
        Verb::Trust(options) => trust::run(&options, at),
        Verb::Up(options) => up::run(&options, at),
        Verb::Scan(options) => scan::run(&options, at),
        Verb::Status(options) => status::run(&options, at),
        Verb::Tasks(options) => tasks::run(&options, at),
        Verb::Show(options) => show::run(&options, at),
        Verb::Inbox => inbox::run(at),
        Verb::Answer(options) => answer::run(&options, at),
        Verb::Approve(options) => approve::run(&options, at),
        Verb::Reject(options) => reject::run(&options, at),
        Verb::Audit(options) => audit::run(&options, at),
        Verb::Incidents(options) => incidents::run(&options, at),
        Verb::Doctor => doctor::run(at),
        Verb::Db(options) => db::run(&options, at),
        Verb::Demo(options) => demo::run(&options, at),
    }
}
