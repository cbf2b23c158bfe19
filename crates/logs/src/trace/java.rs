//! Stack traces of Java, Kotlin and other languages of the Java machine.
//!
//! The exception comes before its frames, what caused it after them behind `Caused by:`. Suppressed exceptions are
//! indented below the one that suppressed them and are not its causes, so all of their lines are passed over.

use std::borrow::Cow;

use groundcrew_core::trace::{Frame, Trace};

use super::{Beginning, Follow, Language, Next, Place, file_and_line, head, in_app, indentation};

/// Java and Kotlin.
#[derive(Debug)]
pub(super) struct Java;

impl Language for Java {
    fn begins(&self, line: &str) -> Option<Beginning> {
        let text = line.trim_start();
        let found = (text.starts_with("at ") && frame(text).is_some())
            || (text.starts_with("Caused by: ") && head::is_head(text));
        found.then(|| Beginning { place: Place::Before, own: false, follow: Box::new(Frames { message: 0 }) })
    }

    fn starts(&self) -> &'static [&'static str] {
        &["at ", "Caused by: "]
    }

    fn parse(&self, text: &str) -> Option<Trace> {
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|line| frame(line).is_some())?;
        let (top, _) = head::before(&lines, first)?;
        let mut chain = sections(top, &lines[first..]);
        let mut top = chain.remove(0);
        top.causes = chain;
        Some(top)
    }

    fn endings(&self) -> &'static [&'static str] {
        &["java", "kt", "kts", "scala", "groovy", "clj"]
    }

    fn is_thrown(&self, trace: &Trace) -> bool {
        const BY_THE_MACHINE: [&str; 7] = [
            "NullPointerException",
            "ArithmeticException",
            "IndexOutOfBoundsException",
            "ClassCastException",
            "StackOverflowError",
            "OutOfMemoryError",
            "NegativeArraySizeException",
        ];
        let name = trace.exception.as_deref().unwrap_or_default();
        trace.frames.first().is_some_and(|frame| frame.in_app)
            && !BY_THE_MACHINE.iter().any(|known| name.ends_with(known))
    }

    /// `lambda$run$0`, `App$1` and the classes that proxies and code generators make are numbered anew in every build.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        if !function.contains('$') {
            return Cow::Borrowed(function);
        }
        let made = function.find("$$").map_or(function, |at| &function[..at]);
        let method =
            if made.len() < function.len() { function.rsplit_once('.').map(|(_, name)| name) } else { None };
        let parts = made.split('$').filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
        let name = parts.map(|part| {
            // An anonymous class has its number before the method: `App$1.run`.
            part.split_once('.')
                .filter(|(class, _)| class.bytes().all(|b| b.is_ascii_digit()))
                .map_or(part, |(_, method)| method)
        });
        let mut name = name.collect::<Vec<_>>().join("$");
        if let Some(method) = method {
            name = format!("{name}.{method}");
        }
        Cow::Owned(name)
    }
}

/// The exception and what caused it, from the lines behind the first exception's message.
fn sections(top: Trace, lines: &[&str]) -> Vec<Trace> {
    let mut chain = vec![top];
    let mut suppressed: Option<usize> = None;
    let mut in_message = false;
    for line in lines {
        let depth = indentation(line);
        if suppressed.is_some_and(|margin| depth >= margin) {
            continue;
        }
        suppressed = None;
        let text = line.trim();
        let Some(last) = chain.last_mut() else { break };
        if let Some(found) = frame(text) {
            last.frames.push(found);
            in_message = false;
        } else if let Some(cause) = text.strip_prefix("Caused by: ") {
            in_message = !is_omission(cause);
            if in_message {
                chain.push(head::of(cause));
            }
        } else if text.starts_with("Suppressed: ") {
            suppressed = Some(depth);
            in_message = false;
        } else if in_message && !is_omission(text) {
            let message = last.message.get_or_insert_default();
            message.push('\n');
            message.push_str(text);
        }
    }
    chain
}

/// The lines behind the first frame.
#[derive(Debug)]
struct Frames {
    /// Lines of a cause's message that may still come.
    message: usize,
}

impl Follow for Frames {
    fn next(&mut self, line: &str) -> Next {
        let text = line.trim_start();
        if text.starts_with("Caused by: ") || text.starts_with("Suppressed: ") {
            self.message = head::MESSAGE_LINES;
            return Next::Part;
        }
        if frame(text).is_some() || is_omission(text) {
            self.message = 0;
            return Next::Part;
        }
        if text.len() < line.len() && !text.is_empty() {
            return Next::Part;
        }
        if self.message > 0 && !head::is_head(text) {
            self.message -= 1;
            return Next::Perhaps;
        }
        Next::End
    }
}

fn is_omission(text: &str) -> bool {
    text.starts_with("... ") || text.starts_with("[CIRCULAR REFERENCE")
}

/// `java.base@17.0.1/java.lang.Integer.parseInt` as module and function; a class that was made at run time has a number
/// behind a slash, too: `shop.Cart$$Lambda$31/0x0800.apply`.
fn without_module(function: &str) -> (Option<&str>, &str) {
    match function.split_once('/') {
        Some((module, rest)) if !module.contains("$$Lambda") => {
            let rest = rest.trim_start_matches('/');
            // A class loader may stand before the module: `app//`, `loader/module@1/`.
            match rest.split_once('/').filter(|(inner, _)| !inner.contains("$$Lambda")) {
                Some((module, rest)) => (Some(module), rest),
                None => (Some(module), rest),
            }
        }
        Some(_) | None => (None, function),
    }
}

