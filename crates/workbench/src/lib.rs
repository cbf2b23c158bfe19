//! The one way to run git, the one way to run a command (sandboxed), and the test runners.
