//! Lines that were logged just before an error, as its record has them.
//!
//! Errors come in floods, and then nearly all of one's lines are the next one's, too. So the lines are kept once, in
//! blocks that records share; what a record has of its own is only which of them are its. A record keeps its block in
//! memory, which is why blocks are small.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Lines logged just before an error, oldest first; cheap to clone.
#[derive(Clone, Default)]
pub struct Context {
    /// None where there are no lines.
    block: Option<Arc<Block>>,
    from: usize,
    to: usize,
}

/// Lines that several records may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    text: String,
    /// Where each line ends in the text; the next one begins there.
    ends: Vec<usize>,
}

impl Context {
    /// Some of a block's lines.
    pub(crate) fn of(block: &Arc<Block>, lines: Range<usize>) -> Self {
        let Range { start, end } = lines;
        Self { block: (start < end).then(|| block.clone()), from: start, to: end }
    }

    /// The lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator + Clone {
        let block = self.block.as_deref();
        let lines = if block.is_some() { self.from..self.to } else { 0..0 };
        lines.map(move |at| block.map_or("", |block| block.line(at)))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Block {
    pub(crate) fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.ends.push(self.text.len());
    }

    /// How many lines it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all its lines but the last so many.
    pub(crate) fn size_without(&self, lines: usize) -> usize {
        let last = self.len().saturating_sub(lines).checked_sub(1);
        last.map_or(0, |last| self.ends[last])
    }

    pub(crate) fn line(&self, at: usize) -> &str {
        let end = self.ends.get(at).copied().unwrap_or_default();
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Takes back what was pushed behind the first so many lines.
    pub(crate) fn truncate(&mut self, lines: usize) {
        self.ends.truncate(lines);
        self.text.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// A block of the last so many lines, with room for as many more as there are here.
    pub(crate) fn tail(&self, lines: usize) -> Self {
        let (text, ends) = (String::with_capacity(self.text.len()), Vec::with_capacity(self.len()));
        let mut block = Self { text, ends };
        for at in self.len().saturating_sub(lines)..self.len() {
            block.push(self.line(at));
        }
        block
    }
}

impl<'a> FromIterator<&'a str> for Block {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let mut block = Self::default();
        for line in lines {
            block.push(line);
        }
        block
    }
}

impl<'a> FromIterator<&'a str> for Context {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let block: Block = lines.into_iter().collect();
        let all = 0..block.len();
        Self::of(&Arc::new(block), all)
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Context {}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lines = Vec::<String>::deserialize(deserializer)?;
        Ok(lines.iter().map(String::as_str).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_its_lines_wherever_they_are_kept() {
        let block: Arc<Block> = Arc::new(["a", "", "ü", "b"].into_iter().collect());
        let part = Context::of(&block, 1..3);
        let own: Context = ["", "ü"].into_iter().collect();
        assert_eq!((&part, part.len(), part.is_empty()), (&own, 2, false));
        assert_eq!(part.iter().rev().collect::<Vec<_>>(), ["ü", ""]);
        assert_eq!(Context::of(&block, 2..2), Context::default());
        assert_ne!(part, Context::default());
    }

    #[test]
    fn stored_contexts_are_lists_of_lines() {
        let context: Context = ["a", "\"b\""].into_iter().collect();
        let stored = serde_json::to_string(&context).unwrap();
        assert_eq!(stored, r#"["a","\"b\""]"#);
        assert_eq!(serde_json::from_str::<Context>(&stored).unwrap(), context);
        assert_eq!(serde_json::from_str::<Context>("[]").unwrap(), Context::default());
    }

    #[test]
    fn what_is_taken_back_of_a_block_is_gone() {
        let mut block: Block = ["one", "two", "three"].into_iter().collect();
        block.truncate(2);
        block.push("four");
        assert_eq!(block.tail(2), ["two", "four"].into_iter().collect());
        block.truncate(0);
        assert_eq!(block, Block::default());
    }
}
