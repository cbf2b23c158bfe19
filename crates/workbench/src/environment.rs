//! The environment a project's tests need, found in a checkout: a Python virtual environment, a `node_modules` folder.
//!
//! A work tree of ours has neither, since git does not track them. They are found by plain code, mounted read-only at
//! their own path, and run in the sandbox alone. Whether that widens what a run may do:
//! - A folder of the user's own checkout that git does not track was put there by the user's own commands. No commit can
//!   make one, so using it needs no word of the user. It is looked for in their checkout, never in a work tree.
//! - One that git tracks is content of the repository, and one behind a link that leads out of the checkout is another
//!   part of the machine. Neither is found; the user may declare them.
//! - The interpreter that an environment names as its base is taken only if it looks like one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where virtual environments usually lie, best first.
pub const VENV_NAMES: [&str; 3] = [".venv", "venv", "env"];
/// Where packages of Node lie.
pub const NODE_MODULES: &str = "node_modules";
/// The file that makes a folder a virtual environment.
const MARK: &str = "pyvenv.cfg";
/// Largest such file, in bytes.
const LARGEST: u64 = 64 * 1024;

/// What was found in a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// The virtual environment; none if there is none.
    pub venv: Option<Venv>,
    /// The folder of Node packages; none if there is none.
    pub node_modules: Option<PathBuf>,
    /// What looks like one and is not taken, with the reason.
    pub passed_over: Vec<String>,
}

/// A Python virtual environment whose interpreter is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    /// Its folder.
    pub folder: PathBuf,
    /// Its interpreter, not resolved.
    pub program: PathBuf,
    /// Folders of the interpreter that it was made with, outside the system's.
    pub base: Vec<PathBuf>,
}

/// Why a folder is no environment that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// There is no such folder.
    #[error("{0} is not there; make it, or name another folder under [test] environment")]
    Missing(PathBuf),
    /// The folder is something else.
    #[error("{0} is no virtual environment: it has no readable pyvenv.cfg")]
    NoVenv(PathBuf),
    /// Its interpreter is gone.
    #[error(
        "the interpreter of {folder} is gone: {program} leads to {base}, which is not there; make the environment anew with `python3 -m venv --clear {folder}` and install its packages again"
    )]
    NoBase {
        /// The environment.
        folder: PathBuf,
        /// The program in it.
        program: PathBuf,
        /// What it was made with.
        base: PathBuf,
    },
    /// What it names as its base is no interpreter.
    #[error("{folder} names {base} as its interpreter's folder, which holds no Python installation")]
    OddBase {
        /// The environment.
        folder: PathBuf,
        /// The folder it names.
        base: PathBuf,
    },
}

impl Environment {
    /// What lies in the checkout `root`.
    ///
    /// `declared` is the folder that the user names, relative to the checkout or absolute; it may lie anywhere.
    /// `tracked` tells whether git tracks a path of the checkout.
    ///
    /// # Errors
    /// The declared environment cannot be used. One that was only detected is passed over with its reason, unless its
    /// interpreter is gone: tests that ran without it would fail for a reason nobody sees.
    pub fn find(
        root: &Path,
        declared: Option<&Path>,
        tracked: impl Fn(&str) -> bool,
    ) -> Result<Environment, EnvironmentError> {
        let mut found = Environment::default();
        if let Some(declared) = declared {
            found.venv = Some(Venv::read(&root.join(declared))?);
        }
        for name in VENV_NAMES.into_iter().filter(|_| declared.is_none()) {
            let folder = root.join(name);
            if found.venv.is_some() || fs::symlink_metadata(folder.join(MARK)).is_err() {
                continue;
            }
            match own(root, &folder, tracked(&format!("{name}/{MARK}"))) {
                Ok(()) => found.venv = Some(Venv::read(&folder)?),
                Err(reason) => found.passed_over.push(reason),
            }
        }
        let modules = root.join(NODE_MODULES);
        if modules.is_dir() {
            match own(root, &modules, tracked(&format!("{NODE_MODULES}/.package-lock.json"))) {
                Ok(()) => found.node_modules = Some(modules),
                Err(reason) => found.passed_over.push(reason),
            }
        }
        Ok(found)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.venv.is_none() && self.node_modules.is_none()
    }
}

