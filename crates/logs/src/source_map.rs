//! Where a place in minified JavaScript lies in what was written, by a source map of version 3.
//!
//! A map is a stranger's file of any size, so nothing of it is kept: its mappings are read once from front to back for all
//! places that are asked for, in the time of its length.

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

impl Map {
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
