//! The file of `logs mine --csv`: one row for each line of the input, as RFC 4180 has it.
//!
//! It is written beside its place and put there when it is complete, so that a failure leaves nothing half-done behind.
//! A pipe or device is written to directly.

use std::fs::{File, Permissions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};

/// Which event each line belongs to, until the events have their names.
pub(super) struct Spool {
    file: BufWriter<File>,
}

impl Spool {
    /// A file that is gone when the program ends, however it ends.
    pub(super) fn new() -> Result<Self, Failure> {
        let file = tempfile::tempfile().map_err(|error| spool_failure(&error))?;
        Ok(Self { file: BufWriter::new(file) })
    }

    /// From this line on, counted from 1 over all files, lines belong to the event.
    pub(super) fn begin(&mut self, line: u64, event: u64) -> Result<(), Failure> {
        let written = self.file.write_all(&line.to_le_bytes());
        written
            .and_then(|()| self.file.write_all(&event.to_le_bytes()))
            .map_err(|error| spool_failure(&error))
    }

    fn back(mut self) -> io::Result<BufReader<File>> {
        self.file.flush()?;
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new(file))
    }
}

fn spool_failure(error: &io::Error) -> Failure {
    let folder = std::env::temp_dir();
    Failure::new(Kind::Failed, format!("cannot keep notes in {}: {error}", folder.display()))
        .hint("free some space there, or name another folder in TMPDIR")
}

/// Where the rows go.
pub(super) struct Target {
    path: PathBuf,
    overwrite: bool,
    /// A pipe or device, which has no place to put a finished file in.
    stream: bool,
}

impl Target {
    /// Finds out before anything is read whether the file may be written.
    pub(super) fn check(path: &Path, overwrite: bool, inputs: &[PathBuf]) -> Result<Self, Failure> {
        let target = |stream| Self { path: path.to_owned(), overwrite, stream };
        if path.as_os_str().is_empty() {
            return Err(Failure::new(Kind::Usage, "--csv names no file"));
        }
        let Ok(found) = std::fs::metadata(path) else {
            if path.symlink_metadata().is_ok() && !overwrite {
                return Err(there_is(path));
            }
            let target = target(false);
            // Made and taken away again: a folder that is missing or closed shows before the log is read.
            drop(target.beside().map_err(|error| target.failure(&error))?);
            return Ok(target);
        };
        let kind = found.file_type();
        if kind.is_fifo() || kind.is_char_device() || kind.is_socket() {
            return Ok(target(true));
        }
        if kind.is_dir() {
            return Err(Failure::new(
                Kind::Usage,
                format!("{} is a folder; name a file for --csv", path.display()),
            ));
        }
        let is_input = |input: &PathBuf| {
            std::fs::metadata(input)
                .is_ok_and(|input| (input.dev(), input.ino()) == (found.dev(), found.ino()))
        };
        if inputs.iter().any(is_input) {
            return Err(Failure::new(
                Kind::Usage,
                format!("{} is one of the logs; name another file for --csv", path.display()),
            ));
        }
        if !overwrite {
            return Err(there_is(path));
        }
        let target = target(false);
        drop(target.beside().map_err(|error| target.failure(&error))?);
        Ok(target)
    }

    /// Writes all rows; `name` gives id and template of an event.
    pub(super) fn write<'e>(
        self,
        spool: Spool,
        lines: u64,
        name: impl Fn(u64) -> Option<(&'e str, &'e str)>,
    ) -> Result<(), Failure> {
        let spool = spool.back().map_err(|error| spool_failure(&error))?;
        if self.stream {
            let written = File::options()
                .write(true)
                .open(&self.path)
                .and_then(|file| write_rows(file, spool, lines, name));
            return written.map_err(|error| self.failure(&error));
        }
        let file = self.beside().map_err(|error| self.failure(&error))?;
        write_rows(file.as_file(), spool, lines, name).map_err(|error| self.failure(&error))?;
        if self.overwrite {
            file.persist(&self.path).map_err(|error| self.failure(&error.error))?;
            return Ok(());
        }
        match file.persist_noclobber(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(there_is(&self.path)),
            Err(error) => Err(self.failure(&error.error)),
        }
    }

    /// A new file in the folder of the target, as open to others as the user's files are.
    fn beside(&self) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        tempfile::Builder::new()
            .prefix(".groundcrew-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder.unwrap_or(Path::new(".")))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        // Without the name of the unfinished file beside the place, which says nothing to the reader.
        let kind = error.kind();
        let why = if kind == io::ErrorKind::NotFound {
            "its folder is not there".to_owned()
        } else if kind == io::ErrorKind::PermissionDenied {
            "permission denied".to_owned()
        } else {
            error.to_string()
        };
        let failure = Failure::new(Kind::Failed, format!("cannot write {}: {why}", self.path.display()));
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        if kind == io::ErrorKind::BrokenPipe {
            Failure::new(Kind::BrokenPipe, "the reader has gone")
        } else if full.contains(&kind) {
            failure.hint("free some space there, or name a file elsewhere with --csv")
        } else {
            failure.hint("name a file in a folder that you may write to with --csv")
        }
    }
}

fn there_is(path: &Path) -> Failure {
    Failure::new(Kind::Conflict, format!("there is already a file {}", path.display()))
        .hint("name another file, or replace it with --overwrite")
}

/// The rows of all lines: what begins at a line goes on until the next that begins.
fn write_rows<'e>(
    file: impl Write,
    mut spool: BufReader<File>,
    lines: u64,
    name: impl Fn(u64) -> Option<(&'e str, &'e str)>,
) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    out.write_all(b"LineId,EventId,EventTemplate\r\n")?;
    let (mut line, mut event) = (1, 0);
    loop {
        let next = if spool.fill_buf()?.is_empty() {
            None
        } else {
            Some((number(&mut spool)?, number(&mut spool)?))
        };
        let until = next.map_or(lines + 1, |(begins, _)| begins.min(lines + 1));
        if line < until {
            let (id, template) = name(event).unwrap_or_default();
            let rest = format!(",{id},{}\r\n", cell(template));
            while line < until {
                write!(out, "{line}{rest}")?;
                line += 1;
            }
        }
        match next {
            Some((_, begun)) => event = begun,
            None => break,
        }
    }
    out.flush()
}

fn number(spool: &mut BufReader<File>) -> io::Result<u64> {
    let mut bytes = [0; 8];
    spool.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A text as a cell: in quotes where it would otherwise be read as more than one.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
