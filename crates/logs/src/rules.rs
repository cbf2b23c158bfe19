//! What the user says about which errors are the same, which are theirs, and which are none: `[[logs.rules]]`.
//!
//! A rule has conditions, which must all hold, and one thing to do. Rules that say which frames are the application's come
//! first, each frame going by the first rule that names it, so that what follows goes by the user's word. Of the other rules,
//! the first one whose conditions hold decides, and no further one is asked. Patterns are globs, or regular expressions
//! between slashes; both run in linear time on texts of bounded length.

use groundcrew_core::trace::{Frame, Trace};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::fingerprint::{Fingerprint, fingerprint, of_rule, without_values};
use crate::record::Record;

/// Most rules of one project.
const MOST_RULES: usize = 200;
/// Bytes of a pattern or a text of a rule.
const LONGEST: usize = 1 << 10;
/// Bytes that a compiled pattern may take.
const COMPILED: usize = 1 << 20;
/// Bytes of a message that patterns are tried on.
const MESSAGE: usize = 8 << 10;
/// Frames and causes of one trace that patterns are tried on.
const FRAMES: usize = 200;

/// One rule, as it stands in the settings: conditions, and exactly one of `in_app`, `ignore`, `merge`, `split` and
/// `fingerprint`. A pattern is a glob over the whole text (`*`, `?`), or a regular expression between slashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Rule {
    /// What it is called where it is shown; none means its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Pattern of the exception's type, or of one of its causes, with or without modules.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Pattern of the message, or of that of a cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Pattern of the logger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// Pattern of the file of a frame, matched from any folder on; `**` stands for any number of folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Pattern of the function of a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Pattern of the level: trace, debug, info, warning, error or critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Pattern of the log's path, matched from any folder on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether frames with this path and function are the application's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_app: Option<bool>,
    /// These errors are no incidents; they are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
    /// These errors are one incident, of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<String>,
    /// These errors are different incidents also where one of these differs: type, message, logger, path, function, level,
    /// source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Vec<String>>,
    /// These errors are the same incident where this text is the same; `{type}`, `{root_type}`, `{message}`, `{function}`,
    /// `{path}`, `{logger}`, `{level}`, `{source}` and `{default}` stand for what they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// The same fields, read without a look at whether they make sense together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: Option<String>,
    #[serde(rename = "type")]
    exception: Option<String>,
    message: Option<String>,
    logger: Option<String>,
    path: Option<String>,
    function: Option<String>,
    level: Option<String>,
    source: Option<String>,
    in_app: Option<bool>,
    #[serde(default)]
    ignore: bool,
    merge: Option<String>,
    split: Option<Vec<String>>,
    fingerprint: Option<String>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let Fields {
            name,
            exception,
            message,
            logger,
            path,
            function,
            level,
            source,
            in_app,
            ignore,
            merge,
            split,
            fingerprint,
        } = Fields::deserialize(source)?;
        let rule = Self {
            name,
            exception,
            message,
            logger,
            path,
            function,
            level,
            source,
            in_app,
            ignore,
            merge,
            split,
            fingerprint,
        };
        // Where a rule is read, its place in the file is known.
        compiled(&rule, 0).map_err(D::Error::custom)?;
        Ok(rule)
    }
}

/// A rule that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It does nothing, or several things.
    #[error(
        "a rule does one thing: give it one of in_app, ignore, merge, split and fingerprint (it has {0})"
    )]
    Actions(usize),
    /// It would hold for every error.
    #[error("a rule needs a condition: type, message, logger, path, function, level or source")]
    Everything,
    /// It is about frames and asks for something else.
    #[error("a rule with in_app is about frames: give it path or function, and nothing else")]
    Frames,
    /// A pattern cannot be understood.
    #[error(
        "the pattern {pattern:?} cannot be used: {reason}; write a glob such as \"shop/*\", or /a regular expression/"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A text is empty or too long.
    #[error("{what} of a rule has between 1 and 1024 bytes")]
    Length {
        /// Which text.
        what: &'static str,
    },
    /// A placeholder or part that does not exist.
    #[error(
        "{0:?} is nothing that errors have; they have type, root_type, message, function, path, logger, level, source, default"
    )]
    Part(String),
    /// There are too many.
    #[error(
        "there are {0} rules; at most 200 are followed, so merge some into one with a pattern such as /a|b/"
    )]
    Many(usize),
}

