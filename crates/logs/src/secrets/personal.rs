//! Personal data of known forms: e-mail addresses, numbers of cards and of bank accounts.
//!
//! Numbers are everywhere in logs, so those of cards and accounts count only with the beginning and length that some
//! issuer or country has, with right check digits, and not as a part of a longer word or number.

use std::ops::Range;

use crate::wanted::Personal;

/// Longest part of an address before its sign, and behind it.
const USER: usize = 64;
const HOST: usize = 255;
/// Endings of file names that stand behind an `@` in a name such as `icon@2x.png`.
const FILES: [&str; 12] =
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "js", "mjs", "css", "ts", "json", "map"];

/// Letters of the country and length of its numbers of accounts.
const COUNTRIES: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29\
    ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21\
    LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27\
    SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// False only where [`find`] finds nothing.
pub(crate) fn may_hold(kind: Personal, text: &[u8]) -> bool {
    let touches = |b: Option<&u8>| b.is_some_and(|b| !b.is_ascii_whitespace());
    match kind {
        Personal::Email => memchr::memchr2_iter(b'@', b'%', text).any(|at| {
            sign(text, at).is_some_and(|host| touches(text[..at].last()) && touches(text.get(host)))
        }),
        Personal::Card => !cards(text).is_empty(),
        Personal::Iban => !accounts(text).is_empty(),
    }
}

/// All places of that kind, in order.
pub(crate) fn find(kind: Personal, text: &str) -> Vec<Range<usize>> {
    match kind {
        Personal::Email => emails(text),
        Personal::Card => cards(text.as_bytes()),
        Personal::Iban => accounts(text.as_bytes()),
    }
}

/// Where the sign between user and host ends, if there is one; addresses within addresses have it escaped.
fn sign(text: &[u8], at: usize) -> Option<usize> {
    match text[at] {
        b'@' => Some(at + 1),
        _ => text[at..].starts_with(b"%40").then_some(at + 3),
    }
}

fn emails(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in memchr::memchr2_iter(b'@', b'%', bytes) {
        let Some(host) = sign(bytes, at) else { continue };
        let free = found.last().map_or(0, |last| last.end);
        let before = text[free.min(at)..at].chars().rev().take(USER).take_while(|c| in_user(*c));
        let before: usize = before.map(char::len_utf8).sum();
        let user = text[at - before..at].trim_start_matches(['.', '-', '+']);
        let length = host_length(&bytes[host..]);
        if !user.is_empty() && !user.ends_with('.') && length > 0 {
            found.push(at - user.len()..host + length);
        }
    }
    found
}

fn in_user(c: char) -> bool {
    c.is_alphanumeric() || "._+-".contains(c)
}

/// Bytes of a host with a dot and an ending of letters; 0 where there is none.
fn host_length(text: &[u8]) -> usize {
    let in_host = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'.' || !b.is_ascii();
    let whole = text.iter().take(HOST).take_while(|b| in_host(b)).count();
    let Ok(host) = str::from_utf8(&text[..whole]) else { return 0 };
    let host = host.trim_end_matches(['.', '-']);
    let Some((before, end)) = host.rsplit_once('.') else { return 0 };
    let labels =
        before.split('.').all(|label| !label.is_empty() && label.len() <= 63 && !label.starts_with('-'));
    let letters = end.len() >= 2 && end.chars().all(|c| c.is_alphabetic() || c == '-');
    let good = labels && letters && !FILES.iter().any(|file| end.eq_ignore_ascii_case(file));
    if good { host.len() } else { 0 }
}

