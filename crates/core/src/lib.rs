//! The words of Groundcrew as types, and the one state machine of a task; no I/O, no clock.

pub mod audit;
pub mod trace;
