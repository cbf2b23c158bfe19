//! `db backup`: a copy of the database while the crew works.

use std::path::Path;

use groundcrew_store::backup;

use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::Invocation;

/// Makes the copy.
pub(super) fn run(at: &Invocation, file: &Path) -> Result<Done, Failure> {
    let made = backup(&at.database()?, file)?;
    if at.out.is_json() {
        at.out.document(&made)?;
    } else {
        at.out.line(format!(
            "{} holds {} tasks in {} bytes, checked and on disk",
            escape::line(&made.path.display().to_string()),
            made.tasks,
            made.bytes
        ))?;
    }
    Ok(Done::Clean)
}
