//! The words of Groundcrew as types, and the one state machine of a task; no I/O, no clock.
//!
//! Start at [`lifecycle`]: it says what may happen to a task. [`contract`] has what each task type takes and gives.

pub mod agent;
pub mod audit;
pub mod contract;
pub mod cron;
pub mod event;
pub mod evidence;
pub mod incident;
pub mod lifecycle;
pub mod limit;
pub mod log;
pub mod message;
pub mod policy;
pub mod role;
pub mod sarif;
pub mod schedule;
pub mod signal;
pub mod step;
pub mod task;
pub mod template;
pub mod trace;
pub mod word;

#[cfg(all(feature = "unfenced", not(debug_assertions)))]
compile_error!("the feature `unfenced` is for the proof of the kill test alone");
