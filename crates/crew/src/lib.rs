//! Workers, the supervisor, the six agents and their brains.
//!
//! | file | what |
//! | --- | --- |
//! | [`supervisor`] | starts workers, renews leases, sweeps the queue, schedules scans |
//! | [`keeper`] | keeps leases, the queue, and what processes left that have ended |
//! | [`worker`] | claim → run → settle |
//! | [`agent`] | what an agent takes and gives |
//! | `agents/` | the six, one file each |
//! | [`brain`] | judgement behind one trait |
//! | `release` | what the name of a release may mean in a repository |
//! | [`losses`] | what was lost of the logs before it could be read |
//! | [`presence`] | which processes of this machine still live |
//! | [`scratch`] | folders of runs, and what becomes of them |
//! | [`environment`] | what the tests need beside the files of the repository |
//! | `watches` | when the incidents of a project are looked at again |
//! | [`hooks`] | tells the user's own program what happens |
//! | [`site`], [`config`], [`trust`] | a project as the crew works on it, and which of its settings count |

pub mod agent;
pub mod agents;
pub mod brain;
pub mod config;
pub mod desk;
pub mod environment;
pub mod hooks;
pub mod keeper;
mod lookout;
pub mod losses;
mod mistake;
pub mod nearest;
mod patch;
pub mod presence;
mod recurring;
mod release;
pub mod scratch;
pub mod site;
pub mod supervisor;
pub mod tools;
pub mod trust;
mod watches;
pub mod worker;
