//! Stack traces out of text, one module per language.
//!
//! A [`Language`] answers the two questions that this crate asks about a trace: which lines belong together
//! ([`Language::begins`], [`Follow`]) and what they say ([`Language::parse`]). To add one, write its module and list it in
//! [`LANGUAGES`]; neither the assembly of records nor the fingerprints know any language by name.

use std::borrow::Cow;
use std::fmt::Debug;

use groundcrew_core::trace::Trace;

pub(crate) mod head;
pub mod in_app;

mod browser;
mod csharp;
mod dart;
mod elixir;
pub(crate) mod escaped;
mod go;
mod java;
mod native;
mod node;
mod php;
mod prefilter;
mod python;
mod ruby;
mod rust;

pub use prefilter::may_begin;
pub(crate) use prefilter::{Marks, may_begin_without_marks, roots, texts};

/// Every language, the ones with the clearest opening first; Ruby before Python, whose opening it prints, too.
static LANGUAGES: [&dyn Language; 12] = [
    &ruby::Ruby,
    &python::Python,
    &rust::Rust,
    &go::Go,
    &php::Php,
    &dart::Dart,
    &java::Java,
    &csharp::CSharp,
    &node::Node,
    &browser::Browser,
    &elixir::Elixir,
    &native::Native,
];

/// What the stack traces of a language look like.
pub(crate) trait Language: Sync + Debug {
    /// How a trace goes on whose first line, or the line after its first, is this one; `None` for any other line.
    ///
    /// Asked for nearly every line of a log, so it must not cost more than a few comparisons.
    fn begins(&self, line: &str) -> Option<Beginning>;

    /// Texts of which one stands in every line that [`Language::begins`] says something of, unless it starts with one of
    /// [`Language::starts`] or ends with one of [`Language::ends`].
    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    /// Texts with which such a line starts, after blanks.
    fn starts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Texts with which such a line ends, before blanks.
    fn ends(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a line may be the first of a trace that only its next line shows to be one.
    fn may_precede(&self, _line: &str) -> bool {
        false
    }

    /// The trace in the text, which may have other lines around it; `None` when there is none.
    fn parse(&self, text: &str) -> Option<Trace>;

    /// Endings of the names of its source files.
    fn endings(&self) -> &'static [&'static str];

    /// Whether the beginning of the message tells one reason from another; where the runtime threw this, type and place
    /// may do. Not asked for frames that carry the text of a `raise`.
    fn is_thrown(&self, trace: &Trace) -> bool;

    /// A function's name without what compilers count or invent.
    fn lasting_name<'a>(&self, function: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(function)
    }

    /// A file's path without what tools make from its content.
    fn lasting_file<'a>(&self, path: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(path)
    }
}

/// The beginning of a trace, found on a line.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Where the trace began.
    pub(crate) place: Place,
    /// The runtime prints this when it ends the program, so that it never belongs to what was logged just before.
    pub(crate) own: bool,
    /// Tells which lines follow.
    pub(crate) follow: Box<dyn Follow>,
}

/// Where a trace began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the line itself, from this byte on.
    Here(usize),
    /// With the line before it: what names the exception does not say by itself that a trace follows.
    Before,
}

/// Knows, line after line, what still belongs to a trace.
pub(crate) trait Follow: Debug + Send {
    /// What the next line is; not asked again after [`Next::End`].
    fn next(&mut self, line: &str) -> Next;
}

/// What a line is to the trace before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Part of the trace.
    Part,
    /// More of the message, unless it turns out to be an event with its own header.
    Text,
    /// Part of the trace if a later line is.
    Perhaps,
    /// Not part of it.
    End,
}

/// The language and the beginning of a trace that a line shows.
pub(crate) fn begins(line: &str) -> Option<(&'static dyn Language, Beginning)> {
    if may_begin(line.as_bytes()) { begun(line) } else { None }
}

/// As [`begins`], without looking first whether there can be any.
fn begun(line: &str) -> Option<(&'static dyn Language, Beginning)> {
    LANGUAGES.iter().find_map(|language| Some((*language, language.begins(line)?)))
}

/// Whether a line without its header, of which [`may_begin`] says yes, begins a stack trace, names an exception at its
/// start, or may be the first of a trace that only its next line shows to be one.
pub(crate) fn is_beginning(line: &str) -> bool {
    begun(line).is_some() || head::is_head(line) || may_precede(line)
}

/// Whether the line may belong to a trace that begins with the next one.
pub(crate) fn may_precede(line: &str) -> bool {
    LANGUAGES.iter().any(|language| language.may_precede(line))
}

