//! What a command needs of the machine beside the system's own folders: cargo, node and go where a person installed them
//! for themselves.
//!
//! Each is found by the user's `PATH` and mounted read-only at its own place, and nothing of it is run to find it. A shim of
//! rustup is not run either: which toolchain it stands for is read from rustup's own settings. Of cargo's folder only the
//! packages are shown, and of its configuration only where sources are replaced, since keys may stand beside both.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::built;
use crate::sandbox::{Request, SYSTEM_PATH};
use crate::scratch;

/// Largest configuration that is read, in bytes.
const LARGEST: u64 = 256 << 10;

/// Folders and variables for one run. The folder that it made itself is gone when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Toolchain {
    read_only: Vec<PathBuf>,
    path: Vec<PathBuf>,
    env: Vec<(String, String)>,
    _made: Option<TempDir>,
}

/// Where the user's own programs and settings are found.
pub(super) struct User {
    path: Vec<PathBuf>,
    home: Option<PathBuf>,
    variable: fn(&str) -> Option<PathBuf>,
}

impl User {
    pub(super) fn of_this_process() -> User {
        let variable =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let path = std::env::var_os("PATH").unwrap_or_default();
        User {
            path: std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect(),
            home: variable("HOME"),
            variable,
        }
    }

    /// Whether a program of this name is installed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.program(name).is_some()
    }

    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    /// A folder that a variable names, else one in the user's home.
    fn folder(&self, variable: &str, name: &str) -> Option<PathBuf> {
        (self.variable)(variable).or_else(|| Some(self.home.as_ref()?.join(name)))
    }
}

impl Toolchain {
    /// What there is of all three, for runs in a work tree.
    pub(super) fn of(user: &User, worktree: &Path) -> std::io::Result<Toolchain> {
        let mut found = Toolchain::default();
        found.rust(user, worktree)?;
        found.node(user);
        found.go(user);
        Ok(found)
    }

    /// Adds it to a request, whose own `PATH` stays first.
    pub(super) fn equip(&self, request: &mut Request, worktree: &Path) {
        request.read_only.extend(self.read_only.iter().cloned());
        request.env.extend(self.env.iter().cloned());
        let known = request.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        let own = worktree.join("node_modules/.bin");
        let folders: Vec<String> =
            self.path.iter().chain([&own]).map(|folder| folder.to_string_lossy().into_owned()).collect();
        let path = format!("{}:{}", folders.join(":"), known.unwrap_or_else(|| SYSTEM_PATH.to_owned()));
        request.env.retain(|(name, _)| name != "PATH");
        request.env.push(("PATH".to_owned(), path));
    }

    fn rust(&mut self, user: &User, worktree: &Path) -> std::io::Result<()> {
        let Some(program) = user.program("cargo") else { return Ok(()) };
        if let Some(toolchain) = rustup(user) {
            self.path.push(toolchain.join("bin"));
            self.read_only.push(toolchain);
        } else if !is_system(&program) {
            return Ok(());
        }
        let Some(home) = user.folder("CARGO_HOME", ".cargo") else { return Ok(()) };
        let packages: Vec<PathBuf> =
            ["registry", "git"].iter().map(|name| home.join(name)).filter(|folder| folder.is_dir()).collect();
        let (shown, made) = match built::home(worktree) {
            Some(home) => (home, None),
            None => {
                let made = scratch::folder()?;
                (made.path().to_owned(), Some(made))
            }
        };
        fs::set_permissions(&shown, fs::Permissions::from_mode(0o755))?;
        for folder in &packages {
            link(folder, &shown.join(folder.file_name().unwrap_or_default()))?;
        }
        // Other runs of the same work may read it at this moment.
        let written = tempfile::NamedTempFile::new_in(&shown)?;
        fs::write(written.path(), sources(&home))?;
        fs::set_permissions(written.path(), fs::Permissions::from_mode(0o644))?;
        written.persist(shown.join("config.toml")).map_err(|error| error.error)?;
        self.read_only.extend(packages);
        if let Some(nextest) = user.program("cargo-nextest").filter(|program| !is_system(program)) {
            let bin = shown.join("bin");
            fs::create_dir_all(&bin)?;
            link(&nextest, &bin.join("cargo-nextest"))?;
            self.path.push(bin);
            self.read_only.push(nextest);
        }
        self.env.push(("CARGO_HOME".to_owned(), shown.to_string_lossy().into_owned()));
        self.read_only.push(shown);
        self.env.push(("CARGO_NET_OFFLINE".to_owned(), "true".to_owned()));
        self._made = made;
        Ok(())
    }

