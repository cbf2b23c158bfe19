//! The table of errors that no change of this code cures, or that need more care than a defect.
//!
//! The first row that fits decides. Rows ask for the exception's name, for words of its text, or for both. Only the
//! outermost exception counts where the program defended itself, and where it crashed by a defect of its own while it
//! handled something else; otherwise the root causes count too. Values in quotation marks do not count as words, since
//! a stranger chooses them, but for the marks of an attack, which are just such values.

use groundcrew_core::contract::Route;
use groundcrew_core::incident::{Category, Sample};
use groundcrew_core::trace::Trace;

use super::lists::{
    ATTACK_MARKS, BROKEN_DATA, BROKEN_DATA_WORDS, CALLERS, CONTENTION, CONTENTION_WORDS, CORRUPTED, DATABASE,
    DEFECTS, DEPLOYMENT, DEPLOYMENT_WORDS, GUARDS, LEFT, LINKAGE, NETWORK, NETWORK_WORDS, NO_TABLE,
    NO_TABLE_PLAIN, REFUSED_WORDS, RESOURCE_WORDS, RESOURCES,
};

/// Longest text that is searched for words, in bytes.
const SEARCHED: usize = 8 * 1024;

/// Exceptions of one chain that are looked at.
const CHAIN: usize = 8;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Kind {
    /// What kind of fault it is.
    pub(super) category: Category,
    /// Where it goes.
    pub(super) route: Route,
    /// Why it goes there; the name of the exception follows in brackets.
    pub(super) why: &'static str,
    /// What follows from it.
    pub(super) then: &'static str,
    scope: Scope,
    test: Test,
}

/// Which exceptions of a chain count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Outermost,
    Chain,
}

/// What a row asks for. A name with a dot must end the full name; one with a star in front is a part of the short name.
#[derive(Debug)]
enum Test {
    Name(&'static [&'static str]),
    Words(&'static [&'static str]),
    Both(&'static [&'static str], &'static [&'static str]),
    /// Marks of an attack, searched in values too.
    Marks(&'static [&'static str]),
}

use Category::{Config, Data, Dependency, Flaky, Infrastructure, Resource, Security, UserError};
use Scope::{Chain, Outermost};
use Test::{Both, Marks, Name, Words};

const fn kind(
    category: Category,
    route: Route,
    scope: Scope,
    test: Test,
    why: &'static str,
    then: &'static str,
) -> Kind {
    Kind { category, route, why, then, scope, test }
}

const LOOK: &str = "look at its limits, not at the code";
const MEND: &str = "mend the deployment, not the code";
const WAIT: &str = "no change of this code makes it answer";
const FINE: &str = "the program did what it should";
const CLEAN: &str = "look at the data and at who wrote it";
const RETRY: &str = "try the transaction again, or look at what runs beside it";
const RENEW: &str = "choose versions that fit each other";
const CARE: &str = "it is worked with care and its details stay out of notifications";

const ATTACK: &str = "the input looks like an attack and reached an exception";
const GUARD: &str = "a guard of the program stopped something forbidden";
const OVERWRITTEN: &str = "memory of the program was overwritten, which an attacker may be able to use";
const CALLER: &str = "the caller sent something invalid and was told so";
const GONE: &str = "the caller went away before the answer was there";
const RAN_OUT: &str = "a resource of the machine ran out";
const NO_ANSWER: &str = "another machine or service did not answer";
const MISSING: &str = "a setting, a file or an installed package is missing";
const REFUSED: &str = "a service refused the credentials or the rights that the settings give";
const SCHEMA: &str = "the database lacks a table or column that the code expects";
const BAD_DATA: &str = "data is there that should not be, or is missing that should";
const CONTENDED: &str = "two transactions were in each other's way";
const VERSIONS: &str = "an installed package does not fit the code that uses it";

