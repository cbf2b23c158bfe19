//! Waits for one child: feeds it, drains what it prints, and ends it at a limit.
//!
//! One loop over `poll` in the calling thread instead of reader threads, so that a child that closes nothing,
//! prints for ever or ignores its input can neither block us nor grow our memory.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a wait may take to notice a cancelled token or an ended child, in milliseconds.
const TICK_MS: u16 = 20;

/// Tells running commands to stop; clones share one switch that is never switched back.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// Ends every command that runs under this token, now and later.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What is kept of a stream: its first and its last bytes.
#[derive(Debug)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    half: usize,
    total: u64,
}

impl Kept {
    pub(crate) fn new(cap: usize) -> Kept {
        Kept { head: Vec::new(), tail: Vec::new(), half: cap.div_ceil(2), total: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.half - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        // Cut only when twice the half is held, so that each byte is moved at most once on average.
        if self.tail.len() > 2 * self.half {
            self.tail.drain(..self.tail.len() - self.half);
        }
    }

    /// Bytes the child printed, kept or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The kept bytes; where some are missing, a line in the middle says how many.
    pub(crate) fn finish(mut self) -> (Vec<u8>, bool) {
        if self.tail.len() > self.half {
            self.tail.drain(..self.tail.len() - self.half);
        }
        let missing = self.total - (self.head.len() + self.tail.len()) as u64;
        if missing > 0 {
            self.head.extend_from_slice(format!("\n[{missing} bytes left out]\n").as_bytes());
        }
        self.head.extend_from_slice(&self.tail);
        (self.head, missing > 0)
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The child ended by itself.
    Ended(ExitStatus),
    /// The wall-clock limit passed; the child was ended.
    TimedOut,
    /// The token was cancelled; the child was ended.
    Cancelled,
    /// A stream printed more than `flood` bytes; the child was ended.
    Flooded,
    /// Whoever looks on said so; the child was ended.
    Stopped,
}

/// What the child did.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) stop: Stop,
    pub(crate) stdout: Kept,
    pub(crate) stderr: Kept,
    pub(crate) wall: Duration,
}

/// The limits of one wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Wall clock.
    pub(crate) wall: Duration,
    /// Bytes kept of each stream.
    pub(crate) keep: usize,
    /// Bytes of one stream at which the child is ended; none drains for ever.
    pub(crate) flood: Option<u64>,
    /// How long a child may go on after it was asked to end, before it is killed; zero kills at once.
    pub(crate) grace: Duration,
}

/// Feeds `input` to the child and drains it until it ends or a limit ends it.
pub(crate) fn wait(
    child: Child,
    input: &[u8],
    patience: Patience,
    cancel: &CancelToken,
) -> io::Result<Waited> {
    wait_watched(child, input, patience, cancel, &mut || false)
}

/// As [`wait`], and ends the child when `stop`, which is asked many times a second, says so.
pub(crate) fn wait_watched(
    mut child: Child,
    input: &[u8],
    patience: Patience,
    cancel: &CancelToken,
    stop: &mut dyn FnMut() -> bool,
) -> io::Result<Waited> {
    let outcome = watch(&mut child, input, patience, cancel, stop);
    if outcome.is_err() {
        // An error here must not leave a child behind; it is reaped so that no zombie stays either.
        child.kill().ok();
        child.wait().ok();
    }
    outcome
}

struct Streams<O, E> {
    stdin: Option<ChildStdin>,
    stdout: Option<O>,
    stderr: Option<E>,
    out: Kept,
    err: Kept,
    /// How long the next look at a child with closed streams waits, in milliseconds.
    nap: u16,
}

fn watch(
    child: &mut Child,
    input: &[u8],
    patience: Patience,
    cancel: &CancelToken,
    stop: &mut dyn FnMut() -> bool,
) -> io::Result<Waited> {
    let started = Instant::now();
    let mut streams = Streams {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
        out: Kept::new(patience.keep),
        err: Kept::new(patience.keep),
        nap: 1,
    };
    if let Some(pipe) = &streams.stdin {
        nonblocking(pipe)?;
    }
    if let Some(pipe) = &streams.stdout {
        nonblocking(pipe)?;
    }
    if let Some(pipe) = &streams.stderr {
        nonblocking(pipe)?;
    }
    let mut left = input;
    let ended = loop {
        streams.turn(&mut left)?;
        if let Some(status) = child.try_wait()? {
            break Stop::Ended(status);
        }
        let flooded = patience.flood.is_some_and(|cap| streams.out.total().max(streams.err.total()) > cap);
        let why = if flooded {
            Stop::Flooded
        } else if cancel.is_cancelled() {
            Stop::Cancelled
        } else if started.elapsed() >= patience.wall {
            Stop::TimedOut
        } else if stop() {
            Stop::Stopped
        } else {
            continue;
        };
        end(child, &mut streams, patience.grace)?;
        break why;
    };
    let wall = started.elapsed();
    streams.stdin = None;
    streams.drain(Duration::from_secs(2))?;
    Ok(Waited { stop: ended, stdout: streams.out, stderr: streams.err, wall })
}

