//! What the crew works with: the database, the sandbox, the redactor, a folder for work trees, the user's trust.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use groundcrew_logs::{Pipe, RedactError, Redactor};
use groundcrew_store::Store;
use groundcrew_workbench::sandbox::{Sandbox, Unavailable};
use sha2::{Digest as _, Sha256};

use crate::agents::Proven;
use crate::config::LogsConfig;
use crate::trust::TrustStore;

/// The crew's tools, shared by all its workers.
pub struct Tools {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Takes secrets out of text, and of a project's nothing more; see [`Tools::redactor_of`].
    pub redactor: Redactor,
    /// Which configurations the user trusts.
    pub trust: TrustStore,
    /// Folder for work trees of tasks.
    pub work_folder: PathBuf,
    /// What this process reads from its standard input, where it was told to read a log from there.
    pub pipe: Option<Arc<Mutex<Pipe>>>,
    /// A short name of the database, unlike that of any other.
    database: String,
    sandbox: Result<Sandbox, Unavailable>,
    /// Interpreters that were shown a moment ago to work for a project.
    pub(crate) proven: Proven,
}

impl Tools {
    /// Tools for a database; the sandbox may be unavailable, which tasks that run commands then say.
    ///
    /// # Errors
    /// The database's redaction key cannot be read.
    pub fn new(
        store: Arc<dyn Store>,
        sandbox: Result<Sandbox, Unavailable>,
        trust: TrustStore,
        work_folder: PathBuf,
    ) -> Result<Self, groundcrew_store::StoreError> {
        let key = store.redaction_key()?;
        let redactor = Redactor::new(&key);
        // Of its own salt, so that the name tells nothing about the key.
        let digest = Sha256::new().chain_update("name of the database").chain_update(key).finalize();
        let database = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            store,
            redactor,
            trust,
            work_folder,
            pipe: None,
            database,
            sandbox,
            proven: Proven::default(),
        })
    }

    /// Takes out secrets and what the settings of a project name besides.
    ///
    /// # Errors
    /// A pattern of the settings cannot be used.
    pub fn redactor_of(&self, logs: &LogsConfig) -> Result<Redactor, RedactError> {
        self.redactor.also(&logs.redact, &logs.redact_patterns)
    }

    /// Prefix of the refs that keep commits of this database's tasks, out of everybody's way.
    ///
    /// It names the database, since two databases that work on one repository count their tasks alike.
    pub fn kept_refs(&self) -> String {
        format!("refs/groundcrew/{}/", self.database)
    }

    /// The sandbox.
    ///
    /// # Errors
    /// Why no level of it can be had on this machine.
    pub fn sandbox(&self) -> Result<&Sandbox, &Unavailable> {
        self.sandbox.as_ref()
    }

    /// Free space beside the database, if the system tells.
    pub fn free_megabytes(&self) -> Option<u64> {
        free_megabytes(&self.work_folder)
    }
}

/// Free space of the disk that a folder lies on, if the system tells.
pub(crate) fn free_megabytes(folder: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()) / (1024 * 1024))
}
