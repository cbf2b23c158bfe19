//! The words and signs by which programs say how serious a line is.
//!
//! Some of the words are ordinary ones, so only a place in which a level stands makes them one; the callers know it.

use crate::record::Level;

/// The longest word of the table.
const LONGEST: usize = 11;

/// The level that a whole word names, in any case.
pub(crate) fn word(text: &[u8]) -> Option<Level> {
    let mut lower = [0; LONGEST];
    let kept = lower.get_mut(..text.len()).filter(|kept| kept.len() >= 3)?;
    for (into, from) in kept.iter_mut().zip(text) {
        *into = from | 32;
    }
    let kept: &[u8] = kept;
    Some(match kept {
        b"trace" | b"trce" | b"trc" | b"finest" | b"finer" | b"silly" => Level::Trace,
        b"debug" | b"dbug" | b"dbg" | b"deb" | b"fine" | b"verbose" | b"vrb" | b"verb" => Level::Debug,
        b"info" | b"inf" | b"information" | b"notice" | b"note" | b"config" | b"log" => Level::Info,
        b"warn" | b"warning" | b"wrn" | b"warnings" => Level::Warning,
        b"err" | b"error" | b"eror" | b"erro" | b"severe" | b"fail" | b"failure" => Level::Error,
        b"fatal" | b"ftl" | b"fatl" | b"critical" | b"crit" | b"crt" | b"panic" | b"dpanic" | b"alert"
        | b"emerg" | b"emergency" => Level::Critical,
        _ => return None,
    })
}

/// The level of a single letter in a column of them.
pub(crate) fn letter(letter: u8) -> Option<Level> {
    Some(match letter {
        b'T' => Level::Trace,
        b'D' | b'V' => Level::Debug,
        b'I' | b'N' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'F' | b'C' | b'A' => Level::Critical,
        _ => return None,
    })
}

/// The level of the sign that Redis puts behind the time.
pub(crate) fn sign(sign: u8) -> Option<Level> {
    Some(match sign {
        b'.' | b'-' => Level::Debug,
        b'*' => Level::Info,
        b'#' => Level::Warning,
        _ => return None,
    })
}

/// The level of a priority as syslog numbers it: facility times eight, plus severity.
pub(crate) fn priority(number: u16) -> Option<Level> {
    Some(match number % 8 {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    })
}
