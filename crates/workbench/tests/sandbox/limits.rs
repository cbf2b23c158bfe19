//! What a command can use up, and what is left of it afterwards.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use groundcrew_core::audit::{Act, Recorder};
use groundcrew_workbench::CancelToken;
use groundcrew_workbench::sandbox::{Bound, Ended, Level, Request, Sandbox};

use crate::{python, sandboxes};

#[test]
fn a_command_reads_its_input_and_its_output_is_kept() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = Request::new(folder.path(), ["sh", "-c", "cat; echo oops >&2; exit 7"]);
        request.stdin = vec![b'x'; 300_000];
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(
            (output.ended, output.stdout.len(), output.stderr.as_slice()),
            (Ended::Exited(7), 300_000, &b"oops\n"[..])
        );
    }
}

#[test]
fn every_command_is_audited_with_its_level() {
    struct Acts(std::sync::Mutex<Vec<Act>>);
    impl Recorder for Acts {
        fn record(&self, act: Act) {
            self.0.lock().expect("no panic while held").push(act);
        }
    }
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let acts = Arc::new(Acts(std::sync::Mutex::default()));
        let request = Request::new(folder.path(), ["sh", "-c", "exit 3"]);
        let output = sandbox.with_recorder(acts.clone()).run(&request, &CancelToken::new()).expect("it runs");
        let expected = Act::CommandRun {
            argv: request.argv.clone(),
            sandbox: sandbox.level().to_string(),
            exit_code: Some(3),
            ended: "exited 3".to_owned(),
            wall_ms: u64::try_from(output.wall.as_millis()).expect("a short run"),
            limits: output.limits,
        };
        assert_eq!(*acts.0.lock().expect("no panic while held"), [expected]);
    }
}

#[test]
fn a_crash_is_told_by_its_signal() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = sandbox.run(&python(folder.path(), "import os; os.abort()"), &CancelToken::new());
        assert_eq!(output.expect("it runs").ended, Ended::Signaled(6));
    }
}

#[test]
fn a_kill_that_no_bound_accounts_for_came_from_outside() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |script: &str| {
            let output = sandbox.run(&python(folder.path(), script), &CancelToken::new()).expect("it runs");
            output.ended.is_killed_from_outside(&output.hit)
        };
        assert!(run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"));
        assert!(!run("import os; os.abort()"));
        assert!(!run("raise SystemExit(1)"));
    }
}

#[test]
fn a_command_that_ignores_being_asked_is_ended_at_its_limit() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (marker, script) = marked("trap '' TERM INT HUP; while :; do sleep 1; done");
        let mut request = Request::new(folder.path(), ["sh", "-c", &script]);
        request.limits.wall = Duration::from_millis(500);
        let started = Instant::now();
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!((output.ended, output.hit.as_slice()), (Ended::TimedOut, &[Bound::Wall][..]));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_gone(&sandbox, &marker);
    }
}

#[test]
fn a_daemon_does_not_outlive_its_command() {
    let daemon = "import os, sys, time\n\
                  if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.closerange(0, 100)\n        \
                  time.sleep(600)\n    os._exit(0)\nos.wait()\nprint('started')\n";
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (marker, script) = marked(daemon);
        let output = sandbox.run(&python(folder.path(), &script), &CancelToken::new()).expect("it runs");
        assert_eq!((output.ended, output.stdout.as_slice()), (Ended::Exited(0), &b"started\n"[..]));
        assert_gone(&sandbox, &marker);
    }
}

#[test]
fn gigabytes_of_output_are_drained_and_cut_with_flat_memory() {
    let script = "import os\nchunk = b'a' * (1 << 20)\nos.write(1, b'first')\n\
                  for _ in range(1500):\n    os.write(1, chunk)\nos.write(1, b'last')\n";
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = python(folder.path(), script);
        request.limits.output_bytes = 1 << 20;
        let before = resident();
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        let grown = resident().saturating_sub(before);
        assert_eq!((output.ended, output.truncated), (Ended::Exited(0), true));
        assert!(output.stdout.starts_with(b"first") && output.stdout.ends_with(b"last"));
        assert!(
            output.stdout.len() < (1 << 20) + 100 && grown < 32 << 10,
            "{} bytes, {grown} KiB",
            output.stdout.len()
        );
    }
}

#[test]
fn a_fork_bomb_stops_at_the_limit() {
    let bomb = "import os, time\ncount = 0\ntry:\n    while count < 500:\n        if os.fork() == 0:\n            \
                time.sleep(60)\n            os._exit(0)\n        count += 1\nexcept OSError: pass\nprint(count)\n";
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (marker, script) = marked(bomb);
        let mut request = python(folder.path(), &script);
        request.limits.processes = 40;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        let count: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert!((1..=60).contains(&count), "{count} under {}", sandbox.level());
        // Only a group tells; without one the command has to say so itself.
        if output.limits.contains("cgroup") {
            assert_eq!(output.hit, [Bound::Processes]);
        }
        assert_gone(&sandbox, &marker);
    }
}

#[test]
fn a_file_cannot_grow_past_its_limit() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nfile = open('big', 'wb', 0)\n\
                      try:\n    while True: file.write(b'x' * 65536)\nexcept OSError as error: print(error.errno)\n";
        let mut request = python(folder.path(), script);
        request.limits.file_bytes = 4 << 20;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "27\n", "{output:?}");
        assert_eq!(fs::metadata(folder.path().join("big")).expect("a file").len(), 4 << 20);
        request.argv[3] = "open('big', 'wb', 0).truncate(1 << 40)".to_owned();
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(output.hit, [Bound::FileSize], "{output:?}");
    }
}

