//! Where a database is: from an address to an open store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::error::StoreError;
use crate::sqlite::{self, migrations::Applied};
use crate::store::Store;
use crate::upkeep::Backup;

/// What may be done to the file that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Make it if there is none, and bring its schema up to date.
    #[default]
    Create,
    /// It must be there; bring its schema up to date.
    Existing,
    /// It must be there and up to date; nothing is written.
    ReadOnly,
}

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// What may be done to the file.
    pub access: Access,
}

/// Opens the database at an address such as `sqlite:groundcrew.db` or `sqlite:///srv/groundcrew.db`.
///
/// # Errors
/// [`StoreError::UnsupportedUrl`] for any other kind of address, and whatever is wrong with the file.
pub fn open(url: &str, options: Options) -> Result<Arc<dyn Store>, StoreError> {
    let path = sqlite_path(url)?;
    Ok(Arc::new(sqlite::SqliteStore::open(&path, options.access, None)?))
}

/// Tells the time in place of the database's clock.
#[doc(hidden)]
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Opens a database whose time comes from the caller, so that a test can let it jump.
///
/// # Errors
/// As [`open`].
#[doc(hidden)]
pub fn open_with_clock(url: &str, options: Options, clock: Clock) -> Result<Arc<dyn Store>, StoreError> {
    let path = sqlite_path(url)?;
    Ok(Arc::new(sqlite::SqliteStore::open(&path, options.access, Some(clock))?))
}

/// Holds the write lock of a database for a while, as another program may, so that a test can see what that does.
///
/// # Errors
/// As [`open`].
#[doc(hidden)]
pub fn hold_write_lock(url: &str, time: Duration) -> Result<(), StoreError> {
    sqlite::hold_write_lock(&sqlite_path(url)?, time)
}

/// Applies the migrations that the database at this address lacks, or with `dry_run` only names them.
///
/// # Errors
/// As [`open`].
pub fn migrate(url: &str, dry_run: bool) -> Result<Vec<Applied>, StoreError> {
    sqlite::migrate(&sqlite_path(url)?, dry_run)
}

/// Copies the database at this address into a new file, while others may write to it.
///
/// # Errors
/// [`StoreError::Exists`] if the file is there, and whatever is wrong with the database or the copy.
pub fn backup(url: &str, to: &Path) -> Result<Backup, StoreError> {
    sqlite::backup(&sqlite_path(url)?, to)
}

/// The file that an address names, whether it is there or not.
///
/// # Errors
/// [`StoreError::UnsupportedUrl`] if it names none.
pub fn file_of(url: &str) -> Result<PathBuf, StoreError> {
    sqlite_path(url)
}

fn sqlite_path(url: &str) -> Result<PathBuf, StoreError> {
    let unsupported = |reason| StoreError::UnsupportedUrl { url: without_secrets(url), reason };
    let (scheme, rest) = url.split_once(':').ok_or_else(|| unsupported("it has no scheme"))?;
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" => return Err(unsupported("PostgreSQL is not in this build")),
        _ => return Err(unsupported("its scheme is unknown")),
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path == ":memory:" || path.contains('\0') {
        return Err(unsupported("it names no file"));
    }
    if path.contains('?') {
        return Err(unsupported("options after ? are not supported"));
    }
    Ok(PathBuf::from(path))
}

/// The address without user and password.
fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file_or_says_why_not() {
        for (url, path) in [
            ("sqlite:a.db", "a.db"),
            ("sqlite:/x/a.db", "/x/a.db"),
            ("sqlite:///x/a.db", "/x/a.db"),
            ("sqlite://a.db", "a.db"),
        ] {
            assert_eq!(sqlite_path(url).unwrap(), PathBuf::from(path));
        }
        for (url, said) in [
            ("a.db", "\"a.db\" is no database address: it has no scheme; write sqlite:PATH"),
            ("mysql:x", "\"mysql:x\" is no database address: its scheme is unknown; write sqlite:PATH"),
            ("sqlite:", "\"sqlite:\" is no database address: it names no file; write sqlite:PATH"),
            (
                "postgres://me:pw@host/db",
                "\"postgres://…@host/db\" is no database address: PostgreSQL is not in this build; write sqlite:PATH",
            ),
        ] {
            assert_eq!(sqlite_path(url).unwrap_err().to_string(), said);
        }
    }
}