/// Rules, ready to be followed.
#[derive(Debug, Default)]
pub struct Rules {
    frames: Vec<Compiled>,
    records: Vec<Compiled>,
}

/// An error with what the rules say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Which error it is.
    pub fingerprint: Fingerprint,
    /// Name of the rule that decided, where one did.
    pub rule: Option<String>,
    /// Whether that rule hides it.
    pub ignored: bool,
    /// Fingerprints without the rule, by which the first error under the rule may be known.
    pub without_rule: Vec<String>,
}

#[derive(Debug)]
struct Compiled {
    name: String,
    exception: Option<Pattern>,
    message: Option<Pattern>,
    logger: Option<Pattern>,
    path: Option<Pattern>,
    function: Option<Pattern>,
    level: Option<Pattern>,
    source: Option<Pattern>,
    action: Action,
}

#[derive(Debug)]
enum Action {
    InApp(bool),
    Ignore,
    Merge(String),
    Split(Vec<Part>),
    Fingerprint(Vec<Piece>),
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Type,
    RootType,
    Message,
    Function,
    Path,
    Logger,
    Level,
    Source,
    Default,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Part(Part),
}

impl Rules {
    /// Makes rules ready.
    ///
    /// # Errors
    /// Names the first rule that cannot be followed, and why.
    pub fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        if rules.len() > MOST_RULES {
            return Err(RuleError::Many(rules.len()));
        }
        let mut found = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            let rule = compiled(rule, at + 1)?;
            match rule.action {
                Action::InApp(_) => found.frames.push(rule),
                Action::Ignore | Action::Merge(_) | Action::Split(_) | Action::Fingerprint(_) => {
                    found.records.push(rule);
                }
            }
        }
        Ok(found)
    }

    /// Which error a record is. Its frames are marked as the user's or not, as the rules say. `source` is the log's path.
    pub fn judge(&self, record: &mut Record, source: &str) -> Judged {
        if let Some(trace) = record.trace.as_mut().filter(|_| !self.frames.is_empty()) {
            self.mark(trace);
        }
        let plain = fingerprint(record);
        let Some(rule) = self.records.iter().find(|rule| rule.holds(record, source)) else {
            return Judged { fingerprint: plain, rule: None, ignored: false, without_rule: Vec::new() };
        };
        let key = match &rule.action {
            Action::InApp(_) | Action::Ignore => None,
            Action::Merge(name) => Some(vec!["merge".to_owned(), name.clone()]),
            Action::Split(parts) => {
                let parts = parts.iter().map(|part| part.of(record, source, &plain));
                Some(["split".to_owned(), plain.key.clone()].into_iter().chain(parts).collect())
            }
            Action::Fingerprint(pieces) => {
                let text = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Part(part) => part.of(record, source, &plain),
                });
                Some(vec!["fingerprint".to_owned(), text.collect()])
            }
        };
        let ignored = matches!(rule.action, Action::Ignore);
        let rule_name = Some(rule.name.clone());
        let Some(key) = key else {
            return Judged { fingerprint: plain, rule: rule_name, ignored, without_rule: Vec::new() };
        };
        let without_rule = std::iter::once(plain.key.clone()).chain(plain.older.iter().cloned()).collect();
        let title = match &rule.action {
            Action::Merge(name) => name.clone(),
            Action::InApp(_) | Action::Ignore | Action::Split(_) | Action::Fingerprint(_) => {
                plain.title.clone()
            }
        };
        let fingerprint = Fingerprint { key: of_rule(&key), older: Vec::new(), title, ..plain };
        Judged { fingerprint, rule: rule_name, ignored, without_rule }
    }

    fn mark(&self, trace: &mut Trace) {
        for trace in
            std::iter::once(&mut trace.frames).chain(trace.causes.iter_mut().map(|cause| &mut cause.frames))
        {
            for frame in trace {
                let rule = self.frames.iter().find(|rule| rule.names(frame));
                if let Some(Action::InApp(in_app)) = rule.map(|rule| &rule.action) {
                    frame.in_app = *in_app;
                }
            }
        }
    }
}

