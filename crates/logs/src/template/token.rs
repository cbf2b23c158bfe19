//! One pass over a message that names its words and masks its values.
//!
//! A message is cut at blanks and at the separators that logs put around values. Each part is a word, a separator, or a
//! value: a number, time, address, path, identifier or anything else that differs from one occurrence to the next. The
//! pass allocates nothing and reads each byte a bounded number of times, since a line that is known costs nothing else.

/// What a part of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters that may belong to the statement that logged.
    Word,
    /// A separator or other punctuation.
    Mark,
    /// A word with digits in it: its letters are shown, its digits masked.
    Part,
    /// A value; nothing of it counts.
    Value,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Its bytes.
    pub(super) text: &'a [u8],
    /// True when a blank stands before it.
    pub(super) spaced: bool,
}

/// Tokens of a message that count; what follows is the end of a dump.
pub(super) const TOKENS: usize = 128;
/// Bytes of a message that are read.
pub(super) const LENGTH: usize = 4 << 10;
/// A run of bytes longer than this is data as a whole, so that taking it apart costs no more than a bounded number of looks.
const LONGEST_RUN: usize = 512;
/// A word longer than this is data.
const LONGEST_WORD: usize = 80;

const LETTER: u8 = 1;
const HEX: u8 = 2;
const DIGIT: u8 = 4;
const PUNCT: u8 = 8;
const COLON: u8 = 16;
const SLASH: u8 = 32;
const AT: u8 = 64;
const END: u8 = 128;

/// What a byte may be part of; `END` ends a run.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [PUNCT; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let letter = (byte as u8).to_ascii_lowercase();
        table[byte] = match letter {
            b'a'..=b'f' => HEX,
            b'g'..=b'z' | b'_' | 128..=255 => LETTER,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            b'/' | b'\\' => SLASH,
            b'@' => AT,
            0..=b' ' | 127 => END,
            b'=' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b'\'' | b'<' | b'>'
            | b'|' | b'`' => END,
            _ => PUNCT,
        };
        byte += 1;
    }
    table
}

const fn blank(byte: u8) -> bool {
    byte <= b' ' || byte == 127
}

/// Gives the tokens of a message to `sink`, until it says that it has enough.
pub(super) fn walk<'a>(message: &'a [u8], sink: &mut impl FnMut(Token<'a>) -> bool) {
    let text = &message[..message.len().min(LENGTH)];
    let mut walker = Walker { text, at: 0, spaced: false, list: List::None, equals: false, sink };
    while walker.at < text.len() {
        if !walker.step() {
            return;
        }
    }
    walker.flush();
}

/// What was held back because it may go on a list of values, which counts as one value however long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    /// The last token was a value.
    Value,
    /// A value and then a comma, which is held back; with whether a blank stood before it.
    Comma(usize, bool),
}

struct Walker<'a, 's, S> {
    text: &'a [u8],
    at: usize,
    spaced: bool,
    list: List,
    /// The last token was an equals sign.
    equals: bool,
    sink: &'s mut S,
}

impl<'a, S: FnMut(Token<'a>) -> bool> Walker<'a, '_, S> {
    fn step(&mut self) -> bool {
        let text = self.text;
        let byte = text[self.at];
        if blank(byte) {
            self.at += 1;
            self.spaced = true;
            return true;
        }
        let start = self.at;
        let mut end = start;
        let mut seen = 0;
        while let Some(byte) = text.get(end) {
            let class = CLASS[usize::from(*byte)];
            if class & END != 0 {
                break;
            }
            seen |= class;
            end += 1;
        }
        if end == start {
            self.at += 1;
            return self.mark(start);
        }
        self.run(start, end, seen)
    }

