//! Records what a process writes to the files of a folder, what it syncs, and what it says, in the order in which it does so.
//!
//! The process is traced as a debugger does it (Linux, x86-64), so that what is recorded is what the kernel was asked for and no
//! layer between SQLite and the disk had to be built for the test.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Something that a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Wrote bytes at a place of a file.
    Write(PathBuf, u64, Vec<u8>),
    /// Set the length of a file.
    Truncate(PathBuf, u64),
    /// Waited until a file is on disk.
    Sync(PathBuf),
    /// Took a file away.
    Remove(PathBuf),
    /// Wrote to its standard output.
    Say(Vec<u8>),
}

/// Runs a program to its end and gives what it did beneath a folder.
///
/// # Errors
/// The system does not let one process trace another.
#[expect(clippy::zombie_processes, reason = "the tracer waits for it, with all its threads")]
pub(crate) fn record(program: &mut Command, folder: &Path) -> nix::Result<Vec<Act>> {
    let child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let main = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    trace_threads(main, options)?;
    // Whoever is recorded waits for this before it opens anything.
    std::fs::write(folder.join("go"), "").unwrap();
    let mut tracer = Tracer { main, folder: folder.to_owned(), memory: memory(main), acts: Vec::new() };
    // Its output is read here, so that it never waits for a reader; what it said is taken from the calls themselves.
    let mut out = child.stdout.unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    tracer.follow()?;
    drop(reader.join());
    Ok(tracer.acts)
}

/// Traces the threads that are there; each traces those that it starts.
fn trace_threads(main: Pid, options: Options) -> nix::Result<()> {
    let mut known = BTreeSet::new();
    loop {
        let threads = std::fs::read_dir(format!("/proc/{main}/task")).unwrap();
        let threads = threads.map(|thread| thread.unwrap().file_name().to_str().unwrap().parse().unwrap());
        let new: Vec<i32> = threads.filter(|thread| !known.contains(thread)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for thread in new {
            let traced = ptrace::seize(Pid::from_raw(thread), options);
            match traced {
                Ok(()) => ptrace::interrupt(Pid::from_raw(thread))?,
                // One that another has started is traced already.
                Err(_) if !known.is_empty() => {}
                Err(error) => return Err(error),
            }
            known.insert(thread);
        }
    }
}

fn memory(process: Pid) -> File {
    File::open(format!("/proc/{process}/mem")).unwrap()
}

struct Tracer {
    main: Pid,
    folder: PathBuf,
    memory: File,
    acts: Vec<Act>,
}

/// What the kernel says of a thread that has done a call (`PTRACE_SYSCALL_INFO_EXIT`).
const AT_EXIT: u8 = 2;
// Numbers of calls on x86-64.
const WRITE: u64 = 1;
const PWRITE64: u64 = 18;
const FSYNC: u64 = 74;
const FDATASYNC: u64 = 75;
const FTRUNCATE: u64 = 77;
const UNLINK: u64 = 87;

impl Tracer {
    fn follow(&mut self) -> nix::Result<()> {
        loop {
            let status = match waitpid(None::<Pid>, Some(WaitPidFlag::__WALL)) {
                Ok(status) => status,
                Err(nix::errno::Errno::ECHILD) => return Ok(()),
                Err(error) => return Err(error),
            };
            let (thread, pass_on) = match status {
                WaitStatus::Exited(id, _) | WaitStatus::Signaled(id, _, _) => {
                    if id == self.main {
                        return Ok(());
                    }
                    continue;
                }
                WaitStatus::PtraceSyscall(id) => {
                    self.step(id);
                    (id, None)
                }
                WaitStatus::PtraceEvent(id, ..) => (id, None),
                WaitStatus::Stopped(id, signal) => {
                    (id, Some(signal).filter(|signal| !matches!(signal, Signal::SIGTRAP | Signal::SIGSTOP)))
                }
                WaitStatus::Continued(_) | WaitStatus::StillAlive => continue,
            };
            // A thread may have been ended meanwhile.
            ptrace::syscall(thread, pass_on).ok();
        }
    }

    /// Each call stops its thread twice: as it is asked for, and when it is done, with what was asked for still there.
    fn step(&mut self, thread: Pid) {
        let Ok(info) = ptrace::syscall_info(thread) else { return };
        let Ok(registers) = ptrace::getregs(thread) else { return };
        let Ok(done) = u64::try_from(registers.rax.cast_signed()) else { return };
        if info.op != AT_EXIT {
            return;
        }
        let (first, second, fourth) = (registers.rdi, registers.rsi, registers.r10);
        match registers.orig_rax {
            WRITE if first == 1 => {
                let said = self.bytes(second, done);
                self.acts.push(Act::Say(said));
            }
            PWRITE64 => {
                if let Some(path) = self.path(thread, first) {
                    let bytes = self.bytes(second, done);
                    self.acts.push(Act::Write(path, fourth, bytes));
                }
            }
            FSYNC | FDATASYNC => {
                self.acts.extend(self.path(thread, first).map(Act::Sync));
            }
            FTRUNCATE => {
                self.acts.extend(self.path(thread, first).map(|path| Act::Truncate(path, second)));
            }
            UNLINK => {
                let name = self.bytes(first, 4096);
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                let path = PathBuf::from(String::from_utf8_lossy(&name[..end]).into_owned());
                if path.starts_with(&self.folder) {
                    self.acts.push(Act::Remove(path));
                }
            }
            _ => {}
        }
    }

    /// The file behind a number of the process, where it lies beneath the folder.
    fn path(&self, thread: Pid, number: u64) -> Option<PathBuf> {
        let path = std::fs::read_link(format!("/proc/{thread}/fd/{number}")).ok()?;
        path.starts_with(&self.folder).then_some(path)
    }

    /// Bytes of the process's memory, as many as there are.
    fn bytes(&self, from: u64, count: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(count).unwrap()];
        let mut done = 0;
        while done < bytes.len() {
            match self.memory.read_at(&mut bytes[done..], from + u64::try_from(done).unwrap()) {
                Ok(0) | Err(_) => break,
                Ok(more) => done += more,
            }
        }
        bytes.truncate(done);
        bytes
    }
}
