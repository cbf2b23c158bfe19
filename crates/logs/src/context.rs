//! The lines before an error, kept for it.
//!
//! What was logged just before a crash, such as the request, is what a reproduction starts from. Which lines count is
//! decided by the bytes before the record alone, so a scan that resumes sees the same ones as a scan that went through.
//! Hardly any record is an error, so the lines are looked for only then.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::LazyLock;

use jiff::Timestamp;
use memchr::memmem::{self, Finder};
use memchr::memrchr;

use crate::clean::clean;
use crate::encoding::{Encoding, is_garbage};
use crate::redact::Redactor;
use crate::unwrap::{Form, export, journal, unwrap};

/// Lines kept.
const LINES: usize = 20;
/// How far before a record its context may begin.
pub(crate) const REACH: u64 = 16 << 10;
/// Bytes kept of a line.
const LINE_BYTES: usize = 1 << 10;

/// The lines without those of a private key that are too short to be told from text by themselves.
fn without_key_lines(lines: Vec<String>) -> Vec<String> {
    let marks = |line: &str, word: &str| line.contains("PRIVATE KEY") && line.contains(word);
    // From behind as far as the first line that is none of a key's, then on to the next end.
    let mut inside = false;
    let mut kept: Vec<String> = Vec::with_capacity(lines.len());
    for line in lines.into_iter().rev() {
        inside = if marks(&line, "END ") {
            true
        } else {
            inside
                && !marks(&line, "BEGIN ")
                && (is_key_line(&line) || line.contains("[redacted:private-key:"))
        };
        if !(inside && is_key_line(&line) && !marks(&line, "END ")) {
            kept.push(line);
        }
    }
    kept.reverse();
    let mut inside = false;
    kept.retain(|line| {
        let begins = marks(line, "BEGIN ");
        inside = begins || (inside && (is_key_line(line) || line.contains("[redacted:private-key:")));
        begins || !(inside && is_key_line(line))
    });
    kept
}

/// Whether the last word of the line may be encoded bytes.
fn is_key_line(line: &str) -> bool {
    let last = line.split_whitespace().next_back().unwrap_or_default();
    last.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// Stands in every line with which a private key begins or ends.
static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PRIVATE KEY"));

/// Finds the lines before a place in a file.
pub(crate) struct Context {
    pub(crate) encoding: Encoding,
    pub(crate) reference: Timestamp,
    /// Bytes after which a line is cut.
    pub(crate) limit: usize,
    /// Lines that were looked at lately, by the offset of their end; errors come in floods.
    known: VecDeque<(u64, Rc<[String]>)>,
}

impl Context {
    pub(crate) fn new(encoding: Encoding, reference: Timestamp, limit: usize) -> Self {
        Self { encoding, reference, limit, known: VecDeque::new() }
    }

    /// The lines before the end of the bytes, which begin at an offset of the file: oldest first, redacted.
    pub(crate) fn before(
        &mut self,
        (base, bytes): (u64, &[u8]),
        form: Form,
        redactor: &Redactor,
    ) -> Vec<String> {
        let offset = base + bytes.len() as u64;
        let mut found: Vec<Rc<[String]>> = Vec::with_capacity(LINES);
        let (mut count, mut end) = (0, bytes.len());
        while count < LINES
            && let Some(start) = self.line_before(bytes, end, base)
            && base + start as u64 + REACH >= offset
        {
            let lines = self.lines(base + end as u64, &bytes[start..end], form, redactor);
            count += lines.len();
            found.push(lines);
            end = start;
        }
        let lines = || found.iter().rev().flat_map(|lines| lines.iter());
        if lines().any(|line| KEY.find(line.as_bytes()).is_some()) {
            let lines = without_key_lines(lines().cloned().collect());
            return lines[lines.len().saturating_sub(LINES)..].to_vec();
        }
        lines().skip(count.saturating_sub(LINES)).cloned().collect()
    }

    /// Where the line begins that ends there; none where the bytes begin in the middle of it.
    fn line_before(&self, bytes: &[u8], end: usize, base: u64) -> Option<usize> {
        let wide = self.encoding.is_wide();
        let width = if wide { 2 } else { 1 };
        let before = &bytes[..end.checked_sub(width)?];
        if self.encoding == Encoding::Journal {
            return entry_before(before, base);
        }
        let start = if wide {
            let mut pairs = before.as_chunks::<2>().0.iter();
            pairs.rposition(|pair| self.encoding.unit(*pair) == 0x0a).map(|at| at * 2 + 2)
        } else {
            memrchr(b'\n', before).map(|at| at + 1)
        };
        start.or((base == 0).then_some(0))
    }

    /// The lines that a line of the file holds, none where it is blank.
    fn lines(&mut self, end: u64, bytes: &[u8], form: Form, redactor: &Redactor) -> Rc<[String]> {
        if let Ok(at) = self.known.binary_search_by_key(&end, |(end, _)| *end) {
            return self.known[at].1.clone();
        }
        let lines: Rc<[String]> = self.read(bytes, form, redactor).into();
        if self.known.back().is_none_or(|(last, _)| *last < end) {
            self.known.push_back((end, lines.clone()));
        } else if let Err(at) = self.known.binary_search_by_key(&end, |(end, _)| *end) {
            self.known.insert(at, (end, lines.clone()));
        }
        while self.known.len() > 2 * LINES {
            self.known.pop_front();
        }
        lines
    }

    fn read(&self, bytes: &[u8], form: Form, redactor: &Redactor) -> Vec<String> {
        let bytes = if self.encoding.is_wide() { bytes } else { behind_hole(bytes) };
        let bytes = &bytes[..bytes.len().min(self.limit)];
        let decoded;
        let bytes = if self.encoding.is_wide() {
            decoded = self.encoding.to_utf8(bytes.to_vec());
            &decoded
        } else {
            bytes
        };
        let text;
        let content = match self.encoding {
            Encoding::Journal if bytes.starts_with(export::SIGN) => {
                let message = export::read(bytes).message.unwrap_or_default();
                if is_garbage(message) {
                    return Vec::new();
                }
                Cow::Owned(journal::lines(message))
            }
            _ if is_garbage(bytes) => return Vec::new(),
            Encoding::Journal
            | Encoding::Utf8
            | Encoding::Utf16Low
            | Encoding::Utf16High
            | Encoding::Binary => {
                text = clean(bytes);
                unwrap(&text, form, self.reference).map_or(text.as_str().into(), |(_, inner)| inner)
            }
        };
        let lines = content.split('\n').filter(|line| !line.trim().is_empty());
        lines
            .map(|line| {
                // Cut only now: half a secret would no longer look like one.
                let mut text = redactor.redact(line).text;
                text.truncate(text.floor_char_boundary(LINE_BYTES));
                text
            })
            .collect()
    }
}

/// Where the last entry of a journal begins; what breaks its form is passed over.
fn entry_before(bytes: &[u8], base: u64) -> Option<usize> {
    let mut end = bytes.len();
    while let Some(at) = memmem::rfind(&bytes[..end], export::SIGN) {
        if at == 0 && base == 0 || at > 0 && bytes[at - 1] == b'\n' {
            return Some(at);
        }
        end = at;
    }
    None
}

fn behind_hole(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}
