//! Workers, the supervisor, the six agents and their brains.