    fn mark(&mut self, at: usize) -> bool {
        let byte = self.text[at];
        let next = self.text.get(at + 1).copied().unwrap_or(b' ');
        // `<1 sec` is a value like any other.
        if byte == b'<' && next.is_ascii_digit() && !self.closes_angle(at + 1) {
            return true;
        }
        if byte == b',' && self.list == List::Value {
            self.list = List::Comma(at, std::mem::take(&mut self.spaced));
            return true;
        }
        let free = self.spaced;
        if !self.emit(Kind::Mark, at, at + 1) {
            return false;
        }
        // Brackets after a blank hold a value, even an empty one; right behind a word, they are a call.
        if free
            && matches!(
                (byte, next),
                (b'(', b')') | (b'[', b']') | (b'{', b'}') | (b'"', b'"') | (b'\'', b'\'')
            )
        {
            return self.emit(Kind::Value, at + 1, at + 1);
        }
        self.equals = byte == b'=';
        if self.equals && self.value_is_missing(at + 1) {
            return self.emit(Kind::Value, at + 1, at + 1);
        }
        true
    }

    /// Whether the word that begins there is in angle brackets: `<7f3a@mail>`.
    fn closes_angle(&self, from: usize) -> bool {
        let word = self.text[from..].iter().take(LONGEST_WORD).take_while(|byte| !blank(**byte));
        word.copied().any(|byte| byte == b'>')
    }

    /// After `key=`: the value is empty when nothing or the next key follows.
    fn value_is_missing(&self, from: usize) -> bool {
        let rest = &self.text[from..];
        match rest.first() {
            None | Some(b',' | b';' | b')' | b']' | b'}') => return true,
            Some(byte) if !blank(*byte) => return false,
            Some(_) => {}
        }
        let words = rest.trim_ascii_start();
        let run = words.iter().take(64).position(|byte| CLASS[usize::from(*byte)] & END != 0);
        match run {
            None => words.is_empty(),
            Some(length) => length > 0 && words[length] == b'=',
        }
    }

    fn run(&mut self, start: usize, end: usize, seen: u8) -> bool {
        if seen & !(LETTER | HEX) == 0 && end - start <= LONGEST_WORD {
            self.at = end;
            // `ffffffff` is a number without digits; no word of prose has eight such letters.
            if seen == HEX && end - start >= 8 {
                return self.emit(Kind::Value, start, end);
            }
            return self.word(start, end);
        }
        if seen & SLASH != 0
            && let Some(scheme) = url(&self.text[start..end])
        {
            let length = self.text[start + scheme..].iter().position(|b| blank(*b) || b"\"'<>`".contains(b));
            let mut to = length.map_or(self.text.len(), |length| start + scheme + length);
            while to > end && b",;.)]}:".contains(&self.text[to - 1]) {
                to -= 1;
            }
            self.at = to;
            return self.emit(Kind::Value, start, to);
        }
        self.at = end;
        if end - start > LONGEST_RUN {
            return self.emit(Kind::Value, start, end);
        }
        self.pieces(start, end, seen)
    }

    /// A run without the punctuation at its end, which is a token of its own.
    fn pieces(&mut self, start: usize, end: usize, seen: u8) -> bool {
        let text = self.text;
        let mut to = end;
        while to > start
            && matches!(
                text[to - 1],
                b'.' | b':' | b'!' | b'?' | b'-' | b'*' | b'#' | b'~' | b'&' | b'+' | b'^'
            )
        {
            to -= 1;
        }
        if to == start {
            return self.emit(Kind::Mark, start, start + 1);
        }
        let seen = if to == end { seen } else { classes_of(&text[start..to]) };
        if !self.body(start, to, seen) {
            return false;
        }
        to == end || self.emit(Kind::Mark, to, to + 1)
    }

