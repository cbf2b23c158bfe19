//! Workers, the supervisor, the six agents and their brains.
//!
//! | file | what |
//! | --- | --- |
//! | [`supervisor`] | starts workers, renews leases, sweeps the queue, schedules scans |
//! | `worker` | claim → run → settle |
//! | [`agent`] | what an agent takes and gives |
//! | `agents/` | the six, one file each |
//! | [`brain`] | judgement behind one trait |
//! | `presence` | which processes of this machine still live |
//! | [`scratch`] | folders of runs, and what becomes of them |
//! | [`site`], [`config`], [`trust`] | a project as the crew works on it, and which of its settings count |

pub mod agent;
mod agents;
pub mod brain;
pub mod config;
pub mod desk;
mod patch;
mod presence;
pub mod scratch;
pub mod site;
pub mod supervisor;
pub mod tools;
pub mod trust;
mod worker;
