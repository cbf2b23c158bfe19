//! Which records are the same error.
//!
//! With a stack: the type of the exception that ended it, the type of its root cause, and the root's two innermost places in
//! the application. One place is too few, since a shared check fails for different callers; more would split one defect by
//! the road that led to it, and so would entry points, which do not count as the second. Where the root has no place in
//! the application, the nearest exception above it has. Places are functions, with the file's place within its project
//! where the function does not name it; line numbers, install folders, build numbers and recursion depth do not count.
//!
//! The root's message, without what may vary, counts where it tells one reason from another: where the application itself
//! threw, since one function may refuse for several reasons (the text of the `raise` or `throw` counts instead where the log
//! carries it, since it is the same each time), and where the type says too little. What a library or a runtime throws is
//! told by its type and the place; its text depends on the input, the version and the language of the machine. Where memory
//! ran out is chance, so only the text counts; of a runaway recursion its round counts.
//!
//! Without a place in the application: types and message. Without a stack: logger and message.
//!
//! Beside the key stands a coarser one, the [`Fingerprint::family`]: errors that have it in common may be the same, which a
//! person is told and decides.

mod first;
mod mask;
mod memo;
mod path;
mod place;
mod skeleton;

use std::borrow::Cow;

use groundcrew_core::trace::Trace;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::record::Record;
use memo::Keys;
use skeleton::skeleton;

/// Version of the rules below; it rises whenever the same record would get another key.
pub const VERSION: u32 = 2;
/// Places that tell errors apart.
const PLACES: usize = 2;
/// Characters of a title.
const TITLE: usize = 160;

/// Identity of an error across its occurrences.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the rules that made the key; keys of different versions do not compare.
    pub version: u32,
    /// 16 hexadecimal digits.
    pub key: String,
    /// Coarser: 16 hexadecimal digits that errors share which may be the same.
    #[serde(default)]
    pub family: String,
    /// Keys by which the rules of the version before knew such a record, the likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<String>,
    /// One line for people.
    pub title: String,
}

/// The fingerprint of a record.
pub fn fingerprint(record: &Record) -> Fingerprint {
    let Keys { key, family, older } = match &record.trace {
        Some(trace) => Keys {
            key: hashed(&trace_parts(trace)),
            family: hashed(&trace_family(trace)),
            older: first::keys(record),
        },
        None => memo::keys(record, line_keys),
    };
    Fingerprint { version: VERSION, key, family, older, title: title(record) }
}

/// The keys of a record without a trace.
fn line_keys(record: &Record) -> Keys {
    let (parts, family) = line(record);
    Keys { key: hashed(&parts), family: hashed(&family), older: first::keys(record) }
}

