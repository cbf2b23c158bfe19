//! Which language an error comes from, told by the files of its stack.

use groundcrew_core::trace::Trace;

/// A language whose stack traces are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Python.
    Python,
    /// JavaScript and TypeScript.
    Node,
    /// Java and Kotlin.
    Java,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// C# and the other languages of .NET.
    DotNet,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Dart.
    Dart,
    /// C and C++.
    C,
    /// None of them, or no stack to tell it by.
    Unknown,
}

impl Language {
    /// The language of the innermost frame whose file name tells one.
    pub(crate) fn of(trace: &Trace) -> Self {
        let files = trace.frames.iter().filter_map(|frame| frame.file.as_deref());
        let told = files.map(Self::of_file).find(|language| *language != Self::Unknown);
        told.or_else(|| trace.causes.first().map(Self::of)).unwrap_or(Self::Unknown)
    }

    /// The language of a file by its ending.
    pub(crate) fn of_file(file: &str) -> Self {
        match file.rsplit_once('.').map(|(_, ending)| ending) {
            Some("py" | "pyx") => Self::Python,
            Some("js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx") => Self::Node,
            Some("java" | "kt" | "kts" | "scala") => Self::Java,
            Some("go") => Self::Go,
            Some("rs") => Self::Rust,
            Some("cs" | "fs" | "vb" | "cshtml" | "razor") => Self::DotNet,
            Some("rb" | "erb" | "rake") => Self::Ruby,
            Some("php" | "phtml") => Self::Php,
            Some("dart") => Self::Dart,
            Some("c" | "h" | "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx") => Self::C,
            Some(_) | None => Self::Unknown,
        }
    }

    /// Whether the crew reproduces and repairs its errors.
    pub(crate) fn is_repaired(self) -> bool {
        match self {
            Self::Python | Self::Node => true,
            Self::Java
            | Self::Go
            | Self::Rust
            | Self::DotNet
            | Self::Ruby
            | Self::Php
            | Self::Dart
            | Self::C
            | Self::Unknown => false,
        }
    }

    /// Its name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node",
            Self::Java => "Java",
            Self::Go => "Go",
            Self::Rust => "Rust",
            Self::DotNet => ".NET",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::Dart => "Dart",
            Self::C => "C and C++",
            Self::Unknown => "this language",
        }
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_core::trace::Frame;

    use super::*;

    #[test]
    fn the_innermost_file_with_a_known_ending_tells_the_language() {
        let frame = |file: &str| Frame { file: Some(file.into()), ..Frame::default() };
        let trace = |files: &[&str]| Trace {
            frames: files.iter().map(|file| frame(file)).collect(),
            ..Trace::default()
        };
        for (files, language) in [
            (&["<frozen importlib>", "/srv/app/shop.py"][..], Language::Python),
            (&["node:internal/process", "/srv/app/dist/cart.js"], Language::Node),
            (&["Cart.java"], Language::Java),
            (&["/usr/lib/go/src/runtime/panic.go", "/srv/cart.go"], Language::Go),
            (&["src/cart.rs"], Language::Rust),
            (&["/src/Shop/Cart.cs"], Language::DotNet),
            (&["app/models/cart.rb"], Language::Ruby),
            (&["/var/www/shop/src/Cart.php"], Language::Php),
            (&["lib/cart.dart"], Language::Dart),
            (&["src/cart.cpp"], Language::C),
            (&["<anonymous>"], Language::Unknown),
            (&[], Language::Unknown),
        ] {
            assert_eq!(Language::of(&trace(files)), language, "{files:?}");
        }
        let caused = Trace { causes: vec![trace(&["a.py"])], ..Trace::default() };
        assert_eq!(Language::of(&caused), Language::Python);
    }
}
