//! The templates of the shapes that came lately.
//!
//! Most messages of a log have a shape that came just before. What is remembered here follows from what the miner knows
//! by the masked message, so it is forgotten whenever that changes.

use crate::shape::Shape;

/// Shapes that are remembered; a new one takes the place of one that shares its slot.
const SLOTS: usize = 4 << 10;

/// The id of a shape's template, by the shape's number.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    slots: Vec<(u64, u32)>,
}

impl Recent {
    pub(super) fn get(&self, shape: Shape) -> Option<u32> {
        let (number, id) = self.slots.get(slot(shape))?;
        (*number == shape.number()).then_some(*id)
    }

    pub(super) fn set(&mut self, shape: Shape, id: u32) {
        // No shape has the number 0.
        self.slots.resize(SLOTS, (0, 0));
        if let Some(place) = self.slots.get_mut(slot(shape)) {
            *place = (shape.number(), id);
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
fn slot(shape: Shape) -> usize {
    shape.number() as usize % SLOTS
}
