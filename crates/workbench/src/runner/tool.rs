//! Tools of a project's ecosystem, such as a linter: found where the project or the user has them, run as its tests are.

use std::path::{Path, PathBuf};

use super::toolchain::{Toolchain, User, is_system};
use super::{Shown, import_from};
use crate::environment::NODE_MODULES;
use crate::process::CancelToken;
use crate::python::Python;
use crate::sandbox::{Limits, Output, Sandbox, SandboxError};

/// Where a tool lies: in the project's environment, among its packages of Node, or on the user's path.
///
/// A work tree is not looked into: what a commit brings is no tool of the user's.
pub fn find_tool(python: &Python, name: &str) -> Option<PathBuf> {
    let environment = python.environment.iter().map(|folder| folder.join("bin"));
    let packages = python.node_modules.iter().map(|folder| folder.join(".bin"));
    let own = environment.chain(packages).map(|folder| folder.join(name)).find(|program| program.is_file());
    own.or_else(|| User::of_this_process().program(name))
}

/// Runs a tool that [`find_tool`] found in a work tree, with everything that a test command has.
///
/// # Errors
/// If it could not be started. What it says and how it ends is the [`Output`].
pub fn run_tool(
    sandbox: &Sandbox,
    python: &Python,
    worktree: &Path,
    argv: &[String],
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Output, SandboxError> {
    let Some((program, args)) = argv.split_first() else {
        return Err(SandboxError::BadRequest("no tool is named".to_owned()));
    };
    let mut request = python.request(worktree, Vec::<String>::new());
    let found = find_tool(python, program).filter(|found| {
        // A toolchain has its own programs, which a shim only stands for.
        !matches!(program.as_str(), "cargo" | "go" | "node" | "npm") && !is_system(found)
    });
    // Packages of Node are shown in the work tree and run from there.
    let within = found.as_ref().and_then(|found| found.strip_prefix(python.node_modules.as_ref()?).ok());
    let named = match (&found, within) {
        (_, Some(within)) => worktree.join(NODE_MODULES).join(within),
        (Some(found), None) => found.clone(),
        (None, None) => PathBuf::from(program),
    };
    request.argv = vec![named.to_string_lossy().into_owned()];
    request.argv.extend(args.iter().cloned());
    if within.is_none() {
        request.read_only.extend(found);
    }
    import_from(&mut request, worktree);
    request.read_only.extend(python.node_modules.clone());
    request.limits = limits.clone();
    let toolchain = Toolchain::of(&User::of_this_process(), worktree)?;
    toolchain.equip(&mut request, worktree);
    let shown = Shown::packages(python, worktree)?;
    let output = sandbox.run(&request, cancel);
    drop((shown, toolchain));
    output
}