/// Whether a folder really lies in the checkout and is no content of the repository.
fn own(root: &Path, folder: &Path, tracked: bool) -> Result<(), String> {
    let shown = folder.display();
    let real = |path: &Path| path.canonicalize().ok();
    let inside = real(folder).zip(real(root)).is_some_and(|(folder, root)| folder.starts_with(root));
    if !inside {
        return Err(format!("{shown} is a link that leads out of the checkout"));
    }
    if tracked {
        return Err(format!("{shown} is tracked by git, so a commit could have made it"));
    }
    Ok(())
}

impl Venv {
    /// Reads a virtual environment without running anything of it.
    ///
    /// # Errors
    /// It is none, or its interpreter is not there.
    pub fn read(folder: &Path) -> Result<Venv, EnvironmentError> {
        if !folder.is_dir() {
            return Err(EnvironmentError::Missing(folder.to_owned()));
        }
        let settings = settings(&folder.join(MARK)).ok_or(EnvironmentError::NoVenv(folder.to_owned()))?;
        let home = settings
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim() == "home")
            .map(|(_, value)| PathBuf::from(value.trim()));
        let names = ["bin/python", "bin/python3"].map(|name| folder.join(name));
        let there = names.iter().find(|program| fs::symlink_metadata(program).is_ok());
        let program = there.ok_or(EnvironmentError::NoVenv(folder.to_owned()))?.clone();
        let gone = |base: PathBuf| EnvironmentError::NoBase {
            folder: folder.to_owned(),
            program: program.clone(),
            base,
        };
        let real = program.canonicalize().map_err(|_| gone(last_link(&program)))?;
        let mut base = Vec::new();
        let linked = real.parent().filter(|bin| !bin.starts_with(folder)).map(Path::to_owned);
        for bin in [home, linked].into_iter().flatten() {
            if !bin.is_dir() {
                return Err(gone(bin));
            }
            // By its own name and by the one its links lead to: an interpreter looks for its library by either.
            for bin in [Some(bin.clone()), bin.canonicalize().ok()].into_iter().flatten() {
                let prefix = bin.parent().map(Path::to_owned);
                if let Some(prefix) = prefix.filter(|prefix| !base.contains(prefix)) {
                    base.push(prefix);
                }
            }
        }
        base.retain(|prefix| !prefix.starts_with("/usr") && prefix != Path::new("/"));
        if let Some(base) = base.iter().find(|prefix| !is_installation(prefix)) {
            return Err(EnvironmentError::OddBase { folder: folder.to_owned(), base: base.clone() });
        }
        Ok(Venv { folder: folder.to_owned(), program, base })
    }
}

fn settings(path: &Path) -> Option<String> {
    let meta = fs::symlink_metadata(path).ok()?;
    (meta.is_file() && meta.size() <= LARGEST).then(|| fs::read_to_string(path).ok()).flatten()
}

/// Where a chain of links ends or breaks.
fn last_link(program: &Path) -> PathBuf {
    let mut path = program.to_owned();
    // As many as the kernel follows.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => break,
        }
    }
    path
}

