//! What a command costs before it does anything: `true` at every level that works here, by turns.
//!
//! `cargo run --release -p groundcrew-workbench --example sandbox_speed [RUNS] [FILES] [PAUSE]`: files in the work tree, and
//! milliseconds between two runs, since the kernel does some things faster when it has just done them.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program for people who measure")]

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use groundcrew_workbench::CancelToken;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use groundcrew_workbench::sandbox::{LAUNCHER_ARG, Level, Request, Sandbox, SandboxConfig, launcher_main};

/// Processor time of this process and all that it has reaped.
fn processor() -> Duration {
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .map(|who| {
            let used = getrusage(who).expect("the kernel tells");
            let micros = used.user_time() + used.system_time();
            Duration::from_micros(u64::try_from(micros.num_microseconds()).unwrap_or(0))
        })
        .sum()
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_ref().is_some_and(|arg| arg == LAUNCHER_ARG) {
        return launcher_main(args);
    }
    let number = |arg: Option<std::ffi::OsString>| arg.and_then(|arg| arg.to_str()?.parse::<usize>().ok());
    let (runs, files) = (number(first).unwrap_or(50), number(args.next()).unwrap_or(0));
    let pause = Duration::from_millis(number(args.next()).unwrap_or(0) as u64);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for file in 0..files {
        let name = folder.path().join(format!("d{}/f{file}", file % 50));
        std::fs::create_dir_all(name.parent().expect("it lies in a folder")).expect("a folder can be made");
        std::fs::write(name, "x").expect("a file can be written");
    }
    let sandboxes: Vec<Sandbox> = Level::ALL
        .into_iter()
        .filter_map(|level| {
            let config = SandboxConfig::for_this_program().expect("a program knows its own path");
            Sandbox::detect(SandboxConfig { only: Some(level), ..config }).ok()
        })
        .collect();
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); sandboxes.len() + 1];
    let mut used = vec![Duration::ZERO; sandboxes.len() + 1];
    let request = Request::new(folder.path(), ["true"]);
    for _ in 0..runs {
        let (started, before) = (Instant::now(), processor());
        Command::new("true").status().expect("true can be started");
        taken[0].push(started.elapsed());
        used[0] += processor().saturating_sub(before);
        for (number, sandbox) in sandboxes.iter().enumerate() {
            std::thread::sleep(pause);
            let (started, before) = (Instant::now(), processor());
            sandbox.run(&request, &CancelToken::new()).expect("it runs");
            taken[number + 1].push(started.elapsed());
            used[number + 1] += processor().saturating_sub(before);
        }
    }
    let names = ["bare".to_owned()].into_iter().chain(sandboxes.iter().map(|s| s.level().to_string()));
    let mut first = None;
    for (name, (mut times, used)) in names.zip(taken.into_iter().zip(used)) {
        times.sort();
        let (median, low) = (times[times.len() / 2], times[times.len() / 10]);
        if name == "strict" {
            first = Some(median);
        }
        let ratio = first.map_or_else(String::new, |strict| {
            format!("  {:.2} of strict", median.as_secs_f64() / strict.as_secs_f64())
        });
        println!(
            "{name:9} median {:6.2} ms, tenth {:6.2} ms, processor {:6.2} ms{ratio}",
            median.as_secs_f64() * 1e3,
            low.as_secs_f64() * 1e3,
            used.as_secs_f64() * 1e3 / runs as f64
        );
    }
    ExitCode::SUCCESS
}
