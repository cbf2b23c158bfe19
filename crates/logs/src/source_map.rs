//! Where a place in minified JavaScript lies in what was written, by a source map of version 3.
//!
//! A map is a stranger's file of any size, so nothing of it is kept: its mappings are read once from front to back for all
//! places that are asked for, in the time of its length.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A place in a bundle: line and column, both counted from 1 as stack traces print them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// Where a place was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The file as the map names it: to be resolved beneath the repository before it is opened.
    pub source: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What stood there before names were shortened.
    pub name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Map {
    version: u32,
    #[serde(default)]
    source_root: Option<String>,
    #[serde(default)]
    sources: Vec<Option<String>>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    mappings: Option<String>,
    /// Of an index map, which bundlers write that join bundles: maps of parts, in order.
    #[serde(default)]
    sections: Option<Vec<Section>>,
}

/// A part of a bundle with a map of its own. A part is no index again, so maps nest no deeper than the format allows.
#[derive(Deserialize)]
struct Section {
    offset: Offset,
    /// None where it is to be fetched from an address, which is not done.
    #[serde(default)]
    map: Option<Part>,
}

/// Where a part begins, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Offset {
    line: u32,
    column: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    version: u32,
    #[serde(default)]
    source_root: Option<String>,
    #[serde(default)]
    sources: Vec<Option<String>>,
    #[serde(default)]
    names: Vec<String>,
    mappings: String,
}

/// What the numbers of one segment say; all but the column go on from the segment before, also across lines.
#[derive(Debug, Clone, Copy, Default)]
struct Segment {
    column: i64,
    source: i64,
    line: i64,
    name: i64,
    has_source: bool,
    has_name: bool,
}

/// Where each of some places was written; none for the whole if it is no map of version 3, and none for a place that
/// nothing was written for.
pub fn originals(map: &[u8], places: &[Place]) -> Option<Vec<Option<Original>>> {
    let map: Map = serde_json::from_slice(map).ok().filter(|map: &Map| map.version == 3)?;
    let Map { version, source_root, sources, names, mappings, sections } = map;
    match (mappings, sections) {
        (_, Some(sections)) => of_sections(&sections, places),
        (Some(mappings), None) => of_part(&Part { version, source_root, sources, names, mappings }, places),
        (None, None) => None,
    }
}

/// Each place by the last part that begins at or before it. Every part is read for its own places alone, so all are read
/// in the time of the whole map.
fn of_sections(sections: &[Section], places: &[Place]) -> Option<Vec<Option<Original>>> {
    if !sections.is_sorted_by_key(|section| section.offset) {
        return None;
    }
    let mut of: BTreeMap<usize, Vec<(usize, Place)>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        let Some(from_0) = place.line.checked_sub(1).zip(place.column.checked_sub(1)) else { continue };
        let here = Offset { line: from_0.0, column: from_0.1 };
        let after = sections.partition_point(|section| section.offset <= here);
        let Some(section) = after.checked_sub(1) else { continue };
        let begin = sections[section].offset;
        let column = if here.line == begin.line { place.column - begin.column } else { place.column };
        let within = Place { line: place.line - begin.line, column };
        of.entry(section).or_default().push((at, within));
    }
    let mut found = vec![None; places.len()];
    for (section, wanted) in of {
        let Some(part) = sections[section].map.as_ref().filter(|part| part.version == 3) else { continue };
        let within: Vec<Place> = wanted.iter().map(|(_, place)| *place).collect();
        // A part that cannot be read says nothing of the others.
        let Some(originals) = of_part(part, &within) else { continue };
        for ((at, _), original) in wanted.into_iter().zip(originals) {
            found[at] = original;
        }
    }
    Some(found)
}

fn of_part(map: &Part, places: &[Place]) -> Option<Vec<Option<Original>>> {
    let mut found: Vec<Option<Segment>> = vec![None; places.len()];
    let mut last = Segment::default();
    for (at, line) in map.mappings.split(';').enumerate() {
        last.column = 0;
        let wanted: Vec<usize> = (0..places.len())
            .filter(|place| usize::try_from(places[*place].line).is_ok_and(|line| line == at + 1))
            .collect();
        for segment in line.split(',').filter(|segment| !segment.is_empty()) {
            last = read(segment, last)?;
            for place in &wanted {
                // The last segment that begins at or before the place.
                if last.column < i64::from(places[*place].column) {
                    found[*place] = Some(last);
                }
            }
        }
    }
    Some(found.into_iter().map(|segment| map.original(segment?)).collect())
}

impl Part {
    fn original(&self, segment: Segment) -> Option<Original> {
        let source =
            self.sources.get(usize::try_from(segment.source).ok().filter(|_| segment.has_source)?)?;
        let root = self.source_root.as_deref().filter(|root| !root.is_empty());
        let source = source.as_deref()?;
        let source =
            root.map_or_else(|| source.to_owned(), |root| format!("{}/{source}", root.trim_end_matches('/')));
        let name = usize::try_from(segment.name).ok().filter(|_| segment.has_name);
        Some(Original {
            source,
            line: u32::try_from(segment.line.checked_add(1)?).ok()?,
            name: name.and_then(|name| self.names.get(name)).cloned(),
        })
    }
}

/// One segment: 1, 4 or 5 numbers, each the difference to the one before.
fn read(segment: &str, last: Segment) -> Option<Segment> {
    let mut bytes = segment.bytes();
    let mut next = || number(&mut bytes);
    let mut read = last;
    read.column = last.column.checked_add(next()??)?;
    (read.has_source, read.has_name) = (false, false);
    if let Some(source) = next()? {
        read.source = last.source.checked_add(source)?;
        read.line = last.line.checked_add(next()??)?;
        next()??;
        read.has_source = true;
        if let Some(name) = next()? {
            read.name = last.name.checked_add(name)?;
            read.has_name = true;
        }
    }
    Some(read)
}

