//! Which configuration files the user has trusted, by the hash of their content.
//!
//! As direnv does: trust is a file in the user's own configuration folder, never in a repository, and a changed
//! configuration is a stranger again.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::{Config, ConfigError};

/// The user's record of trusted files.
#[derive(Debug, Clone)]
pub struct TrustStore {
    folder: PathBuf,
    /// A checkout whose settings are read from this file, as long as this record is used.
    instead: Option<(PathBuf, PathBuf)>,
}

/// Whether a configuration's power counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user trusted exactly this content.
    Trusted,
    /// The user did not.
    Untrusted,
}

/// A project's configuration as it counts, and what of it does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// What counts.
    pub config: Config,
    /// Keys that widen power and are ignored until the file is trusted.
    pub ignored: Vec<&'static str>,
}

/// The trust record could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the trust record {path}: {source}")]
pub struct TrustError {
    path: PathBuf,
    source: std::io::Error,
}

impl TrustStore {
    /// The record below the user's configuration folder, `$XDG_CONFIG_HOME/groundcrew` or `~/.config/groundcrew`.
    pub fn new(config_folder: &Path) -> Self {
        Self { folder: config_folder.join("trusted"), instead: None }
    }

    /// The same record, with the settings of one checkout read from another file: the user's word for where it is, which
    /// says nothing about whether it is trusted.
    #[must_use]
    pub fn reading(self, root: &Path, file: &Path) -> Self {
        Self { instead: Some((root.to_owned(), file.to_owned())), ..self }
    }

    /// Trusts exactly this content for this checkout.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn trust(&self, root: &Path, text: &str) -> Result<(), TrustError> {
        let path = self.entry(root, text);
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            writeln!(file, "{}", root.display())
        };
        write().map_err(|source| TrustError { path: path.clone(), source })
    }

    /// Whether exactly this content was trusted for this checkout.
    pub fn check(&self, root: &Path, text: &str) -> Trust {
        if self.entry(root, text).is_file() { Trust::Trusted } else { Trust::Untrusted }
    }

    /// The configuration of a checkout as it counts now, read from `file`, or from where [`TrustStore::reading`] said;
    /// defaults where there is none.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn effective(&self, root: &Path, file: &Path) -> Result<Effective, ConfigError> {
        let file = match &self.instead {
            Some((of, instead)) if of == root => instead,
            Some(_) | None => file,
        };
        let Some((config, text)) = Config::read(file)? else {
            return Ok(Effective { config: Config::default(), ignored: Vec::new() });
        };
        Ok(match self.check(root, &text) {
            Trust::Trusted => Effective { config, ignored: Vec::new() },
            Trust::Untrusted => {
                let ignored = config.power_keys();
                Effective { config: config.without_power(), ignored }
            }
        })
    }

    /// The path takes part in the hash, so that trust in one checkout says nothing about a copy elsewhere.
    fn entry(&self, root: &Path, text: &str) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(root.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        let name = hash.finalize().iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_trusted_content_in_the_trusted_place_has_power() {
        let folder = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let store = TrustStore::new(folder.path());
        let text = "[test]\ncommand = [\"make\", \"test\"]\n";
        std::fs::write(root.path().join("groundcrew.toml"), text).unwrap();
        std::fs::write(elsewhere.path().join("groundcrew.toml"), text).unwrap();

        let effective = |root: &Path| store.effective(root, &root.join("groundcrew.toml"));
        let before = effective(root.path()).unwrap();
        assert_eq!((before.config.test.command, before.ignored), (None, vec!["test.command"]));

        store.trust(root.path(), text).unwrap();
        let trusted = effective(root.path()).unwrap();
        assert_eq!(trusted.config.test.command, Some(vec!["make".to_owned(), "test".to_owned()]));
        assert_eq!(trusted.ignored, Vec::<&str>::new());
        assert_eq!(effective(elsewhere.path()).unwrap().ignored, ["test.command"]);

        std::fs::write(root.path().join("groundcrew.toml"), text.replace("make", "evil")).unwrap();
        assert_eq!(effective(root.path()).unwrap().ignored, ["test.command"], "a changed file is a stranger");
    }

    #[test]
    fn a_file_named_for_one_call_counts_for_its_checkout_and_has_power_only_if_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.toml");
        let own = root.path().join("groundcrew.toml");
        let text = "[test]\ncommand = [\"make\"]\ntimeout = \"9s\"\n";
        std::fs::write(&other, text).unwrap();
        std::fs::write(&own, "[test]\ntimeout = \"5s\"\n").unwrap();

        let plain = TrustStore::new(folder.path());
        let store = plain.clone().reading(root.path(), &other);
        let timeout = |store: &TrustStore, root: &Path| {
            let effective = store.effective(root, &own).unwrap();
            (String::from(effective.config.test.timeout), effective.ignored)
        };
        assert_eq!(timeout(&store, root.path()), ("9s".to_owned(), vec!["test.command"]));
        assert_eq!(
            timeout(&store, folder.path()),
            ("5s".to_owned(), vec![]),
            "another checkout's is its own"
        );
        assert_eq!(timeout(&plain, root.path()), ("5s".to_owned(), vec![]), "and so is that of another call");
        store.trust(root.path(), text).unwrap();
        assert_eq!(timeout(&store, root.path()), ("9s".to_owned(), vec![]));
    }
}
