//! The launcher: a fresh single-threaded process that gives up its rights and becomes the command.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};

use super::order::{self, Order};
use super::{Level, builtin, confine, identity, init, service, strict};

/// Runs this process as the launcher of one sandboxed command; for a program started with
/// [`LAUNCHER_ARG`](super::LAUNCHER_ARG), with the arguments after it. Must be called before any thread is started.
pub fn launcher_main(args: impl Iterator<Item = OsString>) -> ExitCode {
    umask(Mode::from_bits_truncate(0o022));
    let args: Vec<OsString> = args.collect();
    if args.first().is_some_and(|arg| arg == init::INIT) {
        let rest: Vec<String> = args[1..].iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        return init::init(&rest);
    }
    close_inherited();
    if args.first().is_some_and(|arg| arg == service::RELAY) {
        let rest: Vec<String> = args[1..].iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        return service::relay(&rest);
    }
    let Some(run_dir) = args.first().map(Path::new).filter(|path| path.is_absolute()) else {
        return ExitCode::from(125);
    };
    let Ok(mut status) = order::open_status(run_dir) else { return ExitCode::from(125) };
    let outer = args.get(1).and_then(|arg| arg.to_str()).and_then(|arg| arg.parse().ok());
    match launch(run_dir, outer, &mut status) {
        Ok(code) => code,
        Err(message) => {
            order::report_failure(&mut status, &message);
            ExitCode::from(125)
        }
    }
}

fn launch(run_dir: &Path, outer: Option<u32>, status: &mut File) -> Result<ExitCode, String> {
    let order = Order::read(run_dir)?;
    if let Some(outer) = outer {
        confine::inner(&order, run_dir, outer)?;
        return Ok(ExitCode::SUCCESS);
    }
    match order.level {
        Level::Strict => {
            identity::die_with_parent(order.supervisor, Signal::SIGKILL)?;
            strict::exec(&order, run_dir, status)?;
            Ok(ExitCode::SUCCESS)
        }
        Level::Builtin => builtin::outer(&order, run_dir, status),
        Level::Landlock => confine::outer(&order, run_dir, status),
    }
}

/// Closes what the supervisor, or whoever started it, forgot to; the command must not find it open.
fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2).collect::<Vec<_>>() {
        // The one the list was read from is closed already.
        nix::unistd::close(number).ok();
    }
}