/// The table, in the order in which it is asked.
const KINDS: &[Kind] = &[
    kind(Security, Route::Security, Chain, Marks(ATTACK_MARKS), ATTACK, CARE),
    kind(Security, Route::Security, Chain, Name(GUARDS), GUARD, CARE),
    kind(Security, Route::Security, Chain, Name(CORRUPTED), OVERWRITTEN, CARE),
    kind(Security, Route::Security, Chain, Words(CORRUPTED), OVERWRITTEN, CARE),
    kind(
        Config,
        Route::Human,
        Chain,
        Both(&["ValidationError"], &[" for settings", " for config"]),
        MISSING,
        MEND,
    ),
    kind(Dependency, Route::Human, Chain, Name(LINKAGE), VERSIONS, RENEW),
    kind(
        Dependency,
        Route::Human,
        Chain,
        Both(&["ImportError"], &["undefined symbol", "cannot open shared object"]),
        VERSIONS,
        RENEW,
    ),
    kind(Config, Route::Human, Chain, Both(DATABASE, NO_TABLE), SCHEMA, MEND),
    kind(Config, Route::Human, Chain, Words(NO_TABLE_PLAIN), SCHEMA, MEND),
    kind(UserError, Route::Ignore, Outermost, Name(LEFT), GONE, FINE),
    kind(
        UserError,
        Route::Ignore,
        Outermost,
        Words(&["client disconnected", "request aborted", "client closed"]),
        GONE,
        FINE,
    ),
    kind(
        Config,
        Route::Human,
        Outermost,
        Name(&["nio.file.AccessDeniedException", "nio.file.NoSuchFileException"]),
        MISSING,
        MEND,
    ),
    kind(UserError, Route::Ignore, Outermost, Name(CALLERS), CALLER, FINE),
    kind(Resource, Route::Human, Chain, Name(RESOURCES), RAN_OUT, LOOK),
    kind(Resource, Route::Human, Chain, Words(RESOURCE_WORDS), RAN_OUT, LOOK),
    kind(Flaky, Route::Human, Chain, Name(CONTENTION), CONTENDED, RETRY),
    kind(Flaky, Route::Human, Chain, Words(CONTENTION_WORDS), CONTENDED, RETRY),
    kind(Config, Route::Human, Chain, Words(REFUSED_WORDS), REFUSED, MEND),
    kind(Data, Route::Human, Chain, Name(BROKEN_DATA), BAD_DATA, CLEAN),
    kind(Data, Route::Human, Chain, Words(BROKEN_DATA_WORDS), BAD_DATA, CLEAN),
    kind(Infrastructure, Route::Ignore, Chain, Name(NETWORK), NO_ANSWER, WAIT),
    kind(Infrastructure, Route::Ignore, Chain, Words(NETWORK_WORDS), NO_ANSWER, WAIT),
    kind(Config, Route::Human, Chain, Name(DEPLOYMENT), MISSING, MEND),
    kind(Config, Route::Human, Chain, Words(DEPLOYMENT_WORDS), MISSING, MEND),
];

/// What of an error the table is asked with.
struct Seen {
    /// Full names, outermost first.
    names: Vec<String>,
    /// Text of the outermost exception without quoted values, in lower case.
    outer: String,
    /// Text of all exceptions without quoted values, in lower case.
    all: String,
    /// Text of all exceptions with everything, in lower case.
    raw: String,
}

/// The row that an error fits; none means a defect of the code where there is code to look at.
///
/// `told` names exceptions by which this very program tells its callers that they are wrong.
pub(super) fn find(sample: &Sample, told: &[String]) -> Option<(&'static Kind, String)> {
    let seen = match &sample.trace {
        Some(trace) => Seen::of_trace(trace),
        None => Seen::of_line(&sample.text),
    };
    let name = seen.names.first().cloned().unwrap_or_default();
    if told.iter().any(|told| !told.is_empty() && named(&name, told)) {
        let row = KINDS.iter().find(|kind| kind.why == CALLER);
        return row.map(|kind| (kind, name));
    }
    let defect = sample.trace.is_some() && DEFECTS.contains(&short_name(&name));
    let kind = KINDS.iter().find(|kind| kind.fits(&seen, defect))?;
    let by = match (kind.name_in(&seen, defect), kind.word_in(&seen, defect)) {
        (Some(by), _) => by,
        (None, Some(word)) if name.is_empty() => word.to_owned(),
        // The name may be as plain as `Error`; what spoke for the row says what happened.
        (None, Some(word)) => format!("{name}: {word}"),
        (None, None) => name,
    };
    Some((kind, by))
}