fn end<O: Read + AsFd, E: Read + AsFd>(
    child: &mut Child,
    streams: &mut Streams<O, E>,
    grace: Duration,
) -> io::Result<()> {
    if !grace.is_zero() {
        // The pid is still ours: the child was not reaped yet.
        let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        let asked = Instant::now();
        while asked.elapsed() < grace {
            streams.turn(&mut &[][..])?;
            if child.try_wait()?.is_some() {
                return Ok(());
            }
        }
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

impl<O: Read + AsFd, E: Read + AsFd> Streams<O, E> {
    /// One look at every open stream, waiting a tick at most.
    fn turn(&mut self, left: &mut &[u8]) -> io::Result<()> {
        if left.is_empty() {
            self.stdin = None;
        }
        let mut fds = Vec::with_capacity(3);
        if let Some(pipe) = &self.stdin {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        }
        if let Some(pipe) = &self.stdout {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        if let Some(pipe) = &self.stderr {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        // A child that has closed its streams is about to end, which nothing wakes us for: its end is looked for soon, and
        // then less and less often.
        let tick = if fds.is_empty() { self.nap } else { TICK_MS };
        if fds.is_empty() {
            self.nap = (self.nap * 2).min(TICK_MS);
        }
        match poll(&mut fds, PollTimeout::from(tick)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        drop(fds);
        if let Some(pipe) = &mut self.stdin {
            match pipe.write(left) {
                Ok(written) => *left = &left[written..],
                Err(error) if transient(&error) => {}
                // The child closed its input: what it did not read it does not want.
                Err(_) => self.stdin = None,
            }
        }
        if let Some(pipe) = &mut self.stdout
            && pour(pipe, &mut self.out)?
        {
            self.stdout = None;
        }
        if let Some(pipe) = &mut self.stderr
            && pour(pipe, &mut self.err)?
        {
            self.stderr = None;
        }
        Ok(())
    }

    /// Reads what is still in the pipes of an ended child; a leaked writer ends the wait at `limit`.
    fn drain(&mut self, limit: Duration) -> io::Result<()> {
        let started = Instant::now();
        while (self.stdout.is_some() || self.stderr.is_some()) && started.elapsed() < limit {
            self.turn(&mut &[][..])?;
        }
        Ok(())
    }
}

/// Reads what is there now; true at the end of the stream.
fn pour(pipe: &mut impl Read, kept: &mut Kept) -> io::Result<bool> {
    let mut buffer = [0u8; 65536];
    // A bound per turn, so that a stream that never runs dry cannot hide the limits from the loop.
    for _ in 0..16 {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(count) => kept.push(&buffer[..count]),
            Err(error) if transient(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn nonblocking(pipe: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(pipe, FcntlArg::F_GETFL)?);
    fcntl(pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_head_and_its_tail() {
        let mut kept = Kept::new(8);
        for byte in b"abcdefghijklmnopqrstuvwxyz" {
            kept.push(&[*byte]);
        }
        assert_eq!(kept.finish(), (b"abcd\n[18 bytes left out]\nwxyz".to_vec(), true));
    }

    #[test]
    fn a_short_stream_is_kept_whole() {
        let mut kept = Kept::new(8);
        kept.push(b"abcdefgh");
        assert_eq!(kept.finish(), (b"abcdefgh".to_vec(), false));
    }

    #[test]
    fn the_end_of_a_quick_child_is_noticed_sooner_than_the_tick() {
        let run = || {
            let piped = std::process::Stdio::piped;
            let mut quick = std::process::Command::new("true");
            let child =
                quick.stdin(piped()).stdout(piped()).stderr(piped()).spawn().expect("a quick program");
            let patience =
                Patience { wall: Duration::from_secs(20), keep: 8, flood: None, grace: Duration::ZERO };
            wait(child, b"", patience, &CancelToken::new()).expect("it ends").wall
        };
        // The best of many, since the machine may be busy.
        let best = (0..40).map(|_| run()).min().expect("forty runs");
        assert!(best < Duration::from_millis(u64::from(TICK_MS) / 2), "{best:?}");
    }
}
