//! What an error without a stack trace is, where the table of kinds does not know it: an answer of a server, a crash of
//! which only the last word was logged, a surge of lines that are no errors. There is no place to repair in any of them.

use groundcrew_core::contract::Route;
use groundcrew_core::incident::{Category, Sample};

use super::Verdict;
use super::lists::CRASHED;

/// Longest text that is looked at, in bytes.
const LOOKED_AT: usize = 8 * 1024;

/// What a line without a stack trace is.
pub(super) fn verdict(sample: &Sample) -> Verdict {
    let text = &sample.text[..sample.text.floor_char_boundary(LOOKED_AT)];
    let lower = text.to_lowercase();
    if let Some(status) = answered(text) {
        return of_answer(status);
    }
    if let Some(word) = CRASHED.iter().find(|word| lower.contains(**word)) {
        return Verdict::new(
            Category::CodeBug,
            Route::Human,
            format!(
                "the program crashed ({word}) and logged no stack, so there is no place to repair; let it log one"
            ),
        );
    }
    if matches!(sample.level.as_deref(), Some("warning" | "info")) {
        return Verdict::new(
            Category::Unknown,
            Route::Human,
            "a line that is no error by its level comes much more often than it used to; look at what it warns of",
        );
    }
    Verdict::new(
        Category::Unknown,
        Route::Human,
        "the log has an error line without a stack trace, so there is no place to repair",
    )
}

fn of_answer(status: u16) -> Verdict {
    match status {
        502..=504 => Verdict::new(
            Category::Infrastructure,
            Route::Human,
            format!(
                "the server in front answered {status}, since the service behind it did not; look at why that is down"
            ),
        ),
        507 => Verdict::new(Category::Resource, Route::Human, "the server answered 507: its storage is full"),
        _ => Verdict::new(
            Category::Unknown,
            Route::Human,
            format!(
                "a request was answered with {status}; the service's own log has the error that this one follows from"
            ),
        ),
    }
}

/// The status from 500 on with which an access log says that a request was answered: behind the quoted request.
fn answered(text: &str) -> Option<u16> {
    let (request, rest) =
        ["HTTP/1.1\" ", "HTTP/1.0\" ", "HTTP/2.0\" ", "HTTP/2\" ", "HTTP/3\" ", "HTTP/3.0\" "]
            .iter()
            .find_map(|end| text.split_once(end))?;
    let status = rest.split(' ').next()?;
    let status: u16 = status.parse().ok().filter(|_| status.len() == 3)?;
    (request.contains('"') && (500..600).contains(&status)).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_access_log_is_that_behind_the_request() {
        let line = |request: &str, status: &str| {
            format!("10.0.0.1 - - [05/Nov/2026:10:00:00 +0000] \"{request}\" {status} 157 \"-\" \"agent\"")
        };
        for (text, status) in [
            (line("GET /cart HTTP/1.1", "502"), Some(502)),
            (line("POST /pay HTTP/2.0", "500"), Some(500)),
            (line("GET /500 HTTP/1.1", "200"), None),
            (line("GET /x HTTP/1.1", "5020"), None),
            ("HTTP/1.1\" 500 without a request".to_owned(), None),
            ("worker 500 failed".to_owned(), None),
        ] {
            assert_eq!(answered(&text), status, "{text}");
        }
    }
}
