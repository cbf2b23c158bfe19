//! The `groundcrew` command.

fn main() {}
