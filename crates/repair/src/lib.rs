//! Reproduce, localise, propose, validate: from an incident to a patch with evidence.