/// `at module/package.Class.method(File.java:12) ~[jar:1.0]`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim_start().strip_prefix("at ")?;
    let (function, rest) = text.split_once('(')?;
    let (location, _) = rest.split_once(')')?;
    let (module, function) = without_module(function);
    if !function.contains('.') || function.contains(char::is_whitespace) {
        return None;
    }
    let (file, line) = match file_and_line(location) {
        Some((file, line)) => (Some(file), Some(line)),
        None if matches!(location, "Native Method" | "Unknown Source" | "<generated>") => (None, None),
        None if location.contains('.') => (Some(location), None),
        None => return None,
    };
    if file.is_some_and(|file| file.contains(['/', '\\', ' ', ',']) || file.is_empty()) {
        return None;
    }
    Some(Frame {
        module: module.map(str::to_owned),
        in_app: in_app::java(function),
        file: file.map(str::to_owned),
        line,
        function: Some(function.to_owned()),
        source: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
Exception in thread \"main\" com.acme.shop.CheckoutException: cannot pay
for two reasons
\tat com.acme.shop.Checkout.pay(Checkout.java:41) ~[shop.jar:1.2]
\tat com.acme.shop.Checkout$1.run(Checkout.java:20)
\tat app//com.acme.shop.Main.main(Main.kt)
\tSuppressed: java.io.IOException: close failed
\t\tat com.acme.shop.Wire.close(Wire.java:9)
\tCaused by: java.lang.Error: deep
\t\tat com.acme.shop.Wire.open(Wire.java:3)
Caused by: java.lang.IllegalStateException
\tat java.base/java.util.ArrayList.get(ArrayList.java:427)
\tat jdk.internal.reflect.GeneratedMethodAccessor5.invoke(Unknown Source)
\tat com.acme.shop.Card.charge(Card.java:77)
\t... 2 more
Caused by: org.acme.Refused: limit
reached
\tat com.acme.shop.Bank.ask(Bank.java:5)
";

    #[test]
    fn causes_are_read_down_to_the_root_and_suppressed_ones_passed_over() {
        let trace = Java.parse(TRACE).unwrap();
        let told = |trace: &Trace| {
            let places: Vec<_> = trace
                .frames
                .iter()
                .map(|f| (f.function.clone().unwrap(), f.file.clone(), f.line, f.in_app))
                .collect();
            (trace.exception.clone().unwrap(), trace.message.clone(), places)
        };
        let place = |function: &str, file: Option<&str>, line, in_app| {
            (function.to_owned(), file.map(str::to_owned), line, in_app)
        };
        assert_eq!(
            told(&trace),
            (
                "com.acme.shop.CheckoutException".to_owned(),
                Some("cannot pay\nfor two reasons".to_owned()),
                vec![
                    place("com.acme.shop.Checkout.pay", Some("Checkout.java"), Some(41), true),
                    place("com.acme.shop.Checkout$1.run", Some("Checkout.java"), Some(20), true),
                    place("com.acme.shop.Main.main", Some("Main.kt"), None, true),
                ]
            )
        );
        let causes: Vec<_> = trace.causes.iter().map(told).collect();
        assert_eq!(
            causes,
            vec![
                (
                    "java.lang.IllegalStateException".to_owned(),
                    None,
                    vec![
                        place("java.util.ArrayList.get", Some("ArrayList.java"), Some(427), false),
                        place("jdk.internal.reflect.GeneratedMethodAccessor5.invoke", None, None, false),
                        place("com.acme.shop.Card.charge", Some("Card.java"), Some(77), true),
                    ]
                ),
                (
                    "org.acme.Refused".to_owned(),
                    Some("limit\nreached".to_owned()),
                    vec![place("com.acme.shop.Bank.ask", Some("Bank.java"), Some(5), true)]
                ),
            ]
        );
    }

    #[test]
    fn names_that_a_build_numbers_lose_their_numbers() {
        for (function, expected) in [
            ("com.acme.App.run", "com.acme.App.run"),
            ("com.acme.App.lambda$run$0", "com.acme.App.lambda$run"),
            ("com.acme.App$1.run", "com.acme.App$run"),
            ("com.acme.App$Inner.run", "com.acme.App$Inner.run"),
            ("com.acme.App$$Lambda$14.run", "com.acme.App.run"),
            ("com.acme.App$$EnhancerBySpringCGLIB$$ab12.pay", "com.acme.App.pay"),
        ] {
            assert_eq!(Java.lasting_name(function), expected, "{function}");
        }
    }

    #[test]
    fn frames_of_others_are_none() {
        for line in [
            "  at Shop.App.FindOrder (System.String oid) [0x00011] in /srv/app/App.cs:17",
            "   at Shop.App.Low() in c:/app/App.cs:line 36",
            "   at Shop.App.Wait(Task task)",
            "    at Shop.find (/srv/app/shop.js:1:2)",
            "at last",
        ] {
            assert_eq!(frame(line), None, "{line}");
        }
    }
}
