//! A log file opened safely, and how it is recognised again.
//!
//! A path that a configuration names may lead to a pipe, a device or a folder. Opening must not block on it, and reading
//! must stop at the length that the file had when it was opened, so that what counts as quiet is what is read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::assemble;
use crate::clean::clean;
use crate::context::{self, Context};
use crate::encoding::{Encoding, is_garbage};
use crate::lines::{LineReader, Piece};
use crate::source::{Cursor, ScanError};

/// Bytes at the start of a file by which it is recognised.
pub(crate) const HEAD_BYTES: u64 = 1024;
/// How far apart the clocks of two machines that share a folder are at most.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);
const BUFFER: usize = 64 << 10;

/// A regular file open for reading, as it was at that moment.
pub(crate) struct LogFile {
    file: File,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) length: u64,
    /// When the file was last written.
    pub(crate) changed: Timestamp,
    written: Option<SystemTime>,
}

impl LogFile {
    /// Opens a regular file, also through symbolic links; never waits for a pipe's writer.
    pub(crate) fn open(path: &Path) -> Result<Self, ScanError> {
        let failed = |source| refused(path, source);
        let regular = |metadata: &Metadata| match other_kind(metadata) {
            Some(kind) => Err(ScanError::NotAFile { path: path.to_owned(), kind }),
            None => Ok(()),
        };
        regular(&std::fs::metadata(path).map_err(failed)?)?;
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // The path may lead elsewhere by now; what was opened is what counts.
        regular(&metadata)?;
        let written = metadata.modified().ok();
        Ok(Self {
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: written.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH),
            written,
        })
    }

    /// A cursor at the start.
    pub(crate) fn start(&self) -> io::Result<Cursor> {
        let (head_length, head_hash) = self.head(HEAD_BYTES)?;
        Ok(Cursor {
            device: self.device,
            inode: self.inode,
            offset: 0,
            line: 0,
            head_length,
            head_hash,
            inside_line: false,
            changed: Some(self.changed),
        })
    }

    /// How many of the first bytes there are, at most `length`, and their hash.
    pub(crate) fn head(&self, length: u64) -> io::Result<(u64, String)> {
        let bytes = self.bytes(0, self.length.min(length))?;
        let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((bytes.len() as u64, hash))
    }

    /// Whether the file still begins as it did when the cursor was made.
    pub(crate) fn begins_as(&self, cursor: &Cursor) -> io::Result<bool> {
        let head = self.head(cursor.head_length.min(HEAD_BYTES))?;
        Ok(head == (cursor.head_length, cursor.head_hash.clone()))
    }

    /// Whether nobody has written for so long.
    ///
    /// A file from slightly ahead may be one that is written now, by a clock that is a little off. One from far ahead
    /// says nothing about when it was written, and must not keep its last record back for ever.
    pub(crate) fn is_quiet(&self, quiet_for: Duration) -> bool {
        self.written.is_some_and(|written| match SystemTime::now().duration_since(written) {
            Ok(age) => age >= quiet_for,
            Err(ahead) => ahead.duration() > CLOCKS_DIFFER,
        })
    }

    /// What the file is, by its first bytes.
    pub(crate) fn encoding(&self) -> io::Result<Encoding> {
        const LONGEST_MARK: u64 = 16;
        Ok(Encoding::of(&self.bytes(0, self.length.min(LONGEST_MARK))?))
    }

    /// The lines from the cursor to the end.
    pub(crate) fn lines(
        &self,
        cursor: &Cursor,
        limit: usize,
        encoding: Encoding,
    ) -> LineReader<BufReader<impl Read + '_>> {
        let section = Section { file: &self.file, at: cursor.offset, end: self.length };
        let reader = BufReader::with_capacity(BUFFER, section);
        LineReader::new(reader, cursor.offset, limit, cursor.inside_line, encoding)
    }

    /// The lines before the offset that a record there may have as its context.
    pub(crate) fn context(&self, offset: u64, limit: usize, encoding: Encoding) -> io::Result<Context> {
        let mut context = Context::default();
        // At an even byte, where one of two bytes begins.
        let start = offset.saturating_sub(context::REACH + 1) & !1;
        let bytes = self.bytes(start, offset)?;
        // From the middle of a file, the first bytes are the end of a line that began out of reach.
        let mut lines = LineReader::new(bytes.as_slice(), start, limit, start > 0, encoding);
        while let Some(piece) = lines.next()? {
            if let Piece::Line(line) = piece
                && !is_garbage(&line.bytes)
            {
                let text = clean(&line.bytes);
                context.push(line.start, assemble::content(&text, self.changed).to_owned());
            }
        }
        Ok(context)
    }

    fn bytes(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Section { file: &self.file, at: start, end }.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Part of a file, read without moving the file's own position.
struct Section<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The error for a path that cannot be opened, by the system's error number: not every kind of it has a stable name.
fn refused(path: &Path, source: io::Error) -> ScanError {
    let path = path.to_owned();
    match source.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => ScanError::Missing { path },
        Some(libc::EACCES | libc::EPERM) => ScanError::Denied { path },
        Some(libc::ELOOP) => ScanError::LinkLoop { path },
        Some(libc::ENXIO) => ScanError::NotAFile { path, kind: "socket" },
        _ => ScanError::Io { path, source },
    }
}

fn other_kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    [
        (kind.is_dir(), "directory"),
        (kind.is_fifo(), "named pipe"),
        (kind.is_socket(), "socket"),
        (kind.is_char_device() || kind.is_block_device(), "device"),
    ]
    .into_iter()
    .find_map(|(found, name)| found.then_some(name))
}