impl Compiled {
    fn holds(&self, record: &Record, source: &str) -> bool {
        let is = |pattern: &Option<Pattern>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| pattern.is_in(text)))
        };
        is(&self.level, record.level.map(crate::record::Level::as_str))
            && is(&self.logger, record.logger.as_deref())
            && is(&self.source, Some(source))
            && self
                .exception
                .as_ref()
                .is_none_or(|pattern| types(record).any(|name| pattern.is_in_type(name)))
            && self.message.as_ref().is_none_or(|pattern| messages(record).any(|text| pattern.is_in(text)))
            && (self.path.is_none() && self.function.is_none()
                || frames(record).any(|frame| self.names(frame)))
    }

    fn names(&self, frame: &Frame) -> bool {
        let is = |pattern: &Option<Pattern>, text: &Option<String>| {
            pattern.as_ref().is_none_or(|pattern| text.as_ref().is_some_and(|text| pattern.is_in(text)))
        };
        is(&self.path, &frame.file) && is(&self.function, &frame.function)
    }
}

fn traces(record: &Record) -> impl Iterator<Item = &Trace> {
    record.trace.iter().flat_map(|trace| std::iter::once(trace).chain(trace.causes.iter().take(FRAMES)))
}

fn types(record: &Record) -> impl Iterator<Item = &str> {
    traces(record).filter_map(|trace| trace.exception.as_deref())
}

fn messages(record: &Record) -> impl Iterator<Item = &str> {
    std::iter::once(record.message.as_str())
        .chain(traces(record).filter_map(|trace| trace.message.as_deref()))
}

fn frames(record: &Record) -> impl Iterator<Item = &Frame> {
    traces(record).flat_map(|trace| trace.frames.iter().take(FRAMES))
}

impl Part {
    fn named(name: &str) -> Result<Self, RuleError> {
        Ok(match name {
            "type" => Self::Type,
            "root_type" => Self::RootType,
            "message" => Self::Message,
            "function" => Self::Function,
            "path" => Self::Path,
            "logger" => Self::Logger,
            "level" => Self::Level,
            "source" => Self::Source,
            "default" => Self::Default,
            other => return Err(RuleError::Part(other.to_owned())),
        })
    }

    fn of(self, record: &Record, source: &str, plain: &Fingerprint) -> String {
        let trace = record.trace.as_ref();
        let root = trace.map(|trace| trace.causes.last().unwrap_or(trace));
        let frame = || root.and_then(|root| root.in_app_frame().or(root.frames.first()));
        let found = match self {
            Self::Type => trace.and_then(|trace| trace.exception.clone()),
            Self::RootType => root.and_then(|root| root.exception.clone()),
            Self::Message => {
                let message = root.and_then(|root| root.message.as_deref()).unwrap_or(&record.message);
                Some(without_values(message))
            }
            Self::Function => frame().and_then(|frame| frame.function.clone()),
            Self::Path => frame().and_then(|frame| frame.file.clone()),
            Self::Logger => record.logger.clone(),
            Self::Level => record.level.map(|level| level.as_str().to_owned()),
            Self::Source => Some(source.to_owned()),
            Self::Default => Some(plain.key.clone()),
        };
        found.unwrap_or_default()
    }
}

fn compiled(rule: &Rule, number: usize) -> Result<Compiled, RuleError> {
    let action = action(rule)?;
    for (what, text) in [("the name", &rule.name), ("merge", &rule.merge), ("fingerprint", &rule.fingerprint)]
    {
        if text.as_ref().is_some_and(|text| text.trim().is_empty() || text.len() > LONGEST) {
            return Err(RuleError::Length { what });
        }
    }
    let of_record = [&rule.exception, &rule.message, &rule.logger, &rule.level, &rule.source];
    let of_frame = [&rule.path, &rule.function];
    let about_frames = matches!(action, Action::InApp(_));
    if about_frames
        && (of_record.iter().any(|text| text.is_some()) || of_frame.iter().all(|text| text.is_none()))
    {
        return Err(RuleError::Frames);
    }
    if of_record.iter().chain(&of_frame).all(|text| text.is_none()) {
        return Err(RuleError::Everything);
    }
    let plain = |text: &Option<String>| text.as_deref().map(|text| Pattern::new(text, false)).transpose();
    let path = |text: &Option<String>| text.as_deref().map(|text| Pattern::new(text, true)).transpose();
    Ok(Compiled {
        name: rule.name.clone().unwrap_or_else(|| format!("rule {number}")),
        exception: plain(&rule.exception)?,
        message: plain(&rule.message)?,
        logger: plain(&rule.logger)?,
        path: path(&rule.path)?,
        function: plain(&rule.function)?,
        level: plain(&rule.level)?,
        source: path(&rule.source)?,
        action,
    })
}