/// The language that the files of a trace are written in.
pub(crate) fn language_of(trace: &Trace) -> Option<&'static dyn Language> {
    let ending = |file: &str| Some(file.rsplit_once('.')?.1.to_owned());
    let mut endings = trace.frames.iter().filter_map(|frame| frame.file.as_deref().and_then(ending));
    endings.find_map(|ending| {
        LANGUAGES.iter().find(|language| language.endings().contains(&ending.as_str())).copied()
    })
}

/// The first stack trace in the text, whichever language printed it; `None` when no parser knows its form.
///
/// Line breaks may be escaped, as in a value that was quoted.
pub fn parse(text: &str) -> Option<Trace> {
    parse_plain(text).or_else(|| escaped::parse(text))
}

fn parse_plain(text: &str) -> Option<Trace> {
    LANGUAGES.iter().find_map(|language| language.parse(text))
}

/// Bytes of blanks before the text of a line.
fn indentation(line: &str) -> usize {
    line.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// `file:12:3` or `file:12` as file and line; `None` without a line number.
fn file_and_line(text: &str) -> Option<(&str, u32)> {
    let (before, last) = text.rsplit_once(':')?;
    let last = number(last)?;
    match before.rsplit_once(':').and_then(|(file, line)| Some((file, number(line)?))) {
        Some(found) => Some(found),
        None => Some((before, last)),
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The text, or nothing where it is empty.
fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as printed and what lasts of them.
    type Names = &'static [(&'static str, &'static str)];

    #[test]
    fn what_compilers_and_depth_put_into_names_is_left_out() {
        let languages: [(&dyn Language, Names); 6] = [
            (
                &csharp::CSharp,
                &[
                    ("Shop.Bank.<ChargeAsync>d__3.MoveNext", "Shop.Bank.ChargeAsync"),
                    ("Shop.Cart.<>c__DisplayClass4_0.<AddAll>b__0", "Shop.Cart.AddAll"),
                    ("Shop.App+<WorkerMain>c__AnonStorey0.<>m__0", "Shop.App.WorkerMain"),
                    ("Shop.Till.Ask[TReply]", "Shop.Till.Ask"),
                    ("Shop.Cart.Add", "Shop.Cart.Add"),
                ],
            ),
            (
                &ruby::Ruby,
                &[
                    ("block (2 levels) in total", "total"),
                    ("rescue in block in Shop::Cart#total", "total"),
                    ("Shop::Cart.load", "load"),
                    ("_app_views_carts_show_html_erb___4011_70", "_app_views_carts_show_html_erb"),
                    ("<main>", "<main>"),
                ],
            ),
            (
                &php::Php,
                &[
                    ("Shop\\Cart->{closure:Shop\\Cart::add():12}", "Shop\\Cart->{closure}"),
                    ("class@anonymous/srv/a.php:3$0->run", "class@anonymous->run"),
                    ("Shop\\Cart->add", "Shop\\Cart->add"),
                ],
            ),
            (
                &dart::Dart,
                &[
                    ("main.<anonymous closure>.<anonymous closure>", "main.<fn>"),
                    ("new Cart.of", "Cart.of"),
                    ("Cart.add", "Cart.add"),
                ],
            ),
            (
                &native::Native,
                &[
                    ("shop::pick<int, std::vector<int> >", "shop::pick"),
                    ("shop::total.part.0", "shop::total"),
                    ("total [clone .isra.0]", "total"),
                    ("shop::operator<", "shop::operator<"),
                ],
            ),
            (&elixir::Elixir, &[("anonymous fn/1 in Shop.Cart.total/1", "Shop.Cart.total/1")]),
        ];
        for (language, names) in languages {
            for (name, expected) in names {
                assert_eq!(language.lasting_name(name), *expected, "{language:?} {name}");
            }
        }
    }

    #[test]
    fn a_rule_on_top_decides_which_frames_are_the_applications() {
        let text = "java.lang.Error: x\n\tat com.acme.A.b(A.java:1)\nCaused by: java.lang.Error: y\n\tat org.apache.C.d(C.java:2)";
        let mut trace = parse(text).unwrap();
        in_app::decide(&mut trace, &|frame| {
            frame.function.as_deref()?.starts_with("org.apache.").then_some(true)
        });
        assert!(trace.frames[0].in_app && trace.causes[0].frames[0].in_app);
        in_app::decide(&mut trace, &|frame| {
            frame.function.as_deref()?.starts_with("com.acme.").then_some(false)
        });
        assert!(!trace.frames[0].in_app && trace.causes[0].frames[0].in_app);
    }
}
