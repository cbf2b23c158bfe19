//! A log that is read once from its start to its end: a file, or standard input as it comes.
//!
//! Of standard input only what is not shown yet is kept, in memory and never in a file: it may hold secrets.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use groundcrew_logs::{Cursor, Pipe, Scan, ScanError, ScanOptions, scan};

use crate::failure::{Failure, Kind};

/// Where standard input is a file, as with `< app.log`, it is read as one.
const REDIRECTED: &str = "/dev/stdin";
/// Bytes taken from a pipe at a time, and about how many are there before they are looked at, where they come quickly.
const PIECE: usize = 64 << 10;
const ENOUGH: u64 = 1 << 20;

/// A log, and how far it was read.
pub(super) enum Input {
    File {
        path: PathBuf,
        cursor: Option<Box<Cursor>>,
        at_end: bool,
    },
    Stdin {
        pipe: Box<Pipe>,
        /// No more comes.
        ended: bool,
        /// What came is not read to its end.
        more: bool,
        at_end: bool,
    },
}

impl Input {
    /// A log of which nothing was read; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = |path: &Path| Self::File { path: path.to_owned(), cursor: None, at_end: false };
        if path != Path::new("-") {
            return groundcrew_logs::readable(path).map(|()| file(path)).map_err(|error| failure(&error));
        }
        let redirected = Path::new(REDIRECTED);
        if groundcrew_logs::readable(redirected).is_ok() {
            return Ok(file(redirected));
        }
        let pipe = Box::new(Pipe::new(None).map_err(|error| unreadable(&error))?);
        Ok(Self::Stdin { pipe, ended: false, more: false, at_end: false })
    }

    /// Bytes of a file; of a pipe, none are known.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File { path, .. } => std::fs::metadata(path).map_or(0, |file| file.len()),
            Self::Stdin { .. } => 0,
        }
    }

    /// What comes next; none behind the end.
    pub(super) fn next(&mut self, options: &ScanOptions) -> Result<Option<Scan>, Failure> {
        match self {
            Self::File { at_end: true, .. } | Self::Stdin { at_end: true, .. } => Ok(None),
            Self::File { path, cursor, at_end } => {
                let options = ScanOptions { flush: true, ..options.clone() };
                let read = scan(path, cursor.as_deref(), &options).map_err(|error| failure(&error))?;
                *at_end = read.at_end;
                *cursor = Some(Box::new(read.cursor.clone()));
                Ok(Some(read))
            }
            Self::Stdin { pipe, ended, more, at_end } => {
                if !*more && !*ended {
                    *ended = take(pipe)?;
                }
                let options = ScanOptions { flush: *ended, ..options.clone() };
                let read = pipe.scan(None, &options).map_err(|error| failure(&error))?;
                pipe.advance(&read.cursor);
                *more = !read.at_end;
                *at_end = *ended && read.at_end;
                Ok(Some(read))
            }
        }
    }
}

/// Takes what comes until it is worth a look, and says whether that was all. What waits for its end is looked at again
/// only with as much behind it, so that a long record is not read over and over.
fn take(pipe: &mut Pipe) -> Result<bool, Failure> {
    let mut input = std::io::stdin().lock();
    let mut piece = vec![0; PIECE];
    let waited = pipe.waiting();
    loop {
        match input.read(&mut piece) {
            Ok(0) => {
                pipe.end();
                return Ok(true);
            }
            Ok(count) => {
                pipe.push(&piece[..count]);
                let comes_quickly = count == PIECE && pipe.waiting() < ENOUGH;
                if !comes_quickly && pipe.waiting() >= 2 * waited {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("cannot read standard input: {error}"))
}

fn failure(error: &ScanError) -> Failure {
    let kind = match error {
        ScanError::Missing { .. } => Kind::NotFound,
        ScanError::NotAFile { .. } | ScanError::LinkLoop { .. } => Kind::Usage,
        ScanError::Denied { .. } | ScanError::Io { .. } => Kind::Failed,
    };
    Failure::new(kind, error.to_string())
}