#[test]
fn many_files_cannot_fill_the_disk() {
    let script = "import os\nfor number in range(10 ** 9):\n    os.makedirs('d%d' % (number % 50), exist_ok=True)\n    \
                  with open('d%d/f%d' % (number % 50, number), 'wb') as file: file.write(b'x' * (1 << 20))\n";
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = python(folder.path(), script);
        request.limits.disk_bytes = 64 << 20;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!((output.ended, output.hit.as_slice()), (Ended::DiskFull, &[Bound::Disk][..]));
        assert!(output.wall < Duration::from_secs(30), "{:?}", output.wall);
    }
}

#[test]
fn a_full_temporary_folder_is_told() {
    let script = "with open('/tmp/big', 'wb', 0) as file:\n    while True: file.write(b'x' * (1 << 20))\n";
    for sandbox in sandboxes().into_iter().filter(|sandbox| sandbox.level() != Level::Landlock) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = python(folder.path(), script);
        request.limits.tmp_bytes = 8 << 20;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!((output.ended, output.hit.as_slice()), (Ended::Exited(1), &[Bound::TemporaryFiles][..]));
    }
}

#[test]
fn twenty_gigabytes_of_memory_are_refused_and_told() {
    let script = "held = []\nwhile len(held) < 20 * 64: held.append(b'x' * (16 << 20))\n";
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = python(folder.path(), script);
        request.limits.memory_bytes = 256 << 20;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(output.hit, [Bound::Memory], "{output:?}");
        assert_ne!(output.ended, Ended::Exited(0));
    }
}

#[test]
fn memory_is_bounded() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "held = []\ntry:\n    for _ in range(64): held.append(b'x' * (16 << 20))\n    print('all')\n\
                      except MemoryError: print('refused')\n";
        let mut request = python(folder.path(), script);
        request.limits.memory_bytes = 256 << 20;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        let refused = output.stdout == b"refused\n" || output.ended == Ended::Signaled(9);
        assert!(refused, "{output:?}");
    }
}

#[test]
fn a_busy_command_ends_at_its_processor_time() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = python(folder.path(), "while True: pass");
        request.limits.cpu_seconds = 1;
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!((output.ended, output.hit.as_slice()), (Ended::Signaled(24), &[Bound::Processor][..]));
    }
}

#[test]
fn a_cancelled_command_ends_at_once() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (marker, script) = marked("open('up', 'w').close()\nimport time\ntime.sleep(600)\n");
        let request = python(folder.path(), &script);
        let cancel = CancelToken::new();
        let output = std::thread::scope(|scope| {
            let running = scope.spawn(|| sandbox.run(&request, &cancel).expect("it runs"));
            wait_until("the command is up", || folder.path().join("up").exists());
            cancel.cancel();
            running.join().expect("no panic")
        });
        assert_eq!(output.ended, Ended::Cancelled);
        assert!(output.wall < Duration::from_secs(30));
        assert_gone(&sandbox, &marker);
    }
}

#[test]
fn a_command_dies_with_a_killed_supervisor() {
    for sandbox in sandboxes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (marker, script) = marked("open('up', 'w').close()\nimport time\ntime.sleep(600)\n");
        let test = std::env::current_exe().expect("a path");
        let mut supervisor = Command::new(test)
            .args(["--exact", "limits::supervise", "--ignored", "--nocapture"])
            .env("SUPERVISE_LEVEL", sandbox.level().as_str())
            .env("SUPERVISE_FOLDER", folder.path())
            .env("SUPERVISE_SCRIPT", &script)
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        wait_until("the command is up", || folder.path().join("up").exists());
        assert!(alive(&marker) > 0);
        supervisor.kill().expect("it runs");
        supervisor.wait().expect("it ran");
        wait_until("everything is gone", || alive(&marker) == 0);
    }
}

#[test]
#[ignore = "the other half of a test that kills its supervisor"]
fn supervise() {
    let Some(level) = std::env::var_os("SUPERVISE_LEVEL") else { return };
    let folder = std::env::var_os("SUPERVISE_FOLDER").expect("set together");
    let script = std::env::var("SUPERVISE_SCRIPT").expect("set together");
    for sandbox in sandboxes() {
        if level == sandbox.level().as_str() {
            sandbox.run(&python(Path::new(&folder), &script), &CancelToken::new()).expect("it runs");
        }
    }
}

#[test]
fn many_commands_at_once_do_not_disturb_each_other() {
    for sandbox in sandboxes() {
        let ended: Vec<Ended> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..6)
                .map(|number| {
                    let sandbox = sandbox.clone();
                    scope.spawn(move || {
                        let folder = tempfile::tempdir().expect("a folder");
                        let script =
                            format!("import os\nos.fork() or os._exit(0)\nos.wait()\nos._exit({number})");
                        sandbox
                            .run(&python(folder.path(), &script), &CancelToken::new())
                            .expect("it runs")
                            .ended
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(ended, (0..6).map(Ended::Exited).collect::<Vec<_>>());
    }
}

/// A script with a word in it by which its processes are found in the list of the machine's.
fn marked(script: &str) -> (String, String) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let marker = format!("marker-{}-{}-end", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let script = format!("{script}\n# {marker}\n");
    (marker, script)
}

/// Processes with the marker in their arguments that still run, except those that carry it to start the command.
fn alive(marker: &str) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|arguments| String::from_utf8_lossy(arguments).contains(marker))
        .count()
}

/// The kernel may still be at the clearing up when the command's own end is told; what it ends cannot run on.
fn assert_gone(sandbox: &Sandbox, marker: &str) {
    wait_until(&format!("{} leaves no process behind", sandbox.level()), || alive(marker) == 0);
}

fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited too long until {what}");
        std::thread::yield_now();
    }
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
