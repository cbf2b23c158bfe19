//! Git under attack and in use, on repositories made by plain git.

mod attacks;
mod bad;
mod fixture;
mod lint;
mod refs;
mod trees;