fn action(rule: &Rule) -> Result<Action, RuleError> {
    let mut all = Vec::new();
    all.extend(rule.in_app.map(Action::InApp));
    all.extend(rule.ignore.then_some(Action::Ignore));
    all.extend(rule.merge.clone().map(Action::Merge));
    if let Some(parts) = &rule.split {
        if parts.is_empty() {
            return Err(RuleError::Length { what: "split" });
        }
        all.push(Action::Split(parts.iter().map(|part| Part::named(part)).collect::<Result<_, _>>()?));
    }
    if let Some(text) = &rule.fingerprint {
        all.push(Action::Fingerprint(pieces(text)?));
    }
    let count = all.len();
    all.pop().filter(|_| count == 1).ok_or(RuleError::Actions(count))
}

/// `{type} in {function}` as texts and parts.
fn pieces(text: &str) -> Result<Vec<Piece>, RuleError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or_else(|| RuleError::Part(behind.to_owned()))?;
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Part(Part::named(name.trim())?));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

#[derive(Debug)]
struct Pattern(Regex);

impl Pattern {
    fn new(text: &str, of_path: bool) -> Result<Self, RuleError> {
        let wrong = |reason: String| RuleError::Pattern { pattern: text.chars().take(80).collect(), reason };
        if text.is_empty() || text.len() > LONGEST {
            return Err(wrong("it has to have between 1 and 1024 bytes".to_owned()));
        }
        let between =
            text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
        let source = match between {
            Some(inner) => inner.to_owned(),
            None => of_glob(text, of_path),
        };
        let regex = RegexBuilder::new(&source)
            .size_limit(COMPILED)
            .dfa_size_limit(COMPILED)
            .dot_matches_new_line(true)
            .build();
        regex
            .map(Self)
            .map_err(|error| wrong(error.to_string().lines().last().unwrap_or_default().to_owned()))
    }

    fn is_in(&self, text: &str) -> bool {
        let text = &text[..text.floor_char_boundary(MESSAGE)];
        if text.contains('\\') {
            return self.0.is_match(text) || self.0.is_match(&text.replace('\\', "/"));
        }
        self.0.is_match(text)
    }

    /// A type is named with its modules or without.
    fn is_in_type(&self, name: &str) -> bool {
        let short = name.rsplit(['.', ':', '\\', '/']).next().unwrap_or(name);
        self.is_in(name) || self.is_in(short)
    }
}