/// The exception whose stack tells the most: the outermost that has frames of the application.
pub(crate) fn telling(trace: &Trace) -> &Trace {
    let mut level = trace;
    for _ in 0..CHAIN {
        match level.causes.first() {
            Some(cause) if !level.frames.iter().any(|frame| frame.in_app) => level = cause,
            Some(_) | None => break,
        }
    }
    if level.frames.iter().any(|frame| frame.in_app) { level } else { trace }
}

/// An exception's name without its module.
pub(crate) fn short_name(exception: &str) -> &str {
    exception.rsplit(['.', ':', '$', '\\']).next().unwrap_or(exception)
}

impl Seen {
    fn of_trace(trace: &Trace) -> Self {
        let chain: Vec<&Trace> = std::iter::once(trace).chain(&trace.causes).take(CHAIN).collect();
        let text = |link: &Trace| cut(link.message.as_deref().unwrap_or_default());
        let raw = chain.iter().map(|link| text(link)).collect::<Vec<_>>().join("\n").to_lowercase();
        // The text of a missing key is that key and nothing else.
        let telling = |link: &&&Trace| !link.exception.as_deref().is_some_and(|name| named(name, "KeyError"));
        let words = |links: &[&Trace]| {
            links.iter().filter(telling).map(|link| unquoted(&text(link))).collect::<Vec<_>>().join("\n")
        };
        Self {
            names: chain.iter().map(|link| link.exception.clone().unwrap_or_default()).collect(),
            outer: words(&chain[..1]),
            all: words(&chain),
            raw,
        }
    }

    fn of_line(text: &str) -> Self {
        let text = cut(text);
        let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_'));
        let names = words
            .filter(|word| word.ends_with("Error") || word.ends_with("Exception"))
            .filter(|word| short_name(word).len() > "Exception".len())
            .take(CHAIN)
            .map(str::to_owned)
            .collect();
        let plain = unquoted(&text);
        Self { names, outer: plain.clone(), all: plain, raw: text.to_lowercase() }
    }
}

impl Kind {
    fn fits(&self, seen: &Seen, defect: bool) -> bool {
        match self.test {
            Name(_) => self.name_in(seen, defect).is_some(),
            Words(_) => self.word_in(seen, defect).is_some(),
            Both(_, _) => self.name_in(seen, defect).is_some() && self.word_in(seen, defect).is_some(),
            Marks(list) => list.iter().any(|mark| seen.raw.contains(mark)),
        }
    }

    /// Whether only the outermost exception counts.
    fn narrow(&self, defect: bool) -> bool {
        defect || self.scope == Outermost
    }

    fn word_in(&self, seen: &Seen, defect: bool) -> Option<&'static str> {
        let list = match self.test {
            Words(list) | Both(_, list) => list,
            Name(_) | Marks(_) => return None,
        };
        let words = if self.narrow(defect) { &seen.outer } else { &seen.all };
        list.iter().find(|word| words.contains(**word)).map(|word| word.trim())
    }

    fn name_in(&self, seen: &Seen, defect: bool) -> Option<String> {
        let list = match self.test {
            Name(list) | Both(list, _) => list,
            Words(_) | Marks(_) => return None,
        };
        let links = if self.narrow(defect) { 1 } else { CHAIN };
        let mut names = seen.names.iter().take(links);
        names.find(|name| list.iter().any(|wanted| named(name, wanted))).cloned()
    }
}

/// Whether a full name is the wanted one, or ends in it where that has a dot, or has the part behind a star.
fn named(full: &str, wanted: &str) -> bool {
    let short = short_name(full);
    match wanted.strip_prefix('*') {
        Some(part) => short.contains(part),
        None if wanted.contains('.') => {
            full == wanted || full.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('.'))
        }
        None => short == wanted,
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(SEARCHED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A text in lower case without what stands in quotation marks. A mark within a word is an apostrophe.
fn unquoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut inside: Option<char> = None;
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends_word = !chars.peek().is_some_and(|next| next.is_alphanumeric());
        match inside {
            Some(mark) if c == mark && ends_word => inside = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') && !before.is_alphanumeric() => inside = Some(c),
            None => plain.extend(c.to_lowercase()),
        }
        before = c;
    }
    plain
}
