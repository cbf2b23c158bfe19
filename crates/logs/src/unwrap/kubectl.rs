//! `kubectl logs --prefix`: pod and container in brackets before each line.

use std::borrow::Cow;

use super::Envelope;

pub(super) fn unwrap(line: &str) -> Option<(Envelope<'_>, &str)> {
    let (name, rest) = line.strip_prefix("[pod/")?.split_once(']')?;
    let (pod, container) = name.split_once('/')?;
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    let text = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    (is_name(pod) && is_name(container)).then(|| {
        let stream = Some(Cow::Borrowed(name));
        (Envelope { key: Cow::Borrowed(name), stream, host: Some(pod.into()), ..Envelope::default() }, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_and_container_are_the_stream() {
        let (envelope, text) = unwrap("[pod/web-5d9c/app]   at f (a.js:1:2)").unwrap();
        assert_eq!((envelope.key.as_ref(), text), ("web-5d9c/app", "  at f (a.js:1:2)"));
        for line in ["[pod/web] x", "[pod/a b/c] x", "[pod/a/b]x", "[job/a/b] x"] {
            assert_eq!(unwrap(line), None, "{line}");
        }
    }
}
