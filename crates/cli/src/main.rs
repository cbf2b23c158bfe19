//! The `groundcrew` command: reads the command line, calls one verb, and turns what came of it into an exit code.
//!
//! Everything a person sees goes through [`output`], every failure through [`failure`], every path and address through
//! [`invocation`]. A verb is one file in `commands/`.

mod catalogue;
mod commands;
mod escape;
mod evidence;
mod failure;
mod invocation;
mod judgement;
mod live;
mod oneshot;
mod options;
mod output;
mod page;
mod progress;
mod settings;
mod settling;
mod signals;
mod table;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use groundcrew_workbench::sandbox::{LAUNCHER_ARG, launcher_main};
use mimalloc::MiMalloc;

use crate::commands::chaos::{HOLDER_ARG, WORKER_ARG, process_main};
use crate::failure::{Failure, Kind};
use crate::invocation::{Environment, Invocation};
use crate::options::Options;
use crate::output::Output;

/// Records are made and dropped by the million; an allocator made for that reads a log of errors a third faster.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // The sandbox starts this program again, and so does a test of kills; that must come before any thread and any flag.
    match arguments.next().as_deref().and_then(OsStr::to_str) {
        Some(LAUNCHER_ARG) => return launcher_main(arguments),
        Some(word @ (WORKER_ARG | HOLDER_ARG)) => return process_main(word, arguments),
        Some(_) | None => {}
    }
    let environment = Environment::read();
    let parsed = catalogue::command().try_get_matches();
    match parsed.and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => run(options, environment),
        Err(error) => usage(&error),
    }
}

fn run(options: Options, environment: Environment) -> ExitCode {
    let output = Output::new(&options.global, &environment);
    let at = Invocation::new(options.global, environment, output);
    let done = settings::settled(&options.verb, at).and_then(|at| commands::run(options.verb, &at));
    match done {
        Ok(done) => ExitCode::from(done.exit_code()),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// What clap has to say: help and version on standard output, a mistake on standard error, as JSON where that was asked.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that went away has seen enough.
        drop(error.print());
        return ExitCode::SUCCESS;
    }
    let json = std::env::args_os().skip(1).any(|argument| argument == "--json");
    if json {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        Output::plain().json_failure(&Failure::new(Kind::Usage, text));
    } else {
        drop(error.print());
    }
    ExitCode::from(Kind::Usage.exit_code())
}
