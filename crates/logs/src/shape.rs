//! What messages have in common that differ only in their digits, remembered for the scan.
//!
//! A program writes few statements and fills them with numbers, so nearly every message has a shape that came before:
//! the same bytes, and digits in the same places. Whether it begins a stack trace, holds a secret, names a release, and
//! which template it has, hardly ever depends on which digits those are. A message for which it might is told from its
//! shape and kept out; for all others the answers are looked up by the shape, which is compared as a whole: no choice of
//! messages can make one pass for another.

use std::num::NonZeroU64;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr3};

use crate::ordinary::has_escaped_break;
use crate::release::Signs;
use crate::secrets;
use crate::trace::{self, Marks};

/// Longest message whose shape is remembered, in bytes; longer ones hardly ever come again.
pub(crate) const LONGEST: usize = 512;
/// Bytes that are looked at together.
const BLOCK: usize = 16;
/// Shapes that are remembered; a new one takes the place of one that shares its slot.
const SLOTS: usize = 4 << 10;
/// Digits in a row beyond which they may be too large a number for those who read them.
const DIGITS: usize = 9;

/// Names the shape of a message: equal only for messages that differ in nothing but digits, none of which matters to a
/// template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape(NonZeroU64);

impl Shape {
    /// Its number; no other shape of this process has the same.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    fn new() -> Option<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        NonZeroU64::new(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)).map(Self)
    }
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// No stack trace or key block begins with it, and no line break in it is escaped.
    pub(crate) plain: bool,
    /// It surely holds no secret, but perhaps what the user wants taken out besides.
    pub(crate) clean: bool,
    /// What it holds of a release's name.
    pub(crate) signs: Signs,
    /// Its shape, where that is remembered.
    pub(crate) shape: Option<Shape>,
}

/// The shapes that came.
pub(crate) struct Shapes {
    slots: Vec<Option<Box<Slot>>>,
    room: Box<Room>,
    /// Somebody is shown every message, and so asks what it holds.
    shown: bool,
}

#[derive(Debug, Default)]
struct Slot {
    hash: u64,
    known: Known,
    /// With some digits, a line break would be written in it.
    may_break: bool,
    shape: Vec<u8>,
}

impl Shapes {
    /// Where no message is `shown` to anybody, what it holds is told of errors alone, since that takes longest.
    pub(crate) fn new(shown: bool) -> Self {
        Self { slots: Vec::new(), room: Box::new(Room::new()), shown }
    }

    /// The shape of a message, where that is remembered.
    pub(crate) fn shape(&mut self, message: &str) -> Option<Shape> {
        if message.len() > LONGEST { None } else { self.of(message, false).shape }
    }

    /// What is known of a message, which is kept when it is that of a line that `failed`.
    pub(crate) fn of(&mut self, message: &str, failed: bool) -> Known {
        let before = self.before(message.as_bytes());
        before.unwrap_or_else(|| self.first(message, self.shown || failed))
    }

    /// What is known of a message of text, where one of its shape came before.
    pub(crate) fn before(&mut self, message: &[u8]) -> Option<Known> {
        if message.len() > LONGEST {
            return None;
        }
        let hash = self.room.take(message);
        let slot = self.slots.get(place(hash))?.as_ref()?;
        let is_it = slot.hash == hash && slot.shape == self.room.shape(message.len());
        let breaks = slot.may_break && is_it && has_escaped_break(message);
        (slot.known.shape.is_some() && is_it && !breaks).then_some(slot.known)
    }

    /// What is known of the message that was asked for last, whose shape has not come before.
    fn first(&mut self, message: &str, shown: bool) -> Known {
        let (known, may_begin) = told(message, shown);
        if message.len() > LONGEST {
            return known;
        }
        let shape = self.room.shape(message.len());
        let may_break = may_break(shape);
        if digits_count(shape, may_begin) || (may_break && has_escaped_break(message.as_bytes())) {
            return known;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let slot = self.slots[place(self.room.hash)].get_or_insert_default();
        slot.hash = self.room.hash;
        slot.known = Known { shape: Shape::new(), ..known };
        slot.may_break = may_break;
        slot.shape.clear();
        slot.shape.extend_from_slice(shape);
        slot.known
    }
}

fn place(hash: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
    let place = hash as usize % SLOTS;
    place
}

/// What a message says for itself, where that is asked for also of what it holds; and whether it holds anything that a
/// stack trace begins with.
fn told(message: &str, shown: bool) -> (Known, bool) {
    static BLOCK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("-----BEGIN "));
    let bytes = message.as_bytes();
    let may_begin = trace::may_begin(bytes);
    let begins = may_begin && trace::is_beginning(message);
    let known = Known {
        plain: !begins && !has_escaped_break(bytes) && BLOCK.find(bytes).is_none(),
        clean: shown && !secrets::may_hold(bytes),
        signs: if shown { Signs::of(bytes) } else { Signs::default() },
        shape: None,
    };
    (known, may_begin)
}

