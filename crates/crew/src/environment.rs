//! The environment of a project's tests as the crew uses it: found, or made by the project's own set-up command; what a
//! run lacked, put to a person.
//!
//! A set-up runs once for each state of the lock files, in a copy of the project without `.git`, in a folder of ours
//! beside the database. It becomes an environment only when a file in its folder says that it is complete, and that
//! file appears at once; a folder without it is the remains of a killed run and is made anew. The network is opened for
//! that one command only if a person allowed exactly this command for exactly this state of the lock files.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use groundcrew_core::audit::Recorder;
use groundcrew_core::message::Ask;
use groundcrew_core::task::{BlockedOn, ProjectId};
use groundcrew_workbench::environment::{Environment, Venv};
use groundcrew_workbench::git::{Repository, Sha};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::runner::{Lack, Suite, lack};
use groundcrew_workbench::sandbox::{Bound, Ended, Limits, Network, Output, Sandbox};
use sha2::{Digest, Sha256};

use crate::agent::{HAND_OVER, Job, Trouble};
use crate::config::FILE_NAME;
use crate::site::Site;

/// The choice to go on although services are missing: the tests that need them fail on both sides and decide nothing.
pub const WITHOUT: &str = "without";

/// Files whose content decides what an environment holds.
const LOCK_FILES: [&str; 10] = [
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
];
/// Shortest time that a set-up may take.
const SETUP_WALL: Duration = Duration::from_secs(900);
/// Characters at the end of a failed set-up's output that a person is shown.
const SHOWN: usize = 1200;
/// Environments that nobody used for this long are removed.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// The interpreter of a project, with its packages.
///
/// # Errors
/// What is missing, in words for a person; or a question to them.
pub(crate) fn python_for(
    job: &Job<'_>,
    site: &Site,
    repository: &Repository,
    base: &Sha,
    sandbox: &Sandbox,
) -> Result<Python, Trouble> {
    let recorder: Arc<dyn Recorder> = job.desk.clone();
    let Some(setup) = &site.config.test.setup else {
        return site.python(sandbox, &recorder).map_err(Trouble::Environment);
    };
    let base_python =
        Python::find(sandbox, &recorder).map_err(|error| Trouble::Environment(error.to_string()))?;
    let made = Setup::of(job, site, repository, base, setup, &base_python)?;
    let tree = made.ready(job, site, repository, base, sandbox, &base_python)?;
    let found =
        Environment::find(&tree, site.config.test.environment.as_deref(), |_| false).map_err(|error| {
            Trouble::Environment(format!("the set-up of {} went well, but {error}", site.name))
        })?;
    if let Some(venv) = &found.venv {
        made_here(venv, &tree, &base_python.read_only).map_err(|reason| {
            Trouble::Environment(format!(
                "the environment that the set-up of {} made is refused: {reason}",
                site.name
            ))
        })?;
    }
    let python = match &found.venv {
        Some(venv) => Python::of_venv(venv, sandbox).map_err(|reason| {
            Trouble::Environment(format!(
                "the environment that the set-up of {} made cannot be used: {reason}",
                site.name
            ))
        })?,
        None => site.python(sandbox, &recorder).map_err(Trouble::Environment)?,
    };
    Ok(site.fitted(python).moving_from(&tree).with_node_modules(found.node_modules))
}

/// Whether a set-up made an environment itself, of the interpreter it was given: code of the project ran there and could
/// have left a link or a name that leads to another part of the machine.
fn made_here(venv: &Venv, tree: &Path, given: &[PathBuf]) -> Result<(), String> {
    let real = |path: &Path| path.canonicalize().ok();
    let inside = real(&venv.folder).zip(real(tree)).is_some_and(|(folder, tree)| folder.starts_with(tree));
    if !inside {
        return Err(format!("{} lies outside of the copy it ran in", venv.folder.display()));
    }
    match venv.base.iter().find(|base| !given.contains(base)) {
        Some(base) => Err(format!("it names {} as its interpreter, which it was not given", base.display())),
        None => Ok(()),
    }
}

/// One state of a project's set-up: the command, and the content of the lock files it works from.
struct Setup {
    argv: Vec<String>,
    hash: String,
    folder: PathBuf,
}

impl Setup {
    fn of(
        job: &Job<'_>,
        site: &Site,
        repository: &Repository,
        base: &Sha,
        argv: &[String],
        python: &Python,
    ) -> Result<Self, Trouble> {
        let mut hash = Sha256::new();
        for arg in argv {
            hash.update(format!("{}:{arg}\n", arg.len()));
        }
        hash.update(format!("network {}\n", site.config.test.setup_network));
        hash.update(format!("{} {:?}\n", python.executable.display(), python.version));
        for entry in repository.files(base)? {
            let name = entry.path.file_name();
            let requirements = name.starts_with("requirements") && name.ends_with(".txt");
            if requirements || LOCK_FILES.contains(&name) {
                hash.update(format!("{} {}\n", entry.path, entry.blob));
            }
        }
        let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let folder = folder_of(&job.tools.work_folder, site.id).join(&hash);
        Ok(Self { argv: argv.to_vec(), hash, folder })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.folder.with_extension(ending)
    }

