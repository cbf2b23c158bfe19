//! The promises that every store keeps, as functions that any backend can be put through.
