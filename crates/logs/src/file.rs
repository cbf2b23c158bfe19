//! A log file opened safely, and how it is recognised again.
//!
//! A path that a configuration names may lead to a pipe, a device or a folder. Opening must not block on it, and reading
//! must stop at the length that the file had when it was opened, so that what counts as quiet is what is read.

use std::cell::RefCell;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::encoding::Encoding;
use crate::learned::{LEARNED_FROM, Learned};
use crate::lines::LineReader;
use crate::lookback;
use crate::source::{Cursor, ScanError};
use crate::unpack::{self, Flaw, Packing, Unpacker};

/// Bytes at the start of a file, and before an offset in it, by which it is recognised.
pub(crate) const HEAD_BYTES: u64 = 1024;
/// How far apart the clocks of two machines that share a folder are at most.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);

/// A regular file open for reading, as it was at that moment, or what came through a pipe.
pub(crate) struct LogFile {
    content: Content,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Bytes of the content; of a compressed file, which has to be read for that, the largest number.
    pub(crate) length: u64,
    /// Bytes on the disk.
    pub(crate) size: u64,
    /// When the file was last written.
    pub(crate) changed: Timestamp,
    written: Option<SystemTime>,
    /// The first bytes, taken before anything else: what is read later may be of another file by then.
    head: Vec<u8>,
}

enum Content {
    Plain(File),
    /// None only while it is dropped.
    Packed(RefCell<Option<Unpacker>>),
    /// The bytes of a pipe from an offset on.
    Piped {
        bytes: Vec<u8>,
        from: u64,
    },
}

impl Content {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(buffer, at),
            Self::Packed(unpacker) => match unpacker.borrow_mut().as_mut() {
                Some(unpacker) => unpacker.read_at(buffer, at),
                None => Ok(0),
            },
            Self::Piped { bytes, from } => {
                let at = at.checked_sub(*from).and_then(|at| usize::try_from(at).ok());
                let rest = at.and_then(|at| bytes.get(at..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
        }
    }
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
        Self::of(file, &metadata).map_err(failed)
    }

