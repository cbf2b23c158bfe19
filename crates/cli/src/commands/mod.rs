//! One verb per file.

mod agents;
mod answer;
mod approve;
mod audit;
mod bench;
mod completions;
mod db;
mod demo;
mod doctor;
mod fix;
mod inbox;
mod incidents;
mod init;
mod limits;
mod logs;
mod man;
mod messages;
mod new;
mod pause;
mod reject;
mod scan;
mod schedules;
mod schema;
mod show;
mod signals;
mod status;
mod tasks;
mod trust;
pub(crate) mod up;
mod verify;
mod workers;

use crate::failure::{Done, Failure};
use crate::invocation::Invocation;
use crate::options::Verb;
pub(crate) use bench::chaos;

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
        Verb::Fix(options) => fix::run(&options, at),
        Verb::Bench(options) => bench::run(&options, at),
        Verb::Verify(options) => verify::run(&options, at),
        Verb::Inbox => inbox::run(at),
        Verb::Answer(options) => answer::run(&options, at),
        Verb::Approve(options) => approve::run(&options, at),
        Verb::Reject(options) => reject::run(&options, at),
        Verb::Audit(options) => audit::run(&options, at),
        Verb::Logs(options) => logs::run(&options, at),
        Verb::Incidents(options) => incidents::run(&options, at),
        Verb::Doctor => doctor::run(at),
        Verb::Db(options) => db::run(&options, at),
        Verb::Demo(options) => demo::run(&options, at),
        Verb::Messages(options) => messages::run(&options, at),
        Verb::New(options) => new::run(&options, at),
        Verb::Schedules(options) => schedules::run(&options, at),
        Verb::Signals(options) => signals::run(&options, at),
        Verb::Agents => agents::run(at),
        Verb::Workers => workers::run(at),
        Verb::Pause(options) => pause::pause(&options, at),
        Verb::Resume(options) => pause::resume(&options, at),
        Verb::Limits(options) => limits::run(&options, at),
        Verb::Schema(options) => schema::run(&options, at),
        Verb::Completions(options) => completions::run(&options, at),
        Verb::Man(options) => man::run(&options, at),
    }
}