    fn body(&mut self, start: usize, end: usize, seen: u8) -> bool {
        let body = &self.text[start..end];
        if seen & !(LETTER | HEX) == 0 && body.len() <= LONGEST_WORD {
            return self.word(start, end);
        }
        if seen & PUNCT != 0
            && let Some(dots) = leader(body)
        {
            return self.pieces(start, start + dots, classes_of(&body[..dots]))
                && self.emit(Kind::Mark, start + dots, start + dots + 1)
                && self.after_leader(start + dots, end);
        }
        match kind(body, seen) {
            Some(kind) => self.emit(kind, start, end),
            None => {
                let colon = body.iter().position(|b| *b == b':').unwrap_or(body.len() - 1);
                let (left, right) = (start + colon, start + colon + 1);
                (left == start || self.pieces(start, left, classes_of(&self.text[start..left])))
                    && self.emit(Kind::Mark, left, right)
                    && (right == end || self.pieces(right, end, classes_of(&self.text[right..end])))
            }
        }
    }

    fn after_leader(&mut self, dots: usize, end: usize) -> bool {
        let rest = dots + self.text[dots..end].iter().take_while(|byte| **byte == b'.').count();
        rest == end || self.pieces(rest, end, classes_of(&self.text[rest..end]))
    }

    #[inline]
    fn word(&mut self, start: usize, end: usize) -> bool {
        let length = end - start;
        if length <= 5 {
            let word = &self.text[start..end];
            if self.list == List::Value && is_unit(word) {
                self.spaced = false;
                return true;
            }
            if length == 3 && self.is_date_word(word, end) || is_constant(word, self.equals) {
                return self.emit(Kind::Value, start, end);
            }
        }
        self.emit(Kind::Word, start, end)
    }

    /// A month before a number, or a day of the week before a month or number.
    fn is_date_word(&self, word: &[u8], end: usize) -> bool {
        const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        const DAYS: &[u8] = b"MonTueWedThuFriSatSun";
        if !word[0].is_ascii_uppercase() || !word[1].is_ascii_lowercase() {
            return false;
        }
        let next = self.text[end..].iter().copied().find(|b| !blank(*b) && *b != b',').unwrap_or(b' ');
        let among = |names: &[u8]| names.chunks(3).any(|name| name == word);
        (next.is_ascii_digit() && among(MONTHS))
            || ((next.is_ascii_digit() || next.is_ascii_uppercase()) && among(DAYS))
    }

    #[inline]
    fn emit(&mut self, kind: Kind, start: usize, end: usize) -> bool {
        let spaced = std::mem::take(&mut self.spaced);
        self.equals = false;
        let list = std::mem::replace(&mut self.list, List::None);
        if kind == Kind::Value {
            self.list = List::Value;
            match list {
                List::Value if spaced => return true,
                List::Comma(..) => return true,
                List::None | List::Value => {}
            }
        } else if let List::Comma(at, spaced) = list
            && !(self.sink)(Token { kind: Kind::Mark, text: &self.text[at..=at], spaced })
        {
            return false;
        }
        (self.sink)(Token { kind, text: &self.text[start..end], spaced })
    }

    fn flush(&mut self) {
        if let List::Comma(at, spaced) = self.list {
            (self.sink)(Token { kind: Kind::Mark, text: &self.text[at..=at], spaced });
        }
    }
}

fn classes_of(text: &[u8]) -> u8 {
    text.iter().fold(0, |seen, byte| seen | CLASS[usize::from(*byte)])
}

/// Where dots begin that lead from a word to its value, as in a table: `threshold.....7`.
fn leader(body: &[u8]) -> Option<usize> {
    let dots = body.windows(2).position(|two| two == b"..")?;
    (dots > 0 && body[..dots].iter().all(|b| b.is_ascii_alphabetic() || *b == b'_')).then_some(dots)
}

/// Where the part after `scheme://` begins, or after the `?` of a path with a query.
fn url(run: &[u8]) -> Option<usize> {
    if run[0] == b'/' {
        return run.iter().position(|byte| *byte == b'?');
    }
    let colon = run.iter().position(|byte| *byte == b':')?;
    let named = colon >= 2 && run[..colon].iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    (named && run[colon..].starts_with(b"://")).then_some(colon + 3)
}