/// A number in base 64 with five bits a digit, the lowest first, its sign last; an inner none says that there is no more.
#[expect(clippy::option_option, reason = "the end of a segment is something else than a digit that is none")]
fn number(bytes: &mut std::str::Bytes<'_>) -> Option<Option<i64>> {
    let (mut value, mut shift) = (0i64, 0u32);
    loop {
        let Some(byte) = bytes.next() else { return (shift == 0).then_some(None) };
        let digit = i64::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        });
        // What is longer is no place in any file.
        if shift > 30 {
            return None;
        }
        value |= (digit & 31) << shift;
        shift += 5;
        if digit & 32 == 0 {
            return Some(Some(if value & 1 == 1 { -(value >> 1) } else { value >> 1 }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `a(b)` of line 3 and `c` of line 7 on the first line of the bundle, `d` of another file on the second.
    const MAP: &str = r#"{"version":3,"sources":["../src/cart.ts","../src/pay.ts"],"names":["total","price"],
        "sourcesContent":["x","y"],"mappings":"AAEAA,KAAKC,KAIL;ACNA"}"#;

    fn at(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    fn original(source: &str, line: u32, name: Option<&str>) -> Option<Original> {
        Some(Original { source: source.into(), line, name: name.map(str::to_owned) })
    }

    #[test]
    fn a_place_lies_where_the_last_segment_before_it_was_written() {
        let places = [at(1, 1), at(1, 5), at(1, 6), at(1, 11), at(1, 900), at(2, 1), at(3, 1)];
        let found = originals(MAP.as_bytes(), &places).unwrap();
        assert_eq!(
            found,
            [
                original("../src/cart.ts", 3, Some("total")),
                original("../src/cart.ts", 3, Some("total")),
                original("../src/cart.ts", 3, Some("price")),
                original("../src/cart.ts", 7, None),
                original("../src/cart.ts", 7, None),
                original("../src/pay.ts", 1, None),
                None,
            ]
        );
    }

    /// The map of `MAP` from the third line on, behind ten columns, and again after it.
    fn index() -> String {
        let section = |line: u32, column: u32, map: &str| {
            format!(r#"{{"offset":{{"line":{line},"column":{column}}},"map":{map}}}"#)
        };
        let broken = r#"{"version":3,"mappings":"!!"}"#;
        let url = r#"{"offset":{"line":6,"column":0},"url":"http://localhost/a.map"}"#;
        let parts = [section(2, 10, MAP), section(4, 0, broken), section(5, 0, MAP), url.to_owned()];
        format!(r#"{{"version":3,"file":"all.js","sections":[{}]}}"#, parts.join(","))
    }

    #[test]
    fn a_place_lies_in_the_last_part_of_an_index_that_begins_before_it() {
        let places =
            [at(1, 1), at(3, 10), at(3, 11), at(3, 16), at(4, 1), at(5, 3), at(6, 6), at(7, 1), at(0, 0)];
        assert_eq!(
            originals(index().as_bytes(), &places).unwrap(),
            [
                None,
                None,
                original("../src/cart.ts", 3, Some("total")),
                original("../src/cart.ts", 3, Some("price")),
                original("../src/pay.ts", 1, None),
                None,
                original("../src/cart.ts", 3, Some("price")),
                None,
                None,
            ]
        );
    }

    #[test]
    fn an_index_within_an_index_and_one_out_of_order_are_none() {
        let within =
            format!(r#"{{"version":3,"sections":[{{"offset":{{"line":0,"column":0}},"map":{}}}]}}"#, index());
        let deep = format!(
            "{}1{}",
            r#"{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":"#.repeat(5_000),
            "}]}".repeat(5_000)
        );
        let order =
            r#"{"version":3,"sections":[{"offset":{"line":1,"column":0}},{"offset":{"line":0,"column":0}}]}"#;
        for map in [within.as_str(), deep.as_str(), order] {
            assert_eq!(originals(map.as_bytes(), &[at(1, 1)]), None);
        }
        let empty = r#"{"version":3,"sections":[]}"#;
        assert_eq!(originals(empty.as_bytes(), &[at(1, 1)]), Some(vec![None]));
    }

    #[test]
    fn what_is_no_map_gives_nothing() {
        for map in [
            "",
            "{}",
            "[]",
            r#"{"version":2,"sources":[],"mappings":""}"#,
            r#"{"version":3,"sources":[],"mappings":"!!"}"#,
            r#"{"version":3,"sources":[],"mappings":"gggggggggggggggA"}"#,
        ] {
            assert_eq!(originals(map.as_bytes(), &[at(1, 1)]), None, "{map}");
        }
        let outside = r#"{"version":3,"sources":["a"],"mappings":"AEAAC"}"#;
        assert_eq!(originals(outside.as_bytes(), &[at(1, 1)]), Some(vec![None]));
    }

    proptest! {
        #[test]
        fn any_mappings_are_read_without_a_panic(mappings in "[A-Za-z0-9+/,;]{0,200}", line in 1u32..9, column in any::<u32>()) {
            let map = format!(r#"{{"version":3,"sources":["a"],"names":["b"],"mappings":"{mappings}"}}"#);
            originals(map.as_bytes(), &[at(line, column)]);
        }
    }
}
