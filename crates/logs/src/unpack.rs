//! Compressed logs, read as what they hold.
//!
//! A log that was rotated away is often compressed before its end was read. It is told by its first bytes, never by its
//! name, and read as a stream, so that no file can claim more memory than a window; what would expand beyond any sensible
//! ratio or size is left. A scan reads a compressed file in steps, so the last few decoders stay open between scans:
//! starting over for each step would take time in the square of the file's length.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompressed bytes that are kept behind the decoder, because a scan resumes a little before where it stopped.
const WINDOW: usize = 1 << 20;
/// Decompressed bytes that are taken at a time.
const PIECE: usize = 64 << 10;
/// Bytes at the start that are kept, by which a file is recognised.
const HEAD: usize = 1024;
/// How many times its size a file may expand to, once it has expanded to `RATIO_FROM`. Repetitive logs reach a hundredth.
const RATIO: u64 = 600;
const RATIO_FROM: u64 = 64 << 20;
/// Bytes that a file may expand to.
const LARGEST: u64 = 32 << 30;
/// Largest distance over which a zstd file may refer back; beyond it the decoder would need more memory than a scan may
/// take. Only the levels above 19 ask for more.
const REACH: u64 = 8 << 20;
/// Decoders that stay open.
const OPEN: usize = 4;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// One or more members of gzip.
    Gzip,
    /// One or more frames of zstd.
    Zstd,
}

impl Packing {
    /// How a file is compressed that begins with these bytes; `None` for one that is not, or not in a way we can read.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Why a compressed file could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is cut off or damaged.
    Damaged,
    /// It would expand beyond the allowed ratio or size.
    Bomb,
}

/// Which file a decoder belongs to: device, inode, length and time of the last writing.
pub(crate) type Key = (u64, u64, u64, i128);

static KEPT: Mutex<Vec<(Key, Unpacker)>> = Mutex::new(Vec::new());

/// A compressed file as its decompressed bytes.
pub(crate) struct Unpacker {
    file: Arc<File>,
    size: u64,
    packing: Packing,
    input: Arc<Input>,
    decoder: Box<dyn Read + Send>,
    head: Vec<u8>,
    /// The bytes from `base` on.
    window: Vec<u8>,
    base: u64,
    ended: bool,
    flaw: Option<Flaw>,
}

impl Unpacker {
    /// A reader of the file's content; one that was kept where it stands, else one at the start.
    pub(crate) fn open(file: File, size: u64, packing: Packing, key: Key) -> Self {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|(known, _)| *known == key) {
            Some(at) => kept.remove(at).1,
            None => Self::start(Arc::new(file), size, packing),
        }
    }

    /// Keeps the decoder for the next scan of the same file, in place of the one that was not asked for the longest.
    pub(crate) fn keep(self, key: Key) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if kept.len() == OPEN {
            kept.remove(0);
        }
        kept.push((key, self));
    }

    fn start(file: Arc<File>, size: u64, packing: Packing) -> Self {
        let input = Arc::new(Input::default());
        let reader = BufReader::with_capacity(
            PIECE,
            Source { file: Arc::clone(&file), at: 0, end: size, input: Arc::clone(&input) },
        );
        let decoder: Box<dyn Read + Send> = match packing {
            Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Packing::Zstd => Box::new(Frames::new(reader)),
        };
        Self {
            file,
            size,
            packing,
            input,
            decoder,
            head: Vec::new(),
            window: Vec::new(),
            base: 0,
            ended: false,
            flaw: None,
        }
    }

    /// Why the content ends where it does, as far as it was read.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Bytes at an offset of the content; 0 at its end, or where it cannot be read further.
    ///
    /// # Errors
    /// The file itself cannot be read.
    pub(crate) fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if at < self.base {
            if let Some(kept) = usize::try_from(at).ok().and_then(|at| self.head.get(at..))
                && !kept.is_empty()
            {
                return Ok(copy(kept, buffer));
            }
            *self = Self::start(Arc::clone(&self.file), self.size, self.packing);
        }
        while self.base + self.window.len() as u64 <= at && !self.ended {
            self.advance()?;
        }
        let from = usize::try_from(at - self.base).unwrap_or(usize::MAX);
        Ok(self.window.get(from..).map_or(0, |rest| copy(rest, buffer)))
    }

    fn advance(&mut self) -> io::Result<()> {
        if self.window.len() >= 2 * WINDOW {
            let gone = self.window.len() - WINDOW;
            self.window.drain(..gone);
            self.base += gone as u64;
        }
        let had = self.window.len();
        self.window.resize(had + PIECE, 0);
        let read = self.decoder.read(&mut self.window[had..]);
        self.window.truncate(had + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) if self.input.failed.load(Ordering::Relaxed) => return Err(error),
            Err(_) => self.stop(Flaw::Damaged),
        }
        if self.base == 0 && self.head.len() < HEAD {
            self.head = self.window[..self.window.len().min(HEAD)].to_vec();
        }
        let expanded = self.base + self.window.len() as u64;
        let taken = self.input.taken.load(Ordering::Relaxed).max(1);
        if expanded > LARGEST || (expanded > RATIO_FROM && expanded / taken > RATIO) {
            self.stop(Flaw::Bomb);
        }
        Ok(())
    }

    fn stop(&mut self, flaw: Flaw) {
        self.ended = true;
        self.flaw = Some(flaw);
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}