/// The key that names these parts.
pub(crate) fn hashed(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// The key that a rule of the user's makes from these parts.
pub(crate) fn of_rule(parts: &[String]) -> String {
    let of_rule = std::iter::once("rule 2".to_owned()).chain(parts.iter().cloned());
    hashed(&of_rule.collect::<Vec<_>>())
}

/// A message with marks for values of a known form; names stay.
pub(crate) fn without_values(message: &str) -> String {
    mask::masked(message)
}

/// What names an error without a stack, and what names those like it.
fn line(record: &Record) -> (Vec<String>, Vec<String>) {
    let logger = mask::masked(record.logger.as_deref().unwrap_or_default());
    let message = skeleton(&record.message);
    let family = vec!["line family".to_owned(), message.to_lowercase()];
    (vec!["line 2".to_owned(), logger, message], family)
}

fn trace_parts(trace: &Trace) -> Vec<String> {
    let root = trace.causes.last().unwrap_or(trace);
    let mut parts = vec!["trace 2".to_owned(), type_of(trace), type_of(root)];
    match Cause::of(trace, root) {
        Cause::Memory => parts.push(skeleton(root.message.as_deref().unwrap_or_default())),
        Cause::Recursion(round) => parts.extend(round),
        Cause::Place { places, thrown_by_app } => {
            parts.push(reason(root, thrown_by_app));
            parts.extend(places);
        }
        Cause::Unplaced => {
            let message = skeleton(root.message.as_deref().unwrap_or_default());
            // A library's place is by chance; it counts where nothing else tells.
            if message.split(' ').filter(|word| !word.is_empty() && !word.starts_with('<')).count() < 2 {
                parts.extend(place::any_places(root, PLACES));
            }
            parts.push(message);
        }
    }
    parts
}

/// Type of the error and of its root, and the innermost function of the application.
fn trace_family(trace: &Trace) -> Vec<String> {
    let root = trace.causes.last().unwrap_or(trace);
    let mut parts = vec!["trace family".to_owned(), type_of(root)];
    let place = chain(trace).find_map(|trace| place::places(trace, 1).into_iter().next());
    parts.push(place.unwrap_or_else(|| skeleton(root.message.as_deref().unwrap_or_default())));
    parts
}

/// Where the cause of a trace lies.
enum Cause {
    /// Memory ran out; where that happened is chance.
    Memory,
    /// It ran round these places until the stack was full.
    Recursion(Vec<String>),
    /// In the application.
    Place { places: Vec<String>, thrown_by_app: bool },
    /// Nowhere in the application.
    Unplaced,
}

impl Cause {
    fn of(trace: &Trace, root: &Trace) -> Self {
        let name = short(root.exception.as_deref().unwrap_or_default());
        let message = root.message.as_deref().unwrap_or_default();
        if is_memory(name, message) {
            return Self::Memory;
        }
        if is_overflow(name, message) {
            let round = place::recursion(root);
            if !round.is_empty() {
                return Self::Recursion(round);
            }
        }
        let placed = chain(trace).find_map(|trace| {
            Some((trace, place::places(trace, PLACES))).filter(|(_, places)| !places.is_empty())
        });
        match placed {
            Some((of, places)) => {
                let thrown_by_app = std::ptr::eq(of, root) && is_thrown_by_app(root);
                Self::Place { places, thrown_by_app }
            }
            None => Self::Unplaced,
        }
    }
}

/// The root, and outwards from it.
fn chain(trace: &Trace) -> impl Iterator<Item = &Trace> {
    trace.causes.iter().rev().chain(std::iter::once(trace))
}

/// A type by its own name: modules move, and some printers leave them out. Addresses and numbers of objects are no part of it.
fn type_of(trace: &Trace) -> String {
    let name = trace.exception.as_deref().unwrap_or_default();
    let name = name.split(['`', '<', '[', '(']).next().unwrap_or(name);
    short(name).to_owned()
}

fn short(name: &str) -> &str {
    name.trim_end_matches(['.', ':']).rsplit(['.', ':', '\\', '/', '$']).next().unwrap_or(name)
}

/// Whether the innermost frame is the application's own code, rather than a built-in function printed with its caller's line.
fn is_thrown_by_app(trace: &Trace) -> bool {
    let mut frames = trace.frames.iter();
    let (first, caller) = (frames.next(), frames.next());
    let built_in = first.zip(caller).is_some_and(|(first, caller)| {
        first.file == caller.file
            && first.line.is_some()
            && first.line == caller.line
            && first.function != caller.function
    });
    first.is_some_and(|frame| frame.in_app) && !built_in
}

/// What tells one reason from another at the same place.
fn reason(root: &Trace, thrown_by_app: bool) -> String {
    let name = short(root.exception.as_deref().unwrap_or_default());
    if let Some(statement) = thrown(root).filter(|_| thrown_by_app) {
        return statement;
    }
    let tells = is_vague(name) || thrown_by_app && !is_of_runtime(name);
    if tells { skeleton(root.message.as_deref().unwrap_or_default()) } else { String::new() }
}

/// The text of a `raise` or `throw` that says why; other source text changes with every edit of the line.
fn thrown(root: &Trace) -> Option<String> {
    let source = root.frames.first()?.source.as_deref()?.trim();
    let body = source.strip_prefix("raise ").or_else(|| source.strip_prefix("throw "))?;
    body.contains(['"', '\'', '`']).then(|| body.split_whitespace().collect())
}

/// Types that say no more than that something went wrong.
fn is_vague(name: &str) -> bool {
    matches!(
        name,
        "" | "panic"
            | "runtime error"
            | "Error"
            | "Exception"
            | "RuntimeError"
            | "RuntimeException"
            | "TypeError"
            | "runtime_error"
            | "logic_error"
            | "SystemError"
            | "Throwable"
            | "StandardError"
            | "fatal error"
            | "ErrorException"
            | "SIGSEGV"
            | "SIGABRT"
            | "AggregateError"
            | "_Exception"
            | "Fatal error"
    )
}

/// Types that a runtime or its library throws for what the input did: place and type tell what they are.
fn is_of_runtime(name: &str) -> bool {
    const NAMES: [&str; 50] = [
        "NullPointerException",
        "ArithmeticException",
        "IndexOutOfBoundsException",
        "ArrayIndexOutOfBoundsException",
        "StringIndexOutOfBoundsException",
        "ClassCastException",
        "NegativeArraySizeException",
        "NumberFormatException",
        "ConcurrentModificationException",
        "NoSuchElementException",
        "DateTimeParseException",
        "ArrayStoreException",
        "InputMismatchException",
        "UnsupportedOperationException",
        "NullReferenceException",
        "DivideByZeroException",
        "IndexOutOfRangeException",
        "KeyNotFoundException",
        "InvalidCastException",
        "FormatException",
        "OverflowException",
        "ArgumentOutOfRangeException",
        "ArgumentNullException",
        "KeyError",
        "IndexError",
        "AttributeError",
        "NameError",
        "UnboundLocalError",
        "ZeroDivisionError",
        "UnicodeDecodeError",
        "UnicodeEncodeError",
        "JSONDecodeError",
        "OverflowError",
        "StopIteration",
        "ModuleNotFoundError",
        "ImportError",
        "FileNotFoundError",
        "PermissionError",
        "NoMethodError",
        "FrozenError",
        "FloatDomainError",
        "ReferenceError",
        "SyntaxError",
        "URIError",
        "DivisionByZeroError",
        "ArgumentCountError",
        "NoSuchMethodError",
        "JsonException",
        "RangeError",
        "StateError",
    ];
    NAMES.contains(&name)
}

fn is_memory(name: &str, message: &str) -> bool {
    matches!(
        name,
        "OutOfMemoryError"
            | "OutOfMemoryException"
            | "MemoryError"
            | "NoMemoryError"
            | "bad_alloc"
            | "InsufficientMemoryException"
    ) || [
        "heap out of memory",
        "Out of Memory",
        "out of memory",
        "Allowed memory size of",
        "memory allocation of",
    ]
    .iter()
    .any(|known| message.starts_with(known) || message.ends_with(known))
}

fn is_overflow(name: &str, message: &str) -> bool {
    matches!(
        name,
        "StackOverflowError"
            | "StackOverflowException"
            | "RecursionError"
            | "SystemStackError"
            | "stack overflow"
    ) || [
        "Maximum call stack size exceeded",
        "stack overflow",
        "too much recursion",
        "goroutine stack exceeds",
        "stack level too deep",
    ]
    .iter()
    .any(|known| message.starts_with(known))
}

fn title(record: &Record) -> String {
    let text = match &record.trace {
        Some(trace) => Cow::Owned(trace_title(trace)),
        None => Cow::Borrowed(record.message.trim()),
    };
    let line = text.lines().next().unwrap_or_default();
    // So many characters take at least as many bytes.
    let cut = (line.len() > TITLE).then(|| line.char_indices().nth(TITLE)).flatten();
    match cut {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "error without a message".to_owned(),
        None => line.to_owned(),
    }
}

fn trace_title(trace: &Trace) -> String {
    let exception = trace.exception.as_deref().unwrap_or("error");
    let frame = trace.in_app_frame().or(trace.frames.first());
    let function = frame.and_then(|frame| frame.function.as_deref());
    let place = function.map(|function| format!(" in {function}")).unwrap_or_default();
    let message = trace.message.as_deref().and_then(|message| message.lines().next());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    format!("{exception}{place}{message}")
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::Frame;

    use super::*;

    /// `Type: message | function@file:line … ! function@file:line` and causes behind ` <- `; frames behind `!` are no part of
    /// the application.
    fn trace(text: &str) -> Trace {
        let mut all: Vec<Trace> = text.split(" <- ").map(one).collect();
        let causes = all.split_off(1);
        Trace { causes, ..all.remove(0) }
    }

    fn one(text: &str) -> Trace {
        let (head, stack) = text.split_once(" | ").unwrap_or((text, ""));
        let (name, message) = head.split_once(": ").unwrap_or((head, ""));
        let mut in_app = true;
        let mut frames = Vec::new();
        for word in stack.split_whitespace() {
            if word == "!" || word == "+" {
                in_app = word == "+";
                continue;
            }
            let (function, place) = word.rsplit_once('@').unwrap();
            let (file, line) = place.rsplit_once(':').unwrap();
            frames.push(Frame {
                function: (!function.is_empty()).then(|| function.replace('~', " ")),
                file: (!file.is_empty()).then(|| file.to_owned()),
                line: line.parse().ok(),
                in_app,
                ..Frame::default()
            });
        }
        Trace {
            exception: (!name.is_empty()).then(|| name.to_owned()),
            message: (!message.is_empty()).then(|| message.to_owned()),
            frames,
            ..Trace::default()
        }
    }

    fn key(text: &str) -> String {
        hashed(&trace_parts(&trace(text)))
    }

    #[test]
    fn what_differs_from_one_occurrence_to_the_next_never_splits_an_incident() {
        for group in [
            // Lines, install folders, temporary folders, other roads.
            &[
                "ValueError: bad | parse@/srv/app/shop/read.py:7 load@/srv/app/shop/read.py:9 <module>@/srv/app/app.py:3",
                "ValueError: bad | parse@/opt/releases/20261105-9f3c1ab/app/shop/read.py:8 load@/opt/releases/20261105-9f3c1ab/app/shop/read.py:19 worker_main@/opt/releases/20261105-9f3c1ab/app/app.py:8",
            ][..],
            // Values, names, keys, hosts.
            &[
                "shop.OrderError: customer Alice has no address | ship@/srv/shop/ship.py:5 view@/srv/shop/views.py:9",
                "shop.OrderError: customer Bob has no address | ship@/srv/shop/ship.py:5 view@/srv/shop/views.py:9",
                "OrderError: customer 77 has no address | ship@/srv/shop/ship.py:6 view@/srv/shop/views.py:9",
            ],
            // What a library says of the input.
            &[
                "json.decoder.JSONDecodeError: Expecting ',' delimiter: line 1 column 16 (char 15) | ! raw@/usr/lib/python3.11/json/decoder.py:3 + load@/srv/shop/read.py:5 view@/srv/shop/views.py:9",
                "json.decoder.JSONDecodeError: Expecting value: line 3 column 1 (char 88) | ! scan@/usr/lib/python3.12/json/scanner.py:77 + load@/srv/shop/read.py:5 view@/srv/shop/views.py:9",
            ],
            // The language of the machine.
            &[
                "System.FormatException: Input string was not in a correct format. | ! System.Number.Parse@:0 + Shop.Cart.Read@Cart.cs:4 Shop.Cart.Load@Cart.cs:9",
                "System.FormatException: Die Eingabezeichenfolge hat das falsche Format. | ! System.Number.Throw@:0 + Shop.Cart.Read@Cart.cs:4 Shop.Cart.Load@Cart.cs:9",
            ],
            // Depth of recursion, also over two functions.
            &[
                "LogicException: cycle at 7 | visit@a.php:4 walk@a.php:9 visit@a.php:4 walk@a.php:9 run@b.php:2",
                "LogicException: cycle at 8 | visit@a.php:4 walk@a.php:9 visit@a.php:4 walk@a.php:9 visit@a.php:4 walk@a.php:9 run@b.php:2",
            ],
            // A stack that overflowed ends by chance.
            &[
                "java.lang.StackOverflowError | a.Tree.walk@Tree.java:3 a.Tree.visit@Tree.java:5 a.Tree.walk@Tree.java:4 a.Tree.visit@Tree.java:5 a.Tree.walk@Tree.java:4 a.Tree.visit@Tree.java:5",
                "java.lang.StackOverflowError | ! java.util.Map.get@Map.java:7 + a.Tree.visit@Tree.java:5 a.Tree.walk@Tree.java:4 a.Tree.visit@Tree.java:5 a.Tree.walk@Tree.java:4 a.Tree.visit@Tree.java:5 a.Tree.walk@Tree.java:4",
            ],
            // Memory runs out where it runs out.
            &[
                "java.lang.OutOfMemoryError: Java heap space | a.Cache.put@Cache.java:5",
                "java.lang.OutOfMemoryError: Java heap space | ! java.util.Arrays.copyOf@Arrays.java:3 + a.Report.build@Report.java:9",
            ],
            // Lambdas, closures, coroutines and proxies of another build.
            &[
                "java.lang.IllegalStateException: closed | a.Till.lambda$open$0@Till.java:5 a.Shop$$EnhancerBySpringCGLIB$$1f2e.run@:0",
                "java.lang.IllegalStateException: closed | a.Till.lambda$open$3@Till.java:8 a.Shop$$EnhancerBySpringCGLIB$$77aa.run@:0",
            ],
            &[
                "System.InvalidOperationException: closed | Shop.Till+<OpenAsync>d__5.MoveNext@Till.cs:5 Shop.Cart+<PayAsync>d__2.MoveNext@Cart.cs:7",
                "System.InvalidOperationException: closed | Shop.Till.<OpenAsync>d__9.MoveNext@:0 Shop.Cart.PayAsync@Cart.cs:9",
            ],
            &[
                "panic: closed | shop::till::open::{{closure}}::h0123456789abcdef@src/till.rs:5 shop::pay::h1111111111111111@src/pay.rs:4",
                "panic: closed | shop::till::open::{closure#2}@src/till.rs:9 shop::pay::h2222222222222222@src/pay.rs:8",
            ],
            // Bundles of another build, also when the content network changed.
            &[
                "TypeError: Cannot read properties of undefined (reading 'a1') | t.e@https://shop.example/js/app.3f2a1b.js:1 checkout@https://shop.example/js/app.3f2a1b.js:1",
                "TypeError: Cannot read properties of undefined (reading 'b2') | n.a@https://cdn.example/v7/js/app.77ffee.js:1 checkout@https://cdn.example/v7/js/app.77ffee.js:1",
            ],
            // Hosts and times of a connection, with nothing of the application on the stack.
            &[
                "Error: connect ETIMEDOUT 10.0.0.1:5432 | ! TCPConnectWrap.afterConnect@node:net:1494",
                "Error: connect ETIMEDOUT 10.7.0.9:5433 | ! TCPConnectWrap.afterConnect@node:net:1501",
            ],
            &[
                "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms. | ! com.zaxxer.hikari.Pool.get@Pool.java:5",
                "java.sql.SQLTransientConnectionException: HikariPool-2 - Connection is not available, request timed out after 30001ms. | ! com.zaxxer.hikari.Pool.take@Pool.java:7",
            ],
            // The root cause has only frames of libraries: what called them tells.
            &[
                "ServiceError: failed | Shop.load@Shop.java:5 Shop.run@Shop.java:7 <- SocketTimeoutException: Read timed out | ! java.net.Socket.read@Socket.java:5",
                "ServiceError: failed | Shop.load@Shop.java:6 Shop.run@Shop.java:9 <- SocketTimeoutException: timeout | ! sun.nio.Socket.poll@Socket.java:5",
            ],
            // A trace that was cut off behind the second place.
            &[
                "KeyError: 'a' | price@/srv/shop/cart.py:3 total@/srv/shop/cart.py:8 view@/srv/shop/views.py:4",
                "KeyError: 'b' | price@/srv/shop/cart.py:3 total@/srv/shop/cart.py:8",
            ],
        ] {
            for other in &group[1..] {
                assert_eq!(trace_parts(&trace(other)), trace_parts(&trace(group[0])), "{other}");
                assert_eq!(key(other), key(group[0]), "{other}");
            }
        }
    }

    #[test]
    fn different_errors_are_different_incidents() {
        let all = [
            "ServiceError: failed | handle@a.py:5 view@v.py:3 <- ValueError: x | parse@a.py:3 handle@a.py:5",
            "ServiceError: failed | handle@a.py:5 view@v.py:3 <- KeyError: 'x' | parse@a.py:3 handle@a.py:5",
            "ServiceError: failed | handle@a.py:5 view@v.py:3 <- KeyError: 'x' | lookup@a.py:3 handle@a.py:5",
            "ApiError: failed | handle@a.py:5 view@v.py:3 <- KeyError: 'x' | lookup@a.py:3 handle@a.py:5",
            "ArgumentError: invalid argument | check@a.rb:3 reserve@a.rb:5 run@a.rb:7",
            "ArgumentError: invalid argument | check@a.rb:3 apply@a.rb:9 run@a.rb:7",
            "ArgumentError: invalid argument | check@a.rb:3 apply@b.rb:9 run@a.rb:7",
            "OrderError: stock locked for item 7 | ship@a.rb:3 run@a.rb:7",
            "OrderError: address missing for item 7 | ship@a.rb:4 run@a.rb:7",
            "KeyError: key not found: :a | ! fetch@a.rb:3 + price@a.rb:3 total@a.rb:7",
            "KeyError: key not found: :a | ! fetch@a.rb:3 + price@a.rb:3 refund@a.rb:9",
            "runtime error: index out of range [5] with length 3 | main.load@main.go:5 main.serve@main.go:7",
            "runtime error: invalid memory address or nil pointer dereference | main.load@main.go:6 main.serve@main.go:7",
            "TypeError: Cannot read properties of undefined (reading 'x') | load@a.js:5 serve@a.js:7",
            "TypeError: x.map is not a function | load@a.js:6 serve@a.js:7",
            "java.lang.OutOfMemoryError: Java heap space | a.Cache.put@Cache.java:5",
            "java.lang.OutOfMemoryError: Metaspace | a.Cache.put@Cache.java:5",
            "Error: connect ECONNREFUSED 10.0.0.1:1 | ! TCPConnectWrap.afterConnect@node:net:1494",
            "Error: connect ETIMEDOUT 10.0.0.1:1 | ! TCPConnectWrap.afterConnect@node:net:1494",
            "java.lang.NullPointerException | ! org.apache.Pipeline.run@Pipeline.java:3 org.apache.Server.run@Server.java:7",
            "java.lang.NullPointerException | ! org.apache.Codec.read@Codec.java:3 org.apache.Server.run@Server.java:7",
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(key(one), key(other), "{one}\n{other}");
            }
        }
    }

    #[test]
    fn the_text_of_a_raise_tells_reasons_apart_whatever_the_values() {
        let raised = |source: &str, message: &str| {
            let mut trace =
                trace(&format!("OrderError: {message} | ship@/srv/shop/ship.py:5 view@/srv/shop/views.py:9"));
            trace.frames[0].source = Some(source.to_owned());
            hashed(&trace_parts(&trace))
        };
        let said = "raise OrderError(f\"{who} is {what}\")";
        assert_eq!(raised(said, "mary is lost"), raised(said, "a box is full"));
        assert_ne!(raised(said, "mary is lost"), raised("raise OrderError(f\"{who} left\")", "mary is lost"));
        assert_ne!(
            raised("raise OrderError(", "stock locked"),
            raised("raise OrderError(", "address missing")
        );
    }

    #[test]
    fn errors_that_may_be_the_same_are_of_one_family() {
        let family = |text: &str| trace_family(&trace(text));
        let [a, b, c] = [
            "ApiError: failed | handle@a.py:5 <- KeyError: 'x' | lookup@a.py:3 handle@a.py:5",
            "KeyError: 'y' | lookup@a.py:3 other@a.py:5",
            "KeyError: 'y' | find@a.py:3 other@a.py:5",
        ];
        assert_ne!(key(a), key(b));
        assert_eq!(family(a), family(b));
        assert_ne!(family(b), family(c));
    }

    #[test]
    fn keys_of_the_second_version_stay_as_they_are() {
        let text = "shop.Full: no room for 7 | add@/srv/shop/cart.py:3 main@/srv/shop/cart.py:9 <- KeyError: 'x' | look@/srv/shop/stock/items.py:3";
        assert_eq!(key(text), "4a86489ece53092e");
    }
}