    fn of(file: File, metadata: &Metadata) -> io::Result<Self> {
        let written = metadata.modified().ok();
        let mut log = Self {
            content: Content::Plain(file),
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            size: metadata.len(),
            changed: written.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH),
            written,
            head: Vec::new(),
        };
        log.head = log.bytes(0, log.length.min(HEAD_BYTES))?;
        if let Some(packing) = Packing::of(&log.head)
            && let Content::Plain(file) = &log.content
        {
            let unpacker = Unpacker::open(file.try_clone()?, log.size, packing, log.key());
            log.content = Content::Packed(RefCell::new(Some(unpacker)));
            log.length = u64::MAX;
            log.head = log.bytes(0, HEAD_BYTES)?;
        }
        Ok(log)
    }

    /// What comes through a pipe, of which nothing is there yet.
    pub(crate) fn piped() -> Self {
        Self {
            content: Content::Piped { bytes: Vec::new(), from: 0 },
            device: 0,
            inode: 0,
            length: 0,
            size: 0,
            changed: Timestamp::now(),
            written: Some(SystemTime::now()),
            head: Vec::new(),
        }
    }

    /// Adds what came through the pipe; for a file, nothing.
    pub(crate) fn push(&mut self, more: &[u8]) {
        let Content::Piped { bytes, .. } = &mut self.content else { return };
        bytes.extend_from_slice(more);
        self.length += more.len() as u64;
        let room = (HEAD_BYTES as usize).saturating_sub(self.head.len());
        self.head.extend_from_slice(&more[..more.len().min(room)]);
        self.changed = Timestamp::now();
        self.written = Some(SystemTime::now());
    }

    /// Forgets what came through the pipe before an offset, but for the context of what begins there.
    pub(crate) fn forget(&mut self, before: u64) {
        let Content::Piped { bytes, from } = &mut self.content else { return };
        // The context reads from an even byte.
        let before = before.saturating_sub(lookback::REACH + 2).max(*from);
        let gone = usize::try_from(before - *from).unwrap_or(usize::MAX).min(bytes.len());
        bytes.drain(..gone);
        *from += gone as u64;
    }

    fn key(&self) -> unpack::Key {
        (self.device, self.inode, self.size, self.changed.as_nanosecond())
    }

    /// Whether the file is compressed.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.content, Content::Packed(_))
    }

    /// Why a compressed file ends before its end, as far as it was read.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        match &self.content {
            Content::Packed(unpacker) => unpacker.borrow().as_ref().and_then(Unpacker::flaw),
            Content::Plain(_) | Content::Piped { .. } => None,
        }
    }

    /// A cursor at the start.
    pub(crate) fn start(&self) -> io::Result<Cursor> {
        self.cursor_at(0, 0, false)
    }

    /// A cursor at an offset with so many lines before it, perhaps inside an overlong line.
    pub(crate) fn cursor_at(&self, offset: u64, line: u64, inside_line: bool) -> io::Result<Cursor> {
        let tail_length = offset.min(HEAD_BYTES);
        Ok(Cursor {
            device: self.device,
            inode: self.inode,
            offset,
            line,
            head_length: self.head.len() as u64,
            head_hash: hash(&self.head),
            tail_length,
            tail_hash: if tail_length == 0 { String::new() } else { self.tail(offset, tail_length)? },
            inside_line,
            changed: Some(self.changed),
            length: self.size,
            ..Cursor::default()
        })
    }

    /// Whether this is the file of the cursor and was not changed up to its offset, as far as the bytes at the start and
    /// those before the offset tell.
    pub(crate) fn holds(&self, cursor: &Cursor) -> io::Result<bool> {
        Ok(self.length >= cursor.offset
            && self.begins_as(cursor)
            && match cursor.tail_length {
                // The cursor of an earlier version.
                0 => true,
                length => self.tail(cursor.offset, length)? == cursor.tail_hash,
            })
    }

    /// Whether the file begins as that of the cursor did.
    pub(crate) fn begins_as(&self, cursor: &Cursor) -> bool {
        let length = usize::try_from(cursor.head_length).unwrap_or(usize::MAX);
        self.head.get(..length).is_some_and(|head| hash(head) == cursor.head_hash)
    }

    fn tail(&self, offset: u64, length: u64) -> io::Result<String> {
        Ok(hash(&self.bytes(offset.saturating_sub(length.min(HEAD_BYTES)), offset)?))
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

    /// What the file is, by its first bytes. Lines of a compressed file are judged one by one: how long it is, is not
    /// known.
    pub(crate) fn encoding(&self) -> Encoding {
        match Encoding::of(&self.head) {
            Encoding::Binary if self.is_packed() => Encoding::Utf8,
            found @ (Encoding::Binary
            | Encoding::Utf8
            | Encoding::Journal
            | Encoding::Utf16Low
            | Encoding::Utf16High) => found,
        }
    }

    /// The lines from the cursor to the end, and what may be the context of the first of them.
    pub(crate) fn lines(
        &self,
        cursor: &Cursor,
        limit: usize,
        encoding: Encoding,
    ) -> io::Result<LineReader<impl Read + '_>> {
        // At an even byte, where one of two bytes begins.
        let base = cursor.offset.saturating_sub(lookback::REACH + 1) & !1;
        let section = Section { content: &self.content, at: base, end: self.length };
        LineReader::new(section, base, cursor.offset, limit, cursor.inside_line, encoding)
    }

    /// What holds for the segment of the file in which the offset lies, where something was known before.
    pub(crate) fn learned(&self, known: &Learned, offset: u64, encoding: Encoding) -> io::Result<Learned> {
        let start = Learned::segment_start(offset);
        // The byte before tells whether a line begins there.
        let from = start.saturating_sub(if encoding.is_wide() { 2 } else { 1 });
        let end = start + LEARNED_FROM as u64;
        let bytes = self.bytes(from, end.min(self.length))?;
        let complete = from + bytes.len() as u64 == end;
        Ok(known.next((&bytes, complete), offset, from < start, encoding, self.changed))
    }

    fn bytes(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Section { content: &self.content, at: start, end }.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Keeps the decoder of a compressed file for the next scan of it.
impl Drop for LogFile {
    fn drop(&mut self) {
        let key = self.key();
        if let Content::Packed(unpacker) = &self.content
            && let Some(unpacker) = unpacker.borrow_mut().take()
        {
            unpacker.keep(key);
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Part of a content, read without moving a position that others use too.
struct Section<'a> {
    content: &'a Content,
    at: u64,
    end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.content.read_at(&mut buffer[..wanted], self.at)?;
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