/// A unit behind a number: how large or long, which the same statement says in different units.
fn is_unit(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 18] = [
        b"sec", b"secs", b"min", b"mins", b"hr", b"hrs", b"AM", b"PM", b"UTC", b"GMT", b"EST", b"EDT",
        b"CST", b"CDT", b"PST", b"PDT", b"CET", b"CEST",
    ];
    matches!(
        word,
        [b'B' | b'K' | b'M' | b'G' | b's']
            | [b'K' | b'k' | b'M' | b'G' | b'T' | b'P', b'B']
            | [b'm' | b'u' | b'n', b's']
            | [b'K' | b'M' | b'G' | b'T', b'i', b'B']
    ) || NAMES.contains(&word)
}

/// A value that a program writes for a flag, or behind an equals sign for nothing.
#[inline]
fn is_constant(word: &[u8], equals: bool) -> bool {
    let among = |words: &[&[u8]]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    match word[0] {
        b't' | b'T' | b'f' | b'F' => among(&[b"true", b"false"]),
        b'n' | b'N' | b'y' | b'Y' if equals => among(&[b"null", b"nil", b"none", b"yes", b"no"]),
        b'o' | b'O' if equals => among(&[b"on", b"off"]),
        _ => false,
    }
}

/// What a run is that is no plain word; `None` when it must be cut at its colon.
fn kind(body: &[u8], seen: u8) -> Option<Kind> {
    if seen & SLASH != 0 && is_path(body) && !is_labelled(body) {
        return Some(Kind::Value);
    }
    if seen & COLON != 0 && !with_colon(body, seen) {
        return if seen & DIGIT == 0 && body.windows(2).any(|two| two == b"::") {
            Some(Kind::Word)
        } else {
            None
        };
    }
    if seen & COLON != 0 || seen & AT != 0 && is_address(body) {
        return Some(Kind::Value);
    }
    if body.len() > LONGEST_WORD {
        return Some(Kind::Value);
    }
    if seen & DIGIT == 0 {
        return Some(Kind::Word);
    }
    Some(if seen & (LETTER | HEX) == 0 || is_identifier(body, seen) { Kind::Value } else { Kind::Part })
}

fn is_address(body: &[u8]) -> bool {
    let at = body.iter().position(|b| *b == b'@').unwrap_or(0);
    at + 1 < body.len() && (at > 0 || body[1..].iter().any(u8::is_ascii_digit))
}

fn is_path(body: &[u8]) -> bool {
    let slashes = body.iter().filter(|b| matches!(b, b'/' | b'\\')).count();
    let rooted = matches!(body[0], b'/' | b'\\' | b'~' | b'.');
    let one = slashes == 1 && body.iter().any(|b| matches!(b, b'\\' | b'.'));
    (rooted || slashes >= 2 || one) && (body.len() > 1 || body == b"/")
}

/// True for a word, a colon and what the word is the label of.
fn is_labelled(body: &[u8]) -> bool {
    let colon = body.iter().position(|b| *b == b':').unwrap_or(0);
    colon > 1 && body[..colon].iter().all(|b| b.is_ascii_alphabetic() || *b == b'_')
}

/// Times, addresses with ports, Windows paths: values that hold a colon.
fn with_colon(body: &[u8], seen: u8) -> bool {
    let colons = body.iter().filter(|b| **b == b':').count();
    let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
    if seen & LETTER == 0 && digits > 0 && (seen & HEX == 0 || colons >= 2) {
        return true;
    }
    if body.len() > 3 && body[1] == b':' && body[2] == b'\\' {
        return true;
    }
    if body[0].is_ascii_digit() && digits * 2 >= body.len() - colons {
        return true;
    }
    let cut = body.iter().rposition(|b| *b == b':').unwrap_or(0);
    let (host, port) = (&body[..cut], &body[cut + 1..]);
    let is_port = !port.is_empty() && port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    is_port && colons == 1 && is_host(host)
}

