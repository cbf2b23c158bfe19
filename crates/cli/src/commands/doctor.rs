//! `doctor`: one line per check of this machine, the database and every project, with the fix where one is needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use groundcrew_core::audit::{NoRecorder, Recorder};
use groundcrew_crew::losses::{Lost, lost};
use groundcrew_crew::site::{Logs, Site};
use groundcrew_crew::tools::Tools;
use groundcrew_store::{Access, Project, Store};
use groundcrew_workbench::git::{GitError, Repository, Sha, git_version};
use groundcrew_workbench::python::Python;
use groundcrew_workbench::sandbox::attempts::{Tried, known};
use groundcrew_workbench::sandbox::{Level, Probe, Sandbox, Unavailable};
use serde::Serialize;
use serde_json::json;

use crate::commands::status::told_hidden;
use crate::escape;
use crate::failure::{Done, Failure};
use crate::invocation::{Invocation, no_sandbox, sandbox, work_folder};
use crate::output::Style;
use crate::table::Table;

/// Free space that is enough, in megabytes.
const ENOUGH_MB: u64 = 512;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// All is well.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work.
    Fail,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: String,
    status: Status,
    detail: String,
    fix: Option<String>,
}

fn ok(name: &str, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), status: Status::Ok, detail: detail.into(), fix: None }
}

fn bad(name: &str, status: Status, detail: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { name: name.to_owned(), status, detail: detail.into(), fix: Some(fix.into()) }
}

/// Checks everything.
pub(super) fn run(at: &Invocation) -> Result<Done, Failure> {
    let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
    let sandbox = sandbox();
    let mut checks = vec![git(recorder.as_ref())];
    let levels = levels(&sandbox);
    checks.extend(levels.iter().map(level_check));
    if let Ok(sandbox) = &sandbox {
        checks.push(python(sandbox, &recorder));
    }
    checks.extend(database(at, sandbox.as_ref().ok()));
    let clean = checks.iter().all(|check| check.status == Status::Ok);
    if at.out.is_json() {
        at.out.document(&json!({ "ok": clean, "checks": checks, "sandbox": levels }))?;
    } else {
        print(at, &checks)?;
    }
    Ok(if clean { Done::Clean } else { Done::NotClean })
}

fn git(recorder: &dyn Recorder) -> Check {
    match git_version(recorder) {
        Ok(version) => ok("git", format!("version {version}")),
        Err(error @ GitError::NoGit) => bad(
            "git",
            Status::Fail,
            error.to_string(),
            "install git, for instance with `apt-get install git`",
        ),
        Err(error) => bad("git", Status::Fail, error.to_string(), "install git 2.31 or newer"),
    }
}

/// A level of the sandbox, and what a hostile command gets out of it here.
#[derive(Debug, Serialize)]
struct Tested {
    level: Level,
    used: bool,
    /// Why it does not work; none if it does.
    problem: Option<String>,
    /// How bad it is that it does not work, or was not tried: not at all if one that is used holds as much.
    #[serde(skip)]
    without: Status,
    /// None if nothing could be tried.
    #[serde(flatten)]
    tried: Option<Tried>,
}

