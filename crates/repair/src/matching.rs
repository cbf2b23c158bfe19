//! When a failure is the incident's: the exception type and the innermost frame of the application must agree.
//!
//! Frames are those beneath the root of the checkout. Comprehensions count as their function, since newer versions of
//! Python no longer give them frames of their own.

use serde::Deserialize;

use groundcrew_core::contract::Reproduction;

/// An exception as a script of ours tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// Its type without the module.
    #[serde(rename = "type")]
    pub kind: String,
    /// Module of the type.
    pub module: String,
    /// Its text, cut.
    pub message: String,
    /// Frames, innermost first: file beneath the checkout (none if elsewhere), line, function.
    pub frames: Vec<(Option<String>, u32, String)>,
}

impl Raised {
    /// The exception as one line.
    pub fn headline(&self) -> String {
        let message: String = self.message.chars().take(200).collect();
        match self.frames.iter().find_map(|(file, line, _)| file.as_ref().map(|file| (file, line))) {
            Some((file, line)) => format!("{}: {message} ({file}:{line})", self.kind),
            None => format!("{}: {message}", self.kind),
        }
    }
}

/// What counts as the incident's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Exception type as printed, with or without its module.
    pub exception: String,
    /// File of the innermost frame of the application.
    pub file: String,
    /// Function of that frame.
    pub function: String,
}

impl Signature {
    /// The signature a reproduction carries.
    pub fn of(reproduction: &Reproduction) -> Signature {
        Signature {
            exception: reproduction.exception.clone(),
            file: reproduction.file.clone(),
            function: reproduction.function.clone(),
        }
    }

    /// Whether an exception is the incident's failure; its causes are the next elements of `chain`.
    pub fn matches(&self, chain: &[Raised]) -> bool {
        chain.iter().any(|raised| self.is_type(raised) && self.is_frame(raised))
    }

    fn is_type(&self, raised: &Raised) -> bool {
        let full = format!("{}.{}", raised.module, raised.kind);
        let wanted = &self.exception;
        *wanted == raised.kind
            || *wanted == full
            || (wanted.contains('.') && full.ends_with(&format!(".{wanted}")))
    }

    fn is_frame(&self, raised: &Raised) -> bool {
        raised
            .frames
            .iter()
            .find_map(|(file, _, function)| {
                file.as_ref().filter(|_| !is_comprehension(function)).map(|file| (file, function))
            })
            .is_some_and(|(file, function)| *file == self.file && *function == self.function)
    }
}

/// Whether a function name stands for a comprehension.
pub fn is_comprehension(function: &str) -> bool {
    matches!(function, "<listcomp>" | "<dictcomp>" | "<setcomp>" | "<genexpr>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(kind: &str, module: &str, frames: &[(Option<&str>, &str)]) -> Raised {
        let frames =
            frames.iter().map(|(file, function)| (file.map(Into::into), 1, (*function).into())).collect();
        Raised { kind: kind.into(), module: module.into(), message: String::new(), frames }
    }

    #[test]
    fn type_and_innermost_frame_of_the_application_must_agree() {
        let wanted = Signature { exception: "KeyError".into(), file: "a.py".into(), function: "f".into() };
        let library = (None, "loads");
        let cases = [
            (raised("KeyError", "builtins", &[(Some("a.py"), "f")]), true),
            (
                raised("KeyError", "builtins", &[library, (Some("a.py"), "<listcomp>"), (Some("a.py"), "f")]),
                true,
            ),
            (raised("KeyError", "builtins", &[(Some("a.py"), "g"), (Some("a.py"), "f")]), false),
            (raised("KeyError", "builtins", &[(Some("b.py"), "f")]), false),
            (raised("IndexError", "builtins", &[(Some("a.py"), "f")]), false),
            (raised("KeyError", "builtins", &[library]), false),
        ];
        for (raised, expected) in cases {
            assert_eq!(wanted.matches(std::slice::from_ref(&raised)), expected, "{raised:?}");
        }
        let dotted = Signature { exception: "errors.OutOfStock".into(), ..wanted };
        assert!(dotted.matches(&[raised("OutOfStock", "shop.errors", &[(Some("a.py"), "f")])]));
        assert!(!dotted.matches(&[raised("OutOfStock", "shop.other", &[(Some("a.py"), "f")])]));
    }
}