    /// The folder with the finished environment, made now if it is not there.
    fn ready(
        &self,
        job: &Job<'_>,
        site: &Site,
        repository: &Repository,
        base: &Sha,
        sandbox: &Sandbox,
        python: &Python,
    ) -> Result<PathBuf, Trouble> {
        let (tree, complete) = (self.folder.join("tree"), self.folder.join("complete"));
        fs::create_dir_all(self.folder.parent().unwrap_or(&self.folder)).map_err(machine("make a folder"))?;
        let lock = self.lock(job)?;
        if complete.is_file() {
            // Its time tells when it was used last.
            fs::write(&complete, &self.hash).map_err(machine("mark the environment"))?;
            return Ok(tree);
        }
        let network = self.network(job, site)?;
        self.refuse_known_failure(job, site)?;
        self.remove().map_err(machine("remove an unfinished environment"))?;
        job.desk.step(format!("making the environment: {}", self.argv.join(" ")));
        repository.export(&tree, base)?;
        let output = self.run(job, site, sandbox, python, &tree, network)?;
        if output.ended == Ended::Cancelled {
            return Err(Trouble::Stopped);
        }
        if output.ended != Ended::Exited(0) {
            return Err(self.failed(site, &output));
        }
        open_to_all(&tree);
        write_at_once(&complete, &self.hash).map_err(machine("mark the environment"))?;
        drop(lock);
        prune(&self.folder);
        Ok(tree)
    }

    fn run(
        &self,
        job: &Job<'_>,
        site: &Site,
        sandbox: &Sandbox,
        python: &Python,
        tree: &Path,
        network: Network,
    ) -> Result<Output, Trouble> {
        let mut request = python.request(tree, Vec::<String>::new());
        if !matches!(self.argv.first().map(String::as_str), Some("python" | "python3")) {
            request.argv.clear();
            request.argv.extend(self.argv.first().cloned());
        }
        request.argv.extend(self.argv.iter().skip(1).cloned());
        request.read_only.extend(site.config.sandbox.read.iter().cloned());
        request.env.extend(site.config.test.env.clone());
        request.network = network;
        let limits = limits(site);
        request.limits = Limits { wall: limits.wall.max(SETUP_WALL), ..limits };
        sandbox.run(&request, job.desk.cancel()).map_err(|error| {
            Trouble::Environment(format!(
                "the set-up of {} could not be started: {error}; look at [test] setup in {FILE_NAME}",
                site.name
            ))
        })
    }

