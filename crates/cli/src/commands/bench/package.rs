//! Released packages as programs of cases: fetched by pip, in the sandbox with the network open, as the user asked for by
//! naming the package.
//!
//! The package itself becomes the program; what it needs lies in an environment beside it, which no repair touches.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_workbench::CancelToken;
use groundcrew_workbench::git::Repository;
use groundcrew_workbench::python::Python;
use groundcrew_workbench::sandbox::{Ended, Limits, Network, Sandbox};

use super::case::{Case, contents};
use super::judge::unable;
use super::temporary;
use crate::escape;
use crate::failure::{Failure, Kind};

/// Longest time that fetching may take.
const FETCH: Duration = Duration::from_secs(600);
/// How the variables begin by which a user tells pip where packages are.
const OF_PIP: [&str; 2] = ["PIP_", "pip_"];
/// Variables that lead out of a closed network.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"];
/// What pip reads besides its variables.
const READ: [&str; 4] = ["/etc/pip.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/pki"];
/// Longest end of pip's output that is shown, in characters.
const SHOWN: usize = 600;

/// Lays out a case whose program is a package: the package at `at` as a repository, with an environment for what it needs.
///
/// # Errors
/// It cannot be fetched.
pub(super) fn lay_out(
    case: &Case,
    package: &str,
    at: &Path,
    (sandbox, python): (&Sandbox, &Python),
) -> Result<Repository, Failure> {
    let fetched = temporary()?;
    let program = fetched.path().join("program");
    let pip = Pip { case, sandbox, python, folder: fetched.path() };
    pip.install(&["--no-deps"], &program, &[package.to_owned()])?;
    let repository = case.commit(at, contents(&program)?)?;
    if !case.said.needs.is_empty() {
        let environment = fetched.path().join("environment");
        pip.run(&["-m", "venv", "--without-pip"], &[environment.to_string_lossy().into_owned()])?;
        let (major, minor, _) = python.version;
        let packages = environment.join(format!("lib/python{major}.{minor}/site-packages"));
        pip.install(&[], &packages, &case.said.needs)?;
        move_into(&environment, &repository.top().join(".venv"))?;
    }
    Ok(repository)
}

struct Pip<'a> {
    case: &'a Case,
    sandbox: &'a Sandbox,
    python: &'a Python,
    folder: &'a Path,
}

impl Pip<'_> {
    fn install(&self, options: &[&str], target: &Path, packages: &[String]) -> Result<(), Failure> {
        let target = target.to_string_lossy();
        let fixed = ["-m", "pip", "install", "--quiet", "--no-compile", "--target", target.as_ref()];
        let fixed: Vec<&str> = fixed.iter().chain(options).copied().collect();
        // What a case names is a package, whatever it looks like.
        let packages: Vec<String> = std::iter::once("--".to_owned()).chain(packages.to_vec()).collect();
        self.run(&fixed, &packages)
    }

    fn run(&self, fixed: &[&str], rest: &[String]) -> Result<(), Failure> {
        let words = fixed.iter().map(|word| (*word).to_owned()).chain(rest.iter().cloned());
        let mut request = self.python.request(self.folder, words);
        let own = |name: &String| {
            OF_PIP.iter().any(|start| name.starts_with(start)) || PROXIES.contains(&name.as_str())
        };
        let told: Vec<(String, String)> = std::env::vars().filter(|(name, _)| own(name)).collect();
        let named = told.iter().map(|(_, value)| PathBuf::from(value)).filter(|path| path.is_absolute());
        request.read_only.extend(READ.iter().map(PathBuf::from).chain(named));
        request.env.extend(told);
        request.limits = Limits { wall: FETCH, ..Limits::default() };
        request.network = Network::Open;
        let output = self.sandbox.run(&request, &CancelToken::new()).map_err(|error| unable(&error))?;
        if output.ended == Ended::Exited(0) {
            return Ok(());
        }
        let printed = String::from_utf8_lossy(&output.stderr);
        let skipped = printed.chars().count().saturating_sub(SHOWN);
        let end: String = printed.chars().skip(skipped).collect();
        let message = format!("{}: pip {}: {}", self.case.name, output.ended, escape::lines(end.trim()));
        Err(Failure::new(Kind::Failed, message))
    }
}

fn move_into(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::rename(from, to)
        .map_err(|error| Failure::new(Kind::Failed, format!("cannot make {}: {error}", to.display())))
}