/// Digits with blanks or lines between their groups that make the number of a card.
fn cards(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(u8::is_ascii_digit).map(|first| at + first) {
        // Hardly any number begins and is as long as one of a card.
        let first = text[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        if !matches!(text[start], b'2'..=b'6') || !matches!(first, 4 | 6 | 12..=19) {
            at = start + first;
            continue;
        }
        let groups = groups(text, start);
        // Other numbers may stand before and behind the card's.
        let whole = (1..=groups.len()).rev().find(|count| is_card(text, &groups[..*count]));
        at = groups[whole.unwrap_or(1) - 1].end;
        found.extend(whole.map(|_| start..at));
    }
    found
}

fn is_card(text: &[u8], groups: &[Range<usize>]) -> bool {
    let lengths: Vec<usize> = groups.iter().map(Range::len).collect();
    let grouped = match lengths.as_slice() {
        [whole] => (12..=19).contains(whole),
        [4, 4, 4, 1..=4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 1..=3] | [6, 13] => true,
        _ => false,
    };
    let ends = |(first, last): (&Range<usize>, &Range<usize>)| stands_alone(text, first.start, last.end);
    let digits: Vec<u8> =
        groups.iter().flat_map(|group| &text[group.clone()]).take(20).map(|b| b - b'0').collect();
    grouped
        && groups.first().zip(groups.last()).is_some_and(ends)
        && is_issued(&digits)
        && has_check_digit(&digits)
}

/// Groups of digits with the same sign between them, as many as a card can have.
fn groups(text: &[u8], start: usize) -> Vec<Range<usize>> {
    let run = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = start + run(start);
    let mut groups: Vec<Range<usize>> = std::iter::once(start..end).collect();
    let between = text.get(end).filter(|b| matches!(b, b' ' | b'-')).copied();
    while let Some(sign) = between
        && groups.len() < 6
        && text.get(end) == Some(&sign)
        && run(end + 1) > 0
    {
        groups.push(end + 1..end + 1 + run(end + 1));
        end = groups[groups.len() - 1].end;
    }
    groups
}

/// Whether what is around is no more of the same word or number.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || !b.is_ascii();
    let before = text[..start].last();
    let behind = text.get(end);
    let joined = |b: &u8| matches!(b, b'.' | b'-');
    !before.is_some_and(|b| part(b) || joined(b) || *b == b'+')
        && !behind.is_some_and(|b| part(b) || (joined(b) && text.get(end + 1).is_some_and(part)))
}

/// Whether some issuer has numbers of that beginning and length.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| {
        digits.iter().take(count).fold(0, |number: u32, digit| number * 10 + u32::from(*digit))
    };
    matches!(
        (digits.len(), first(4)),
        (13 | 16 | 19, 4000..=4999)
            | (16, 5100..=5599 | 2221..=2720)
            | (15, 3400..=3499 | 3700..=3799)
            | (14, 3000..=3059 | 3095 | 3600..=3699 | 3800..=3999)
            | (16..=19, 6011 | 6500..=6599 | 6440..=6499 | 3528..=3589 | 6200..=6299)
            | (12..=19, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763)
    )
}

/// Luhn's formula.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (1, digit) if digit > 4 => digit * 2 - 9,
            (1, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

fn accounts(text: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let begins = |at: usize| {
        matches!(&text[at..at + 4], [a, b, c, d]
            if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit())
    };
    for start in 0..text.len().saturating_sub(14) {
        let fresh = found.last().is_none_or(|last| last.end <= start) && begins(start);
        let word = start > 0 && (text[start - 1].is_ascii_alphanumeric() || text[start - 1] == b'_');
        if fresh && !word {
            found.extend(account(text, start).map(|end| start..end));
        }
    }
    found
}

/// Where the number of an account that begins there ends.
fn account(text: &[u8], start: usize) -> Option<usize> {
    let country = text[start..start + 2].to_ascii_uppercase();
    let known = COUNTRIES.as_bytes().chunks_exact(4).find(|known| known[..2] == country)?;
    let length = usize::from(known[2] - b'0') * 10 + usize::from(known[3] - b'0');
    let spaced = matches!(text.get(start + 4), Some(b' ' | b'-'));
    let mut letters = Vec::with_capacity(length);
    let mut at = start;
    while letters.len() < length {
        match text.get(at) {
            Some(b) if b.is_ascii_alphanumeric() => letters.push(*b),
            Some(b' ' | b'-') if spaced && letters.len().is_multiple_of(4) => {}
            _ => return None,
        }
        at += 1;
    }
    let ends = text.get(at).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    (ends && remainder(&letters) == 1).then_some(at)
}

/// What is left of the number divided by 97, its first four letters at its end and letters as two digits.
fn remainder(letters: &[u8]) -> u32 {
    let turned = letters[4..].iter().chain(&letters[..4]);
    turned.fold(0, |rest, letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    })
}