/// A name with dots that ends like a domain rather than like a source file.
fn is_host(name: &[u8]) -> bool {
    const SOURCES: [&[u8]; 22] = [
        b"c", b"h", b"cc", b"cpp", b"cxx", b"hpp", b"java", b"kt", b"scala", b"py", b"rb", b"js", b"ts",
        b"go", b"rs", b"php", b"cs", b"m", b"mm", b"swift", b"pl", b"sh",
    ];
    let Some(dot) = name.iter().rposition(|b| *b == b'.') else {
        return name.iter().any(u8::is_ascii_digit);
    };
    let last = &name[dot + 1..];
    !last.is_empty() && !SOURCES.contains(&last) && !name.contains(&b'(')
}

/// A word with digits of which no letter says anything: hexadecimal, measures, random names.
fn is_identifier(body: &[u8], seen: u8) -> bool {
    let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
    if digits * 2 >= body.len() {
        return true;
    }
    if seen & LETTER == 0 && body.len() >= 6 {
        return true;
    }
    if body.len() > 2 && body[0] == b'0' && matches!(body[1], b'x' | b'X') {
        return true;
    }
    let measure = body.iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    if body[0].is_ascii_digit() && body.len() - measure <= 3 {
        return true;
    }
    // Random names change between letters and digits; a name with parts changes at its punctuation.
    let changes = body.windows(2).filter(|two| {
        two[0].is_ascii_digit() && two[1].is_ascii_alphabetic()
            || two[1].is_ascii_digit() && two[0].is_ascii_alphabetic()
    });
    changes.count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(message: &str) -> String {
        let mut text = String::new();
        walk(message.as_bytes(), &mut |token| {
            if token.spaced {
                text.push(' ');
            }
            match token.kind {
                Kind::Value => text.push_str("<*>"),
                Kind::Part => text.push_str(&format!("~{}", String::from_utf8_lossy(token.text))),
                Kind::Word | Kind::Mark => text.push_str(&String::from_utf8_lossy(token.text)),
            }
            true
        });
        text
    }

    #[test]
    fn values_are_masked_and_words_stay() {
        for (message, expected) in [
            ("order 1042 not found", "order <*> not found"),
            ("took 12.5ms, 3 KB", "took <*>"),
            ("request 550e8400-e29b-41d4-a716-446655440000 took 12.5 ms", "request <*> took <*>"),
            ("connect to 10.0.0.1:5432 failed", "connect to <*> failed"),
            ("connect to db.example.org:5432 failed", "connect to <*> failed"),
            ("at main.c:120: no such file", "at main.c:<*>: no such file"),
            ("at 2026-11-05T10:00:00.123Z for bob@example.org", "at <*> for <*>"),
            ("connection at Fri Jun 17 07:07:00 2005", "connection at <*>"),
            ("GET https://a.example/x?y=1&z=2 gave 502", "GET <*> gave <*>"),
            ("open /var/log/x.log: denied", "open <*>: denied"),
            (r"load C:\Windows\x.dll now", "load <*> now"),
            ("user= rhost=a uid=0 tty=:0", "user=<*> rhost=a uid=<*> tty=<*>"),
            ("a = b", "a = b"),
            ("stack (@0x7fed @0x12 @0x7f)", "stack (<*>)"),
            ("lifetime <1 sec", "lifetime <*>"),
            ("id <3f2a@mail> and <af31@mail>", "id <<*>> and <<*>>"),
            ("light=on, fan=OFF", "light=<*>, fan=<*>"),
            ("prefetch depth.......0", "prefetch depth.<*>"),
            ("eth0: link up", "~eth0: link up"),
            ("std::vector is empty.", "std::vector is empty."),
        ] {
            assert_eq!(seen(message), expected, "{message}");
        }
    }
}