fn levels(sandbox: &Result<Sandbox, Unavailable>) -> Vec<Tested> {
    let (probes, used) = match sandbox {
        Ok(sandbox) => (sandbox.probe_all(), Some(sandbox.level())),
        Err(unavailable) => (unavailable.probes.clone(), None),
    };
    let test = |Probe { level, problem }: Probe| {
        let tried = sandbox.as_ref().ok().filter(|_| problem.is_none()).map(|with| with.attempts(level));
        let (tried, untried) = match tried {
            Some(Ok(tried)) => (Some(tried), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        let without = match used {
            Some(used) if used > level || (used < level && used.opens_services()) => Status::Ok,
            Some(_) => Status::Warn,
            None => Status::Fail,
        };
        Tested { level, used: used == Some(level), problem: problem.or(untried), without, tried }
    };
    probes.into_iter().map(test).collect()
}

fn level_check(tested: &Tested) -> Check {
    let name = format!("sandbox {}", tested.level);
    let Some(tried) = &tested.tried else {
        let problem = tested.problem.clone().unwrap_or_default();
        if tested.without == Status::Ok {
            return ok(&name, format!("not needed; {problem}"));
        }
        let fix = "do what the reason says; without any level nothing of a project can run";
        return bad(&name, tested.without, problem, fix);
    };
    let open = tried.open();
    let all = tried.attempts.len();
    let mut detail = format!("works{}, ", if tested.used { ", and is used" } else { "" });
    if open.is_empty() {
        detail.push_str(&format!("holds all of {all} attempts to get out"));
    } else {
        detail.push_str(&format!(
            "holds {} of {all} attempts to get out; open: {}",
            all - open.len(),
            open.join(", ")
        ));
    }
    if open.iter().all(|name| known(tested.level).contains(name)) {
        return ok(&name, detail);
    }
    let fix = "demand another level with `minimum` under [sandbox], and tell the maintainers what is open";
    bad(&name, Status::Fail, detail, fix)
}

fn python(sandbox: &Sandbox, recorder: &Arc<dyn Recorder>) -> Check {
    match Python::find(sandbox, recorder) {
        Ok(python) => {
            let (major, minor, patch) = python.version;
            let pytest = if python.pytest { "with" } else { "without" };
            ok(
                "python3",
                format!("{major}.{minor}.{patch} {pytest} pytest, at {}", python.executable.display()),
            )
        }
        Err(error) => bad(
            "python3",
            Status::Fail,
            error.to_string(),
            "install python3, for instance with `apt-get install python3`",
        ),
    }
}

fn database(at: &Invocation, sandbox: Option<&Sandbox>) -> Vec<Check> {
    let url = match at.database() {
        Ok(url) => url,
        Err(failure) => {
            return vec![bad("database", Status::Fail, failure.message, failure.hints.join("; "))];
        }
    };
    let store = match at.open(Access::ReadOnly) {
        Ok(store) => store,
        // Most of the store's messages name the next step themselves.
        Err(failure) => {
            return vec![bad("database", Status::Fail, failure.message, failure.hints.join("; "))];
        }
    };
    let mut checks = vec![rows(at, store.as_ref(), &url), disk(at, &store, &work_folder(&url))];
    match at.projects(store.as_ref()) {
        Ok(projects) if projects.is_empty() => checks.push(bad(
            "projects",
            Status::Warn,
            "there is none",
            "run `groundcrew init` in the repository of your service",
        )),
        Ok(projects) => {
            checks.extend(projects.iter().flat_map(|project| site(at, store.as_ref(), project, sandbox)));
        }
        Err(failure) => checks.push(bad("projects", Status::Fail, failure.message, failure.hints.join("; "))),
    }
    checks
}

/// The file and what is in it.
fn rows(at: &Invocation, store: &dyn Store, url: &str) -> Check {
    let found = store.schema_version().and_then(|version| Ok((version, store.check()?)));
    match found {
        Ok((version, findings)) if findings.is_empty() => {
            ok("database", format!("{url}, schema version {version}, nothing is damaged"))
        }
        Ok((_, findings)) => {
            let first = findings.first().map_or("", |finding| finding.detail.as_str());
            let more = findings.len() - 1;
            let detail = if more == 0 { first.to_owned() } else { format!("{first}; and {more} more") };
            bad("database", Status::Fail, detail, format!("`{}` lists every row", at.command("db check")))
        }
        Err(error) => bad("database", Status::Fail, error.to_string(), ""),
    }
}

fn disk(at: &Invocation, store: &Arc<dyn Store>, folder: &Path) -> Check {
    let beside = folder.parent().unwrap_or(folder).to_owned();
    let tools =
        at.trust().and_then(|trust| Ok(Tools::new(Arc::clone(store), Err(no_sandbox()), trust, beside)?));
    match tools.ok().and_then(|tools| tools.free_megabytes()) {
        Some(free) if free < ENOUGH_MB => bad(
            "disk",
            Status::Warn,
            format!("only {free} MB are free beside the database"),
            format!("free some; {ENOUGH_MB} MB are enough"),
        ),
        Some(free) => ok("disk", format!("{free} MB free beside the database")),
        None => {
            bad("disk", Status::Warn, "the free space is not known", "see that the database's folder exists")
        }
    }
}

fn site(at: &Invocation, store: &dyn Store, project: &Project, sandbox: Option<&Sandbox>) -> Vec<Check> {
    let name = |what: &str| format!("{} {what}", project.name);
    let root = PathBuf::from(&project.root);
    let opened = at.trust().and_then(|trust| Ok(Site::open(project, &trust)?));
    let file = at.config_shown(project);
    let mut checks = Vec::new();
    match Repository::open(&root, Arc::new(NoRecorder)) {
        Ok(repository) => {
            let site = opened.as_ref().ok();
            checks.extend(repository_checks(&name, &repository, sandbox.zip(site), &file));
        }
        Err(error) => checks.push(bad(
            &name("repository"),
            Status::Fail,
            error.to_string(),
            "move the checkout back, or run `groundcrew init` where it is now",
        )),
    }
    match opened {
        Err(failure) => checks.push(bad(&name("config"), Status::Fail, failure.message, "correct the file")),
        Ok(site) => {
            checks.push(if site.ignored.is_empty() {
                ok(&name("config"), "it counts as it is")
            } else {
                bad(
                    &name("config"),
                    Status::Warn,
                    format!("not trusted, so these keys do not count: {}", site.ignored.join(", ")),
                    at.command_about(&root, Some(&project.name), "trust"),
                )
            });
            checks.extend(logs(&name("logs"), store, &site, &file));
        }
    }
    checks
}

fn repository_checks(
    name: &dyn Fn(&str) -> String,
    repository: &Repository,
    with: Option<(&Sandbox, &Site)>,
    file: &str,
) -> Vec<Check> {
    let head = match repository.head() {
        Ok(head) => head,
        Err(error) => {
            return vec![bad(&name("repository"), Status::Fail, error.to_string(), "make a first commit")];
        }
    };
    let on = head.branch.map_or_else(|| "detached".to_owned(), |branch| format!("on {branch}"));
    let mut checks = vec![if repository.is_shallow() {
        bad(
            &name("repository"),
            Status::Warn,
            "its history is cut off, so culprits may not be found",
            "git fetch --unshallow",
        )
    } else {
        ok(&name("repository"), format!("{} {on}", repository.top().display()))
    }];
    if let Some((sandbox, site)) = with {
        checks.push(tests(name, (repository, &head.commit), sandbox, site, file));
    }
    checks
}

/// The tests as the crew would run them.
fn tests(
    name: &dyn Fn(&str) -> String,
    (repository, commit): (&Repository, &Sha),
    sandbox: &Sandbox,
    site: &Site,
    file: &str,
) -> Check {
    let recorder: Arc<dyn Recorder> = Arc::new(NoRecorder);
    let python = match site.python(sandbox, &recorder) {
        Ok(python) => python,
        Err(problem) => {
            let fix = format!("install python3, or name the project's interpreter in {file} under [test]");
            return bad(&name("tests"), Status::Fail, problem, fix);
        }
    };
    match site.test_command(repository, commit, &python) {
        Ok(Some(command)) => ok(&name("tests"), command.argv.join(" ")),
        Ok(None) => bad(
            &name("tests"),
            Status::Warn,
            "none were found, so no fix can be verified",
            format!("add tests, or name the command in {file} under [test]"),
        ),
        Err(error) => {
            bad(&name("tests"), Status::Fail, error.to_string(), "see that the repository can be read")
        }
    }
}

fn logs(name: &str, store: &dyn Store, site: &Site, file: &str) -> Vec<Check> {
    let Logs { files, troubles } = site.logs();
    if files.is_empty() && troubles.is_empty() {
        return vec![bad(
            name,
            Status::Warn,
            "no log is named",
            format!("add one to {file} under [logs] paths"),
        )];
    }
    let check = |path: &PathBuf| {
        let shown = path.display();
        match groundcrew_logs::readable(path) {
            Ok(()) => {
                let read = store.cursor(site.id, &path.to_string_lossy()).ok().flatten();
                ok(name, format!("{shown}{}", if read.is_some() { "" } else { ", not read yet" }))
            }
            Err(error) => {
                bad(name, Status::Warn, error.to_string(), "see that the file is there and may be read")
            }
        }
    };
    let wrong = |trouble: &String| {
        bad(name, Status::Warn, trouble.clone(), format!("correct {file} under [logs] paths"))
    };
    let lost = store.now().and_then(|now| lost(store, site.id, now)).unwrap_or_default();
    let lost = lost.iter().map(|lost| bad(name, Status::Warn, lost.told(), Lost::REMEDY));
    let hidden = store.hidden(site.id).unwrap_or_default();
    let hidden = hidden.iter().map(|hidden| ok(name, format!("rule {}", told_hidden(hidden))));
    troubles.iter().map(wrong).chain(files.iter().map(check)).chain(lost).chain(hidden).collect()
}

fn print(at: &Invocation, checks: &[Check]) -> Result<(), Failure> {
    let mut table = Table::bare();
    for check in checks {
        table.row([check.status.word().to_owned(), escape::line(&check.name), escape::line(&check.detail)]);
    }
    for (line, check) in table.lines().into_iter().zip(checks) {
        at.out.line(match check.status {
            Status::Ok => line,
            Status::Warn => at.out.paint(Style::Warn, &line),
            Status::Fail => at.out.paint(Style::Bad, &line),
        })?;
        if let Some(fix) = check.fix.as_ref().filter(|fix| !fix.is_empty()) {
            at.out.line(format!("      fix: {}", escape::line(fix)))?;
        }
    }
    Ok(())
}