    fn node(&mut self, user: &User) {
        let Some(program) = user.program("node").filter(|program| !is_system(program)) else { return };
        let Ok(real) = program.canonicalize() else { return };
        // Only what looks like an installation, not a folder where somebody keeps other things.
        let prefix = real.parent().and_then(Path::parent);
        let whole = prefix.filter(|prefix| {
            prefix.join("include/node").is_dir() || prefix.join("lib/node_modules").is_dir()
        });
        if let Some(prefix) = whole {
            self.path.push(prefix.join("bin"));
            self.read_only.push(prefix.to_owned());
        }
    }

    fn go(&mut self, user: &User) {
        let Some(program) = user.program("go") else { return };
        let Ok(real) = program.canonicalize() else { return };
        let root = real.parent().and_then(Path::parent).filter(|root| root.join("src/runtime").is_dir());
        let Some(root) = root else { return };
        if !is_system(&real) {
            self.path.push(root.join("bin"));
            self.read_only.push(root.to_owned());
        }
        let modules = user
            .folder("GOMODCACHE", "go/pkg/mod")
            .filter(|folder| folder.is_dir())
            .or_else(|| Some((user.variable)("GOPATH")?.join("pkg/mod")).filter(|folder| folder.is_dir()));
        let fixed =
            [("GOPROXY", "off"), ("GOSUMDB", "off"), ("GOTOOLCHAIN", "local"), ("GOTELEMETRY", "off")];
        self.env.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if let Some(modules) = modules {
            self.env.push(("GOMODCACHE".to_owned(), modules.to_string_lossy().into_owned()));
            self.read_only.push(modules);
        }
    }
}

/// A link that may be there already.
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    match std::os::unix::fs::symlink(to, at) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Whether a program lies where every sandbox shows it.
pub(super) fn is_system(program: &Path) -> bool {
    ["/usr", "/bin", "/lib", "/lib64"].iter().any(|folder| program.starts_with(folder))
}

/// The folder of the toolchain that rustup takes outside of any project.
fn rustup(user: &User) -> Option<PathBuf> {
    let home = user.folder("RUSTUP_HOME", ".rustup")?;
    let settings = small(&home.join("settings.toml"))?;
    let name = settings
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == "default_toolchain")
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())?;
    let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let folder = home.join("toolchains").join(name);
    // A toolchain may be a link to one that a person built.
    let folder = folder.canonicalize().ok().filter(|_| plain)?;
    folder.join("bin/cargo").is_file().then_some(folder)
}

/// Of cargo's configuration the tables of replaced sources, without addresses that hold a password.
fn sources(home: &Path) -> String {
    let text = ["config.toml", "config"].iter().find_map(|name| small(&home.join(name))).unwrap_or_default();
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.trim_start().starts_with('[') {
            inside = line.trim_start().starts_with("[source.");
        }
        let named = line.split_once('=').map(|(name, _)| name.trim());
        let wanted = named.is_none_or(|name| {
            matches!(
                name,
                "replace-with"
                    | "registry"
                    | "local-registry"
                    | "directory"
                    | "git"
                    | "branch"
                    | "tag"
                    | "rev"
            )
        });
        if inside && wanted && !line.contains('@') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn small(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    (meta.is_file() && meta.len() <= LARGEST).then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cargos_configuration_only_replaced_sources_are_shown() {
        let home = tempfile::tempdir().expect("a folder");
        let text = "[source.main]\nreplace-with = \"mine\"\ntoken = \"secret\"\n[source.mine]\nregistry = \"sparse+file:///m/\"\n\
                    [source.other]\nregistry = \"https://me:secret@host/\"\n[registries.mine]\ntoken = \"secret\"\n[net]\nretry = 1\n";
        fs::write(home.path().join("config.toml"), text).expect("a file");
        assert_eq!(
            sources(home.path()),
            "[source.main]\nreplace-with = \"mine\"\n[source.mine]\nregistry = \"sparse+file:///m/\"\n[source.other]\n"
        );
    }

    #[test]
    fn the_toolchain_of_rustup_is_read_and_not_asked_for() {
        let home = tempfile::tempdir().expect("a folder");
        let user = User { path: Vec::new(), home: Some(home.path().to_owned()), variable: |_| None };
        let rust = home.path().join(".rustup");
        let bin = rust.join("toolchains/stable-x/bin");
        fs::create_dir_all(&bin).expect("a folder");
        fs::write(bin.join("cargo"), "").expect("a file");
        for (name, found) in [("stable-x", true), ("../toolchains/stable-x", false), ("gone", false)] {
            fs::write(
                rust.join("settings.toml"),
                format!("version = \"12\"\ndefault_toolchain = \"{name}\"\n"),
            )
            .expect("a file");
            let expected =
                found.then(|| rust.join("toolchains/stable-x").canonicalize().expect("it is there"));
            assert_eq!(rustup(&user), expected, "{name}");
        }
    }
}