/// A glob as a regular expression over the whole text; one of a path may begin at any folder.
fn of_glob(glob: &str, of_path: bool) -> String {
    let mut source = String::from(if of_path && !glob.starts_with('/') { r"^(?:.*/)?" } else { "^" });
    let mut rest = glob.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if of_path && rest.next_if_eq(&'*').is_some() => source.push_str(".*"),
            '*' => source.push_str(if of_path { "[^/]*" } else { ".*" }),
            '?' => source.push_str(if of_path { "[^/]" } else { "." }),
            other => source.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    source.push('$');
    source
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Level, Span};

    fn rules(rules: &[Rule]) -> Rules {
        Rules::new(rules).unwrap()
    }

    fn record(name: &str, message: &str, file: &str) -> Record {
        let frame = |function: &str, file: &str| Frame {
            file: Some(file.to_owned()),
            line: Some(3),
            function: Some(function.to_owned()),
            in_app: !file.contains("packages"),
            ..Frame::default()
        };
        Record {
            level: Some(Level::Error),
            logger: Some("shop.web".to_owned()),
            message: format!("{name}: {message}"),
            trace: Some(Trace {
                exception: Some(name.to_owned()),
                message: Some(message.to_owned()),
                frames: vec![
                    frame("get", "/usr/lib/site-packages/http.py"),
                    frame("load", file),
                    frame("view", "/srv/shop/views.py"),
                ],
                ..Trace::default()
            }),
            ..plain()
        }
    }

    fn plain() -> Record {
        serde_json::from_value(serde_json::json!({
            "text": "", "line": 1, "bytes": Span { start: 0, end: 1 }, "time": null, "level": null, "logger": null,
            "message": "pool is full", "trace": null, "context": [], "truncated": false, "redactions": 0
        }))
        .unwrap()
    }

    fn judge(rules: &Rules, record: &Record) -> Judged {
        rules.judge(&mut record.clone(), "/var/log/shop/app.log")
    }

    #[test]
    fn without_rules_an_error_is_what_it_is() {
        let record = record("shop.Timeout", "no answer", "/srv/shop/load.py");
        let judged = judge(&Rules::default(), &record);
        assert_eq!(
            judged,
            Judged { fingerprint: fingerprint(&record), rule: None, ignored: false, without_rule: vec![] }
        );
    }

    #[test]
    fn every_condition_must_hold_and_each_takes_globs_and_regular_expressions() {
        let record = record("shop.errors.Timeout", "no answer from db-1", "/srv/shop/load.py");
        let ignore = |change: &dyn Fn(&mut Rule)| {
            let mut rule = Rule { ignore: true, ..Rule::default() };
            change(&mut rule);
            judge(&rules(&[rule]), &record).ignored
        };
        let yes: [&dyn Fn(&mut Rule); 12] = [
            &|rule| rule.exception = Some("Timeout".into()),
            &|rule| rule.exception = Some("shop.*".into()),
            &|rule| rule.exception = Some("/^shop\\.errors\\.(Timeout|Refused)$/".into()),
            &|rule| rule.message = Some("no answer from *".into()),
            &|rule| rule.message = Some("/db-\\d/".into()),
            &|rule| rule.logger = Some("shop.*".into()),
            &|rule| rule.path = Some("shop/*.py".into()),
            &|rule| rule.path = Some("/srv/**".into()),
            &|rule| rule.function = Some("load".into()),
            &|rule| rule.level = Some("err*".into()),
            &|rule| rule.source = Some("shop/app.log".into()),
            &|rule| (rule.path, rule.function) = (Some("load.py".into()), Some("load".into())),
        ];
        for (at, change) in yes.iter().enumerate() {
            assert!(ignore(change), "{at}");
        }
        let no: [&dyn Fn(&mut Rule); 8] = [
            &|rule| rule.exception = Some("Time".into()),
            &|rule| rule.message = Some("no answer".into()),
            &|rule| rule.path = Some("shop/*.js".into()),
            &|rule| rule.path = Some("srv/*.py".into()),
            &|rule| rule.path = Some("hop/load.py".into()),
            &|rule| rule.level = Some("critical".into()),
            &|rule| (rule.exception, rule.logger) = (Some("Timeout".into()), Some("other".into())),
            &|rule| (rule.path, rule.function) = (Some("load.py".into()), Some("view".into())),
        ];
        for (at, change) in no.iter().enumerate() {
            assert!(!ignore(change), "{at}");
        }
    }

    #[test]
    fn the_first_rule_that_holds_decides_after_those_about_frames() {
        let late = |path: &str| Rule { path: Some(path.into()), ..Rule::default() };
        let both = rules(&[
            Rule {
                name: Some("first".into()),
                merge: Some("slow database".into()),
                exception: Some("Timeout".into()),
                ..Rule::default()
            },
            Rule { ignore: true, exception: Some("Timeout".into()), ..Rule::default() },
            Rule { in_app: Some(false), ..late("load.py") },
            Rule { in_app: Some(true), ..late("**/http.py") },
            Rule { in_app: Some(false), ..late("http.py") },
        ]);
        let mut record = record("shop.Timeout", "no answer", "/srv/shop/load.py");
        let judged = both.judge(&mut record, "app.log");
        assert_eq!((judged.rule.as_deref(), judged.ignored), (Some("first"), false));
        let in_app: Vec<bool> = record.trace.unwrap().frames.iter().map(|frame| frame.in_app).collect();
        assert_eq!(in_app, [true, false, true], "of two rules about a frame the first counts");
    }

    #[test]
    fn errors_are_merged_split_and_named_as_the_user_says() {
        let slow = record("shop.Timeout", "no answer from alpha", "/srv/shop/load.py");
        let other = record("shop.Refused", "closed by beta", "/srv/shop/store.py");
        let of = |rule: Rule, record: &Record| judge(&rules(&[rule]), record);
        let merge = || Rule {
            merge: Some("database is away".into()),
            exception: Some("/Timeout|Refused/".into()),
            ..Rule::default()
        };
        let (a, b) = (of(merge(), &slow), of(merge(), &other));
        assert_eq!(
            (&a.fingerprint.key, a.fingerprint.title.as_str()),
            (&b.fingerprint.key, "database is away")
        );
        assert_eq!(a.rule.as_deref(), Some("rule 1"));
        let plain = fingerprint(&slow);
        assert_eq!(a.without_rule[0], plain.key);
        assert_eq!(a.fingerprint.family, plain.family);
        let twin = record("shop.Timeout", "no answer from gamma", "/srv/shop/load.py");
        assert_eq!(fingerprint(&twin).key, plain.key);
        let split = || Rule {
            split: Some(vec!["message".into()]),
            exception: Some("Timeout".into()),
            ..Rule::default()
        };
        let (a, b) = (of(split(), &slow), of(split(), &twin));
        assert_ne!(a.fingerprint.key, b.fingerprint.key);
        assert_eq!(of(split(), &slow).fingerprint.key, a.fingerprint.key);
        let named = |text: &str| Rule {
            fingerprint: Some(text.into()),
            logger: Some("shop.*".into()),
            ..Rule::default()
        };
        assert_eq!(
            of(named("{logger} {level}"), &slow).fingerprint.key,
            of(named("{logger} {level}"), &other).fingerprint.key
        );
        assert_ne!(
            of(named("{type} {function}"), &slow).fingerprint.key,
            of(named("{type} {function}"), &other).fingerprint.key
        );
        let line = Record { logger: Some("shop.db".into()), ..plain_line() };
        assert_eq!(
            of(named("{type}{path}{root_type}{source}{default}"), &line).rule.as_deref(),
            Some("rule 1")
        );
    }

    fn plain_line() -> Record {
        plain()
    }

    #[test]
    fn a_rule_that_cannot_be_followed_says_what_to_write() {
        let wrong = |rule: Rule| Rules::new(&[rule]).map(|_| "nothing").unwrap_err().to_string();
        let timeout = || Rule { exception: Some("Timeout".into()), ..Rule::default() };
        for (rule, told) in [
            (timeout(), "give it one of in_app, ignore, merge, split and fingerprint (it has 0)"),
            (Rule { ignore: true, merge: Some("x".into()), ..timeout() }, "(it has 2)"),
            (Rule { ignore: true, ..Rule::default() }, "a rule needs a condition"),
            (Rule { in_app: Some(true), ..timeout() }, "about frames"),
            (Rule { in_app: Some(true), ..Rule::default() }, "about frames"),
            (Rule { ignore: true, message: Some("/(/".into()), ..Rule::default() }, "unclosed group"),
            (
                Rule { ignore: true, message: Some("/(?:a{1000}){1000}/".into()), ..Rule::default() },
                "size limit",
            ),
            (
                Rule { ignore: true, message: Some(String::new()), ..Rule::default() },
                "between 1 and 1024 bytes",
            ),
            (
                Rule { ignore: true, message: Some("x".repeat(2000)), ..Rule::default() },
                "between 1 and 1024 bytes",
            ),
            (Rule { merge: Some(" ".into()), ..timeout() }, "merge of a rule has between"),
            (
                Rule { split: Some(vec!["colour".into()]), ..timeout() },
                "\"colour\" is nothing that errors have",
            ),
            (Rule { split: Some(vec![]), ..timeout() }, "split of a rule"),
            (Rule { fingerprint: Some("{typ}".into()), ..timeout() }, "\"typ\" is nothing"),
            (Rule { fingerprint: Some("{type".into()), ..timeout() }, "is nothing"),
        ] {
            let said = wrong(rule);
            assert!(said.contains(told), "{said} / {told}");
        }
        let many = vec![Rule { ignore: true, ..timeout() }; 201];
        assert_eq!(Rules::new(&many).unwrap_err(), RuleError::Many(201));
        let read: Result<Rule, _> = serde_json::from_value(serde_json::json!({ "ignore": true }));
        assert!(read.unwrap_err().to_string().starts_with("a rule needs a condition"));
        let read: Result<Rule, _> = serde_json::from_value(serde_json::json!({ "ignored": true }));
        assert!(read.unwrap_err().to_string().starts_with("unknown field `ignored`"));
    }
}