/// Whether a folder is a Python installation: it has a standard library of some version.
fn is_installation(prefix: &Path) -> bool {
    let Ok(entries) = fs::read_dir(prefix.join("lib")) else { return false };
    entries.flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("python3") && entry.path().join("os.py").is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with an environment as `python3 -m venv` lays it out, made with `base`.
    fn checkout(name: &str, base: &Path) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let venv = root.path().join(name);
        fs::create_dir_all(venv.join("bin")).expect("a folder");
        fs::write(venv.join(MARK), format!("home = {}\nversion = 3.11.2\n", base.join("bin").display()))
            .expect("a file");
        std::os::unix::fs::symlink("python3", venv.join("bin/python")).expect("a link");
        std::os::unix::fs::symlink(base.join("bin/python3"), venv.join("bin/python3")).expect("a link");
        root
    }

    fn installation() -> tempfile::TempDir {
        let base = tempfile::tempdir().expect("a folder");
        for folder in ["bin", "lib/python3.11"] {
            fs::create_dir_all(base.path().join(folder)).expect("a folder");
        }
        fs::write(base.path().join("bin/python3"), "").expect("a file");
        fs::write(base.path().join("lib/python3.11/os.py"), "").expect("a file");
        base
    }

    fn find(root: &Path) -> Result<Environment, EnvironmentError> {
        Environment::find(root, None, |_| false)
    }

    #[test]
    fn an_environment_of_any_usual_name_is_found_with_its_base() {
        for name in VENV_NAMES {
            let base = installation();
            let root = checkout(name, base.path());
            fs::create_dir(root.path().join(NODE_MODULES)).expect("a folder");
            let folder = root.path().join(name);
            let program = folder.join("bin/python");
            let expected = Environment {
                venv: Some(Venv { program, folder, base: vec![base.path().to_owned()] }),
                node_modules: Some(root.path().join(NODE_MODULES)),
                passed_over: Vec::new(),
            };
            assert_eq!(find(root.path()), Ok(expected));
        }
    }

    #[test]
    fn an_environment_whose_base_is_gone_says_which_and_how_to_make_it_anew() {
        let base = installation();
        let root = checkout(".venv", base.path());
        let gone = base.path().to_owned();
        drop(base);
        let error = find(root.path()).expect_err("its base is gone").to_string();
        assert!(error.contains(&format!("leads to {}", gone.join("bin/python3").display())), "{error}");
        assert!(error.contains("python3 -m venv --clear"), "{error}");
    }

    #[test]
    fn a_link_out_of_the_checkout_and_a_tracked_folder_are_passed_over() {
        let base = installation();
        let other = checkout("v", base.path());
        let root = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(other.path().join("v"), root.path().join(".venv")).expect("a link");
        std::os::unix::fs::symlink("/usr", root.path().join(NODE_MODULES)).expect("a link");
        let found = find(root.path()).expect("nothing is wrong");
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(found.passed_over.len(), 2, "{found:?}");
        let declared = Environment::find(root.path(), Some(Path::new(".venv")), |_| true);
        assert!(declared.is_ok_and(|found| found.venv.is_some()), "what the user declares is taken");
        let tracked = Environment::find(other.path(), None, |_| true).expect("nothing is wrong");
        assert!(tracked.is_empty());
        let inside = checkout("env", base.path());
        let tracked = Environment::find(inside.path(), None, |path| path == "env/pyvenv.cfg");
        assert!(tracked.expect("nothing is wrong").passed_over[0].contains("tracked by git"));
    }

    #[test]
    fn a_base_that_is_no_interpreter_is_not_mounted() {
        let secrets = tempfile::tempdir().expect("a folder");
        fs::create_dir(secrets.path().join("bin")).expect("a folder");
        fs::write(secrets.path().join("bin/python3"), "").expect("a file");
        let root = checkout("venv", secrets.path());
        let odd =
            EnvironmentError::OddBase { folder: root.path().join("venv"), base: secrets.path().to_owned() };
        assert_eq!(find(root.path()), Err(odd));
    }

    #[test]
    fn a_declared_folder_that_is_none_says_so() {
        let root = tempfile::tempdir().expect("a folder");
        let declared = |name: &str| Environment::find(root.path(), Some(Path::new(name)), |_| false);
        assert_eq!(declared("no"), Err(EnvironmentError::Missing(root.path().join("no"))));
        fs::create_dir(root.path().join("plain")).expect("a folder");
        assert_eq!(declared("plain"), Err(EnvironmentError::NoVenv(root.path().join("plain"))));
    }
}
