//! `docker compose logs`: the service's container and a bar before each line.

use std::borrow::Cow;

use super::Envelope;

/// Bytes of the longest name of a container.
const NAME: usize = 128;

pub(super) fn unwrap(line: &str) -> Option<(Envelope<'_>, &str)> {
    let (name, rest) = line.split_once('|')?;
    let service = name.trim_end_matches(' ');
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let fits = service.len() <= NAME
        && service.len() < name.len()
        && service.bytes().all(is_name)
        && service.bytes().next_back().is_some_and(|b| b.is_ascii_digit())
        && service.starts_with(|c: char| c.is_ascii_alphanumeric());
    let text = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    let service = Cow::Borrowed(service);
    fits.then(|| (Envelope { key: service.clone(), stream: Some(service), ..Envelope::default() }, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_the_stream_and_indentation_stays() {
        let seen = |line| unwrap(line).map(|(envelope, text)| (envelope.key.into_owned(), text));
        assert_eq!(seen("web-1  | up"), Some(("web-1".to_owned(), "up")));
        assert_eq!(seen("shop_db_1   |   File"), Some(("shop_db_1".to_owned(), "  File")));
        assert_eq!(seen("web-1  |"), Some(("web-1".to_owned(), "")));
        for line in ["web| x", "a b-1 | x", "total | 3", "-1 | x", "web-1 |x", "  | ValueError: x"] {
            assert_eq!(seen(line), None, "{line}");
        }
    }
}