/// What was taken from the compressed file.
#[derive(Default)]
struct Input {
    taken: AtomicU64,
    /// Reading the file failed, so that an error of the decoder says nothing about the content.
    failed: AtomicBool,
}

struct Source {
    file: Arc<File>,
    at: u64,
    end: u64,
    input: Arc<Input>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at);
        match &read {
            Ok(count) => {
                self.at += *count as u64;
                self.input.taken.store(self.at, Ordering::Relaxed);
            }
            Err(_) => self.input.failed.store(true, Ordering::Relaxed),
        }
        read
    }
}

/// The frames of a zstd file, one behind the other.
struct Frames<R> {
    reader: Fed<R>,
    decoder: FrameDecoder,
    inside: bool,
    /// What ends the reading once everything decoded before it is taken.
    broken: Option<io::Error>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside {
                self.decode(buffer.len());
                let read = self.decoder.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                self.inside = false;
            }
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            if self.reader.is_at_end()? {
                return Ok(0);
            }
            self.begin()?;
        }
    }
}

impl<R: BufRead> Frames<R> {
    fn new(reader: R) -> Self {
        let reader = Fed { front: Vec::new(), at: 0, reader };
        Self { reader, decoder: FrameDecoder::new(), inside: false, broken: None }
    }

    fn decode(&mut self, wanted: usize) {
        /// An empty last block and room for a checksum: what was decoded before the damage is only given out once the
        /// frame has ended.
        const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        while self.decoder.can_collect() < wanted && !self.decoder.is_finished() {
            let more = BlockDecodingStrategy::UptoBytes(wanted - self.decoder.can_collect());
            if let Err(error) = self.decoder.decode_blocks(&mut self.reader, more) {
                self.broken = Some(io::Error::other(error));
                let ended =
                    self.decoder.decode_blocks(&mut &LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1));
                if ended.is_err() {
                    return;
                }
            }
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.reader.reach()? > REACH {
            return Err(io::Error::other("the frame refers back too far"));
        }
        match self.decoder.reset(&mut self.reader) {
            Ok(()) => {
                self.inside = true;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => io::copy(&mut (&mut self.reader).take(u64::from(length)), &mut io::sink()).map(drop),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// A reader whose next bytes were looked at already.
struct Fed<R> {
    front: Vec<u8>,
    at: usize,
    reader: R,
}

impl<R: BufRead> Fed<R> {
    fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.at == self.front.len() && self.reader.fill_buf()?.is_empty())
    }

    /// How far back the frame that begins here may refer, by its header; the decoder allocates so much on its word. What
    /// is no frame refers to nothing.
    fn reach(&mut self) -> io::Result<u64> {
        const LONGEST_HEADER: u64 = 18;
        let mut front = Vec::new();
        (&mut *self).take(LONGEST_HEADER).read_to_end(&mut front)?;
        let reach = Packing::of(&front).map_or(Some(0), |_| reach(&front[4..]));
        self.front = front;
        self.at = 0;
        // A header that is cut off is refused by the decoder.
        Ok(reach.unwrap_or(0))
    }
}

/// The window of a frame (RFC 8878, 3.1.1.1) by its header behind the magic number.
fn reach(header: &[u8]) -> Option<u64> {
    let descriptor = *header.first()?;
    if descriptor & 0x20 == 0 {
        let window = *header.get(1)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = header.get(1 + dictionary..1 + dictionary + length)?;
    let size = size.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
    // Sizes in two bytes begin where those in one end.
    Some(if length == 2 { size + 256 } else { size })
}

impl<R: BufRead> Read for Fed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let front = &self.front[self.at..];
        if front.is_empty() {
            return self.reader.read(buffer);
        }
        let count = copy(front, buffer);
        self.at += count;
        Ok(count)
    }
}
