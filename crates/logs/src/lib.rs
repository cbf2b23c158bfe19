//! From bytes of a log to records, stack traces and fingerprints, with secrets taken out.
