//! From where a reproduction could take its input: said to the developer and to people, never run.

use groundcrew_core::incident::Sample;

use super::scene::Place;

/// Methods of requests that a program may have logged.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Longest request that is named, in characters.
const REQUEST: usize = 160;

/// A hint, if the log holds something to start from.
pub(super) fn reproduction(sample: &Sample, crash: Option<&Place>) -> Option<String> {
    let lines = sample.before.iter().rev().map(String::as_str).chain(sample.text.lines());
    if let Some(request) = lines.take(200).find_map(request) {
        return Some(format!("replay the request that was logged just before: {request}"));
    }
    let crash = crash?;
    let message = sample.trace.as_ref().and_then(|trace| trace.message.as_deref()).unwrap_or_default();
    Some(match quoted(message) {
        Some(value) => {
            format!("call {} in {} with {value}, which the error names", crash.function, crash.file)
        }
        None => format!("call {} in {} as its callers on the stack do", crash.function, crash.file),
    })
}

/// A method and a path of one line.
fn request(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| c.is_whitespace() || c == '"').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if METHODS.contains(&word) {
            let path = words.next().filter(|path| path.starts_with('/'))?;
            return Some(
                format!("{word} {path}").chars().filter(|c| !c.is_control()).take(REQUEST).collect(),
            );
        }
    }
    None
}

/// The first value in quotation marks.
fn quoted(message: &str) -> Option<&str> {
    let start = message.find('\'')?;
    let end = message[start + 1..].find('\'')? + start + 2;
    (end - start < 80).then(|| &message[start..end])
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::Trace;

    use super::*;

    fn place() -> Place {
        Place {
            file: "shop.py".into(),
            line: 2,
            function: "visit".into(),
            statement: None,
            exact: true,
            range: (1, 3),
        }
    }

    #[test]
    fn a_logged_request_is_the_best_start_then_a_value_of_the_error_then_the_callers() {
        let trace = Trace { message: Some("'ann'".into()), ..Trace::default() };
        let mut sample = Sample { trace: Some(trace), ..Sample::default() };
        let hint = |sample: &Sample| reproduction(sample, Some(&place()));
        assert_eq!(hint(&sample).as_deref(), Some("call visit in shop.py with 'ann', which the error names"));
        sample.before = vec!["10.0.0.1 - \"POST /orders?x=1 HTTP/1.1\" 500".into(), "INFO done".into()];
        let replay = "replay the request that was logged just before: POST /orders?x=1";
        assert_eq!(hint(&sample).as_deref(), Some(replay));
        let silent = Sample::default();
        assert_eq!(hint(&silent).as_deref(), Some("call visit in shop.py as its callers on the stack do"));
        assert_eq!(reproduction(&silent, None), None);
    }
}
