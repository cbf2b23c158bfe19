//! Text and bytes mixed up, and text that an encoding cannot hold.

use super::{Site, Situation, Strategy, arguments};
use crate::edit::Proposal;

/// Repairs of errors about bytes, text and encodings.
#[derive(Debug)]
pub(super) struct Texts;

const NAME: &str = "text_and_bytes";

impl Strategy for Texts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn propose(&self, situation: &Situation<'_>) -> Vec<Proposal> {
        let Some(site) = situation.sites.first() else { return Vec::new() };
        let message = &situation.message;
        match situation.exception.as_str() {
            // Hashes say it without the word bytes.
            "TypeError" if message.contains("bytes") || message.contains("must be encoded before") => {
                let to_text = message.contains("string pattern on a bytes")
                    || message.contains("concatenate str (not \"bytes\")")
                    || message.contains("must be str, not bytes")
                    || message.contains("expected str instance, bytes");
                converted(site, if to_text { "decode" } else { "encode" })
            }
            "AttributeError" if message.contains("'str' object has no attribute 'decode'") => {
                let mut found = transforms(site);
                found.extend(dropped(site, "decode"));
                found
            }
            "AttributeError" if message.contains("'bytes' object has no attribute 'encode'") => {
                dropped(site, "encode")
            }
            "UnicodeDecodeError" | "UnicodeEncodeError" => tolerant(site, &situation.exception),
            _ => Vec::new(),
        }
    }
}

/// Each operand and argument decoded or encoded.
fn converted(site: &Site, method: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut parts = Vec::new();
    for call in site.crashing_of(&["call"]) {
        parts.extend(arguments(call).into_iter().rev());
    }
    for node in site.crashing_of(&["binary_operator", "comparison_operator"]) {
        let mut cursor = node.walk();
        parts.extend(node.named_children(&mut cursor));
    }
    for part in parts {
        if matches!(
            part.kind(),
            "integer" | "float" | "keyword_argument" | "list_splat" | "dictionary_splat" | "binary_operator"
        ) {
            continue;
        }
        let text = if part.kind() == "string" && method == "encode" {
            format!("b{}", site.text(part))
        } else {
            format!("{}.{method}()", super::wrapped(&site.source, part))
        };
        let why = format!("{} is {}d first", site.text(part), method);
        found.push(site.cause(NAME, why, vec![site.replace(part, text)]));
    }
    found
}

/// `text.decode(codec)` of a codec that changes text into other text needs bytes to start from.
fn transforms(site: &Site) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let name = function.child_by_field_name("attribute").map(|name| site.text(name));
        let given = arguments(call);
        let codec = given.first().map(|codec| site.text(*codec).to_lowercase().replace('_', "-"));
        let changes_text = codec.is_some_and(|codec| codec.contains("escape"));
        if let (Some(object), Some("decode"), true) =
            (function.child_by_field_name("object"), name, changes_text)
        {
            let edit = site.insert(object.end_byte(), ".encode(\"ascii\", \"backslashreplace\")");
            found.push(site.cause(NAME, "the text is made bytes for the codec first", vec![edit]));
        }
    }
    found
}

/// `x.decode()` of what is text already.
fn dropped(site: &Site, method: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function").filter(|node| node.kind() == "attribute")
        else {
            continue;
        };
        let name = function.child_by_field_name("attribute").map(|name| site.text(name));
        if let (Some(object), true) = (function.child_by_field_name("object"), name == Some(method)) {
            let edit = site.replace(call, site.text(object));
            found.push(site.cause(NAME, format!("the value needs no {method}"), vec![edit]));
        }
    }
    found
}

/// An encoding that can hold every text, then one that replaces what it cannot.
fn tolerant(site: &Site, exception: &str) -> Vec<Proposal> {
    let mut found = Vec::new();
    for call in site.crashing_of(&["call"]) {
        let Some(function) = call.child_by_field_name("function") else { continue };
        let name = site.text(function);
        let given = arguments(call);
        let keyword = |word: &str| given.iter().any(|argument| site.text(*argument).starts_with(word));
        if (name == "open"
            || name.ends_with(".open")
            || name.ends_with(".read_text")
            || name.ends_with(".write_text"))
            && let (Some(last), false) = (given.last(), keyword("encoding"))
        {
            let edit = site.insert(last.end_byte(), ", encoding=\"utf-8\"");
            found.push(site.cause(NAME, "the file is read and written as UTF-8", vec![edit]));
        }
        if name.ends_with(".decode") || name.ends_with(".encode") {
            if let [encoding] = given.as_slice()
                && encoding.kind() == "string"
                && !site.text(*encoding).contains("utf")
            {
                found.push(site.cause(NAME, "the text is UTF-8", vec![site.replace(*encoding, "\"utf-8\"")]));
            }
            let place = given.last().map(|last| last.end_byte());
            let how = if exception == "UnicodeDecodeError" { "replace" } else { "backslashreplace" };
            let edit = match place {
                Some(at) if given.len() == 1 && !keyword("errors") => {
                    Some(site.insert(at, format!(", \"{how}\"")))
                }
                None => call
                    .child_by_field_name("arguments")
                    .map(|list| site.insert(list.start_byte() + 1, format!("errors=\"{how}\""))),
                Some(_) => None,
            };
            found.extend(
                edit.map(|edit| site.guard(NAME, "replaces what the encoding cannot hold", vec![edit])),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::testing::lines_changed;

    #[test]
    fn text_is_encoded_before_it_is_hashed() {
        let code = "def f(s):\n    return hashlib.sha256(s).hexdigest()  # crash\n";
        for message in
            ["Strings must be encoded before hashing", "Unicode-objects must be encoded before hashing"]
        {
            let lines = lines_changed(&Texts, "TypeError", message, code);
            assert_eq!(lines, ["return hashlib.sha256(s.encode()).hexdigest()"]);
        }
    }

    #[test]
    fn text_that_is_text_already_is_not_decoded() {
        let code = "def f(s):\n    return s.decode('utf-8')  # crash\n";
        let message = "'str' object has no attribute 'decode'";
        assert_eq!(lines_changed(&Texts, "AttributeError", message, code), ["return s"]);
    }

    #[test]
    fn a_codec_that_changes_text_is_given_bytes() {
        let code = "def f(s):\n    return s.decode('unicode-escape')  # crash\n";
        let lines = lines_changed(&Texts, "AttributeError", "'str' object has no attribute 'decode'", code);
        assert_eq!(lines[0], "return s.encode(\"ascii\", \"backslashreplace\").decode('unicode-escape')");
    }

    #[test]
    fn an_encoding_that_cannot_hold_the_text_is_replaced_before_letters_are() {
        let code = "def f(s):\n    return s.encode('ascii')  # crash\n";
        assert_eq!(
            lines_changed(&Texts, "UnicodeEncodeError", "'ascii' codec can't encode", code),
            ["return s.encode(\"utf-8\")", "return s.encode('ascii', \"backslashreplace\")"]
        );
    }
}