    /// Waits until no other task makes the same environment; the lock is gone with its process.
    fn lock(&self, job: &Job<'_>) -> Result<File, Trouble> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.beside("lock"))
            .map_err(machine("open a lock"))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if job.desk.cancel().is_cancelled() => {
                    return Err(Trouble::Stopped);
                }
                // Nothing tells when a lock of another process is free without waiting for ever.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(100)),
                Err(TryLockError::Error(error)) => return Err(machine("take a lock")(error)),
            }
        }
    }

    /// Whether the network is open, by the word of a person about exactly this command and these lock files.
    fn network(&self, job: &Job<'_>, site: &Site) -> Result<Network, Trouble> {
        if !site.config.test.setup_network {
            return Ok(Network::None);
        }
        let (allow, deny) = (format!("allow-{}", self.hash), format!("deny-{}", self.hash));
        let known = self.beside("network");
        if let Some(choice) = job.choice().filter(|choice| *choice == allow || *choice == deny) {
            write_at_once(&known, choice).map_err(machine("remember the answer"))?;
        }
        match fs::read_to_string(&known) {
            Ok(choice) if choice == allow => Ok(Network::Open),
            Ok(choice) if choice == deny => Ok(Network::None),
            Ok(_) | Err(_) => {
                let question = format!(
                    "The set-up of project {} wants the network: {}. It would run in the sandbox and reach whatever this \
                     machine reaches, once for the present lock files (state {}). Allow it?",
                    site.name,
                    shown(&self.argv),
                    self.hash
                );
                let choices = [
                    (allow.as_str(), "Yes, this command for these lock files"),
                    (deny.as_str(), "No, run it without the network"),
                ];
                Err(Trouble::Ask { on: BlockedOn::Question, ask: Box::new(Ask::new(question, &choices)) })
            }
        }
    }

    /// A set-up that failed is not tried again for every task, but when a person says so.
    fn refuse_known_failure(&self, job: &Job<'_>, site: &Site) -> Result<(), Trouble> {
        match fs::read_to_string(self.beside("failed")) {
            Ok(reason) if job.choice() != Some("retry") && !self.answered_network(job) => {
                Err(Trouble::Environment(format!("the set-up of {} failed before: {reason}", site.name)))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn answered_network(&self, job: &Job<'_>) -> bool {
        job.choice().is_some_and(|choice| choice.ends_with(&self.hash))
    }

    fn failed(&self, site: &Site, output: &Output) -> Trouble {
        let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let printed = String::from_utf8_lossy(&printed);
        let skipped = printed.chars().count().saturating_sub(SHOWN);
        let tail: String = printed.chars().skip(skipped).collect();
        let bounds: String = output.hit.iter().map(|bound| format!(", {}", bound_words(*bound))).collect();
        let reason = format!("{} {}{bounds}:\n{}", shown(&self.argv), output.ended, tail.trim());
        drop(self.remove());
        // Where this cannot be kept, the next task tries again and finds out by itself.
        drop(write_at_once(&self.beside("failed"), &reason));
        Trouble::Environment(format!("the set-up of {} failed: {reason}\n", site.name))
    }

    fn remove(&self) -> std::io::Result<()> {
        drop(fs::remove_file(self.beside("failed")));
        remove_folder(&self.folder)
    }
}

/// Where the environments of a project lie.
fn folder_of(work_folder: &Path, project: ProjectId) -> PathBuf {
    work_folder.join("environments").join(project.to_string())
}

fn machine(what: &'static str) -> impl FnOnce(std::io::Error) -> Trouble {
    move |error| Trouble::Machine(format!("cannot {what}: {error}"))
}

fn remove_folder(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a file that is there whole or not at all.
fn write_at_once(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Lets every user read a tree: as root, each run is another user.
fn open_to_all(root: &Path) {
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let mode = meta.permissions().mode();
        let wanted = mode | if meta.is_dir() || mode & 0o100 != 0 { 0o055 } else { 0o044 };
        // What cannot be changed shows as a file that cannot be read, with its name.
        if !meta.is_symlink() && wanted != mode {
            drop(fs::set_permissions(&path, fs::Permissions::from_mode(wanted)));
        }
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
}

/// Removes the project's environments that nobody has used for long.
fn prune(kept: &Path) {
    let Some(folder) = kept.parent() else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let used = fs::metadata(entry.join("complete")).and_then(|meta| meta.modified()).ok();
        let old =
            used.is_some_and(|used| SystemTime::now().duration_since(used).is_ok_and(|age| age > UNUSED));
        if old && entry != kept {
            drop(remove_folder(&entry));
        }
    }
}

fn shown(argv: &[String]) -> String {
    argv.join(" ")
}

/// The bounds of one run of the project's code.
pub(crate) fn limits(site: &Site) -> Limits {
    const MEGABYTE: u64 = 1024 * 1024;
    let sandbox = &site.config.sandbox;
    let wall = site.config.test.timeout.get();
    let plain = Limits::default();
    Limits {
        wall,
        cpu_seconds: plain.cpu_seconds.max(wall.as_secs().saturating_mul(2)),
        memory_bytes: sandbox.memory_mb.saturating_mul(MEGABYTE),
        processes: sandbox.processes,
        file_bytes: sandbox.file_mb.saturating_mul(MEGABYTE),
        tmp_bytes: sandbox.tmp_mb.saturating_mul(MEGABYTE),
        disk_bytes: sandbox.disk_mb.saturating_mul(MEGABYTE),
        ..plain
    }
}

/// Which bound a run came up against, and the key of the settings that moves it.
pub(crate) fn bound_words(bound: Bound) -> &'static str {
    match bound {
        Bound::Wall => "it hit the time limit ([test] timeout)",
        Bound::Processor => "it hit the limit of processor time (twice [test] timeout)",
        Bound::Memory => "it hit the memory limit ([sandbox] memory_mb)",
        Bound::Processes => "it hit the limit of processes ([sandbox] processes)",
        Bound::FileSize => "it hit the limit of one file's size ([sandbox] file_mb)",
        Bound::TemporaryFiles => "it filled the temporary folder ([sandbox] tmp_mb)",
        Bound::Disk => "it filled its share of the disk ([sandbox] disk_mb)",
    }
}

/// Says what a suite lacked that a person can supply, so that no such failure is taken for one of the code.
///
/// # Errors
/// The question to them. None where services are missing and they said to go on without.
pub(crate) fn demand(job: &Job<'_>, site: &Site, suite: &Suite, python: &Python) -> Result<(), Trouble> {
    let Some(found) = lack(suite, python) else { return Ok(()) };
    let Lack::Services(missing) = &found else {
        return Err(Trouble::Environment(format!("{found}{}", passed_over(job, site))));
    };
    let known = folder_of(&job.tools.work_folder, site.id).join("without");
    let addresses: Vec<&str> = missing.iter().map(|service| service.address.as_str()).collect();
    let mut remembered: Vec<String> =
        fs::read_to_string(&known).unwrap_or_default().lines().map(str::to_owned).collect();
    let new = |remembered: &[String]| {
        addresses.iter().any(|address| !remembered.iter().any(|known| known == address))
    };
    if job.choice() == Some(WITHOUT) && new(&remembered) {
        remembered.extend(addresses.iter().map(|address| (*address).to_owned()));
        let folder = known.parent().unwrap_or(&known);
        fs::create_dir_all(folder)
            .and_then(|()| write_at_once(&known, &remembered.join("\n")))
            .map_err(machine("remember the answer"))?;
    }
    if !new(&remembered) {
        return Ok(());
    }
    let question = format!("{found}. Is it mended?");
    let choices = [
        ("retry", "Yes, try again"),
        (WITHOUT, "Go on without them; the tests that need them decide nothing"),
        (HAND_OVER, "Leave this error to me"),
    ];
    Err(Trouble::Ask { on: BlockedOn::Environment, ask: Box::new(Ask::new(question, &choices)) })
}

/// What looks like the environment that is wanted and is not taken, with the reason.
fn passed_over(job: &Job<'_>, site: &Site) -> String {
    let recorder: Arc<dyn Recorder> = job.desk.clone();
    let found = site.environment(&recorder).unwrap_or_default();
    found.passed_over.iter().map(|reason| format!("; passed over: {reason}")).collect()
}

/// As [`demand`], for a run with a fix: a module or program that it cannot find there, and could without the fix, is the fix's
/// own.
pub(crate) fn demand_with_fix(
    job: &Job<'_>,
    site: &Site,
    suite: &Suite,
    python: &Python,
) -> Result<(), Trouble> {
    match lack(suite, python) {
        Some(Lack::Foreign { .. } | Lack::Services(_)) => demand(job, site, suite, python),
        Some(Lack::Module { .. } | Lack::Compiled { .. } | Lack::Program { .. }) | None => Ok(()),
    }
}

/// The sandbox with the services that the project declares, each the only address that its name opens.
///
/// # Errors
/// What keeps a service from being reached, in words for a person.
pub(crate) fn with_services(site: &Site, sandbox: Sandbox) -> Result<Sandbox, Trouble> {
    if site.config.services.is_empty() {
        return Ok(sandbox);
    }
    let named =
        |reason: String| Trouble::Environment(format!("[[services]] of project {}: {reason}", site.name));
    if !sandbox.level().opens_services() {
        let reason = format!(
            "the sandbox level {} cannot open a single address; install bubblewrap, or allow user namespaces",
            sandbox.level()
        );
        return Err(named(reason));
    }
    let services = site.config.services.iter().map(|service| {
        service.address.parse().map_err(|reason| named(format!("{}: {reason}", service.name)))
    });
    Ok(sandbox.with_services(services.collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_that_leads_elsewhere_is_none_of_the_set_up() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, other) = (folder.path().join("tree"), folder.path().join("other"));
        fs::create_dir_all(tree.join("real")).unwrap();
        fs::create_dir_all(&other).unwrap();
        std::os::unix::fs::symlink(&other, tree.join("link")).unwrap();
        let given = [PathBuf::from("/opt/python")];
        let venv = |name: &str, base: &str| Venv {
            folder: tree.join(name),
            program: tree.join(name).join("bin/python"),
            base: vec![base.into()],
        };
        assert_eq!(made_here(&venv("real", "/opt/python"), &tree, &given), Ok(()));
        assert!(made_here(&venv("link", "/opt/python"), &tree, &given).unwrap_err().contains("outside"));
        assert!(made_here(&venv("real", "/home/me"), &tree, &given).unwrap_err().contains("/home/me"));
    }

    #[test]
    fn what_is_made_can_be_read_by_everybody_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, other) = (folder.path().join("tree"), folder.path().join("other"));
        fs::create_dir_all(tree.join("bin")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&other, "").unwrap();
        set(&other, 0o600);
        std::os::unix::fs::symlink(&other, tree.join("link")).unwrap();
        for (name, before) in [("bin/tool", 0o700), ("data", 0o600)] {
            fs::write(tree.join(name), "").unwrap();
            set(&tree.join(name), before);
        }
        set(&tree.join("bin"), 0o700);
        open_to_all(&tree);
        let modes = ["bin", "bin/tool", "data"].map(|name| mode(&tree.join(name)));
        assert_eq!((modes, mode(&other)), ([0o755, 0o755, 0o644], 0o600));
    }
}