/// Room for a shape, with blocks to spare so that no text ends in the middle of one.
#[derive(Debug)]
pub(crate) struct Room {
    shape: [u8; LONGEST + 2 * BLOCK],
    /// Of the shape.
    hash: u64,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { shape: [0; LONGEST + 2 * BLOCK], hash: 0 }
    }

    /// Takes the shape of a text that is not too long, and says its hash: each digit is `0`, but for one before an `x`,
    /// which may begin a hexadecimal number.
    pub(crate) fn take(&mut self, text: &[u8]) -> u64 {
        let (length, whole) = (text.len(), text.len().next_multiple_of(BLOCK));
        // All blocks behind which another byte stands.
        let inner = length.saturating_sub(1) / BLOCK * BLOCK;
        let (blocks, nexts) =
            (text[..inner].as_chunks::<BLOCK>().0, text[1.min(length)..].as_chunks::<BLOCK>().0);
        let shapes = self.shape.as_chunks_mut::<BLOCK>().0;
        for ((shape, own), next) in shapes.iter_mut().zip(blocks).zip(nexts) {
            *shape = shape_of(own, next);
        }
        let (mut last, rest) = ([0; BLOCK + 1], &text[inner..]);
        last[..rest.len()].copy_from_slice(rest);
        if let (Some(shape), Some(own), Some(next)) =
            (shapes.get_mut(inner / BLOCK), last.first_chunk(), last.last_chunk())
        {
            *shape = shape_of(own, next);
        }
        self.hash = hash(length, &self.shape[..whole]);
        self.hash
    }

    pub(crate) fn shape(&self, length: usize) -> &[u8] {
        &self.shape[..length]
    }
}

/// The shape of a block, with the byte behind each; bytes alone, so that the compiler takes all of them at once.
#[inline]
fn shape_of(own: &[u8; BLOCK], next: &[u8; BLOCK]) -> [u8; BLOCK] {
    let mut shape = *own;
    for (shape, next) in shape.iter_mut().zip(next) {
        let masked = shape.is_ascii_digit() & (*next | 0x20 != b'x');
        *shape = if masked { b'0' } else { *shape };
    }
    shape
}

/// A few multiplications; that shapes may be made to share one costs those who do it a compare.
fn hash(length: usize, shape: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = length as u64;
    for block in shape.as_chunks::<BLOCK>().0 {
        let (words, _) = block.as_chunks::<8>();
        let [low, high] = [0, 1].map(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)));
        let product = u128::from(hash ^ low) * u128::from(FACTOR ^ high);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        hash = folded;
    }
    hash ^ (hash >> 32)
}

/// Whether what is known of a message may depend on which digits it has.
fn digits_count(shape: &[u8], may_begin: bool) -> bool {
    static COUNTING: LazyLock<Marks> = LazyLock::new(|| Marks::new(&counting()));
    static SIGNED: LazyLock<Marks> = LazyLock::new(|| Marks::new(&SIGNS));
    let mut digits = [0; LONGEST];
    let digits = &mut digits[..shape.len()];
    for (to, from) in digits.iter_mut().zip(shape) {
        *to = if from.is_ascii_digit() { b'0' } else { *from };
    }
    let long = || {
        shape
            .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
            .any(|run| run.len() > DIGITS && run[0].is_ascii_digit())
    };
    // Two bytes alone are found slowly.
    COUNTING.find(digits)
        || (memchr3(b'%', b'$', b'~', digits).is_some() && SIGNED.find(digits))
        || (may_begin && long())
}

/// Whether a line break is written in a text of this shape that has some other digits.
pub(crate) fn may_break(shape: &[u8]) -> bool {
    memchr_iter(b'#', shape).any(|at| shape.get(at + 1).is_some_and(u8::is_ascii_digit))
}

/// What stands around signs that begin or end few texts: escaped ones, and hashes of passwords.
const SIGNS: [&str; 3] = ["%0", "$0", "0Q~"];

/// Texts with digits that somebody looks for, with `0` for each digit.
fn counting() -> Vec<String> {
    // Escaped signs, and hashes of passwords.
    let others = ["argon2", "&#34;", "u0026"];
    let sought = secrets::texts().chain(trace::texts()).chain(others);
    let sought = sought.filter(|text| without_hexadecimal(text).bytes().any(|b| b.is_ascii_digit()));
    sought.map(|text| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()).collect()
}

/// The text without the beginnings of hexadecimal numbers, whose digit every shape keeps.
fn without_hexadecimal(text: &str) -> String {
    text.replace("0x", "").replace("0X", "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Miner;

    fn shape(text: &str) -> Vec<u8> {
        let mut room = Room::new();
        room.take(text.as_bytes());
        room.shape(text.len()).to_vec()
    }

    fn remembered(text: &str) -> Known {
        Known { shape: None, ..Shapes::new(true).of(text, false) }
    }

    #[test]
    fn digits_are_left_out_of_a_shape_and_nothing_else_is() {
        for (text, expected) in [
            ("took 12.5ms (0x7f3 of 1X2)", "took 00.0ms (0x0f0 of 1X0)"),
            ("", ""),
            ("é7日9x", "é0日9x"),
            ("block blk_38865049064139660 of 7", "block blk_00000000000000000 of 0"),
        ] {
            assert_eq!(String::from_utf8(shape(text)).unwrap(), expected);
        }
    }

    #[test]
    fn a_shape_is_known_again_and_another_one_is_not() {
        let mut shapes = Shapes::new(true);
        let first = shapes.of("job 17 is done", false).shape.unwrap();
        assert_eq!(shapes.of("job 42 is done", false).shape, Some(first));
        for other in ["job 7 is done", "job 17 is done ", "job 17 is gone", "Job 17 is done"] {
            assert_ne!(shapes.of(other, false).shape, Some(first), "{other}");
        }
        assert_eq!(shapes.of("job 99 is done", false).shape, Some(first));
        assert_eq!(shapes.of(&"x".repeat(LONGEST + 1), false).shape, None);
    }

    #[test]
    fn what_a_message_holds_is_never_told_unasked() {
        let mut shapes = Shapes::new(false);
        let unasked = shapes.of("job 17 of release=7 is done", false);
        assert_eq!((unasked.plain, unasked.clean, unasked.signs), (true, false, Signs::default()));
        // What was not asked for then is looked at again by those who need it.
        assert!(!shapes.of("job 18 of release=8 is done", true).clean);
        assert!(shapes.of("job 17 broke", true).clean);
        assert!(!shapes.of("login with password=hunter22x", true).clean);
    }

    #[test]
    fn what_hangs_on_digits_is_looked_at_each_time() {
        for (one, other) in [
            ("Thread 7 \"x\"", "Thread 1 \"x\" received signal SIGSEGV"),
            ("/srv/app.js:99999999999", "/srv/app.js:00000000012"),
            ("AKIAIOSFODNN7EXAMPLE ya11.", "ya29.a0AfH6SMBx1234567890"),
        ] {
            assert_eq!(Shapes::new(true).of(one, false).shape, None, "{one}");
            assert_eq!(Shapes::new(true).of(other, false).shape, None, "{other}");
        }
    }

    #[test]
    fn a_number_that_breaks_the_line_is_no_other_number() {
        let mut shapes = Shapes::new(true);
        let first = shapes.of("issue #345 is done", false).shape.unwrap();
        assert_eq!(shapes.of("issue #678 is done", false).shape, Some(first));
        let broken = shapes.of("issue #012 is done", false);
        assert_eq!((broken.plain, broken.shape), (false, None));
        assert_eq!(shapes.of("issue #901 is done", false).shape, Some(first));
    }

    #[test]
    fn real_messages_are_told_alike_with_and_without_the_shapes_before() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/logs");
        let Ok(systems) = std::fs::read_dir(folder) else {
            eprintln!("SKIPPED: {folder} is not here, so no real messages were read");
            return;
        };
        let (mut shapes, mut first, mut second) = (Shapes::new(true), Miner::new(), Miner::new());
        let (mut known, mut all) = (0, 0);
        let mut last = 0;
        for system in systems.flatten().filter(|entry| entry.path().is_dir()) {
            let files = std::fs::read_dir(system.path()).unwrap().flatten().map(|entry| entry.path());
            for path in files.filter(|path| path.extension().is_some_and(|end| end == "log")) {
                let bytes = std::fs::read(&path).unwrap();
                for line in bytes.split(|b| *b == b'\n').map(crate::clean::clean) {
                    // Where messages begin does not matter here.
                    for text in [line.as_str(), line.split_once(": ").map_or("", |(_, rest)| rest)] {
                        let said = shapes.of(text, false);
                        assert_eq!(Known { shape: None, ..said }, told(text, true).0, "{text}");
                        let id = match said.shape {
                            Some(shape) => first.observe_shape(text, shape),
                            None => first.observe(text),
                        };
                        assert_eq!(id, second.observe(text), "{text}");
                        all += 1;
                        known += usize::from(said.shape.is_some_and(|shape| shape.number() <= last));
                        last = last.max(said.shape.map_or(0, Shape::number));
                    }
                }
            }
        }
        assert_eq!(first.settle(), second.settle());
        assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
        assert!(known * 100 >= all * 60, "{known} of {all} were known");
    }

    /// Texts that somebody looks for, with what may stand around them, and digits in all places.
    fn text() -> impl Strategy<Value = String> {
        let sought: Vec<String> =
            secrets::texts().chain(trace::texts()).map(str::to_owned).chain(counting()).collect();
        let part = prop_oneof![
            prop::sample::select(sought),
            prop::sample::select(vec![
                " ",
                "=",
                ": ",
                "/",
                "\\n",
                "#012",
                "\\",
                "0x",
                "x",
                "X",
                "(",
                ")",
                "\"",
                "'",
                "&#34;",
                "&#39;",
                "password",
                "token",
                "api_key",
                "secret=",
                "line ",
                " in ",
                ".go:",
                ".js:",
                "at ",
                "File \"",
                "# ",
                "#",
                "KeyError",
                "com.acme.Full: ",
                ".rb:",
                ":in `f'",
                "Error (",
                "):",
                "goroutine ",
                "%3D",
                "$2b$",
                "8Q~",
                "argon2",
                "release=",
                "version=",
                "sha",
                "Jan",
                "Mon",
                "KB",
                "ms",
                "-",
                "_",
                ".",
                ":",
                "@",
                "AKIAIOSFODNN7EXAMPLE",
                "ghp_a1b2c3d4e5f6g7h8j9k0a1b2c3d4e5f6g7h8",
                "eyJhbGciOiJIUzI1NiJ9.e30.x",
                "://u:p@h",
                "mysql -p",
                " --token ",
                "-----BEGIN ",
                "-----END ",
            ])
            .prop_map(str::to_owned),
            "[0-9]{1,12}",
            "/srv/app[.](js|go|rb):[0-9]{1,12}",
            "[0-9a-fA-FxX]{1,30}",
            "[A-Za-z0-9+/_-]{20,64}",
            "[ -~]{0,6}",
            "\\PC{0,3}",
        ];
        prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn messages_of_one_shape_are_told_alike(text in text(), digits in prop::collection::vec(b'0'..=b'9', 64)) {
            let mut digits = digits.iter().cycle();
            let other: String = text
                .chars()
                .map(|c| if c.is_ascii_digit() { char::from(*digits.next().unwrap()) } else { c })
                .collect();
            let mut shapes = Shapes::new(true);
            let (one, two) = (shapes.of(&text, false), shapes.of(&other, false));
            prop_assert_eq!(Known { shape: None, ..one }, told(&text, true).0);
            prop_assert_eq!(Known { shape: None, ..two }, told(&other, true).0);
            prop_assert_eq!(remembered(&other), told(&other, true).0);
            if one.shape.is_some() && one.shape == two.shape {
                let mut miner = Miner::new();
                prop_assert_eq!(miner.observe(&text), miner.observe(&other));
            }
        }
    }
}
