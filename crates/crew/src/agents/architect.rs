//! The architect: reviews what a change does to the design, and hands an accepted one over for approval.
//!
//! Judged are size, public signatures, new imports against the declared layers, and import cycles that the change
//! closes. Only imports that the change adds can do either, so only those are followed.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_core::contract::task_type::{PUBLISH_FIX, REVIEW_DESIGN};
use groundcrew_core::contract::{Dossier, Finding, PublishFixContext, Reason, ReviewContext, ReviewResult};
use groundcrew_core::evidence::ChangeKind;
use groundcrew_core::role::Role;
use groundcrew_core::task::NewTask;
use groundcrew_repair::locate::{is_python, is_test, module_of};
use groundcrew_repair::syntax::Source;
use groundcrew_workbench::git::{Diff, RepoPath, Repository, Sha};

use crate::agent::{Agent, Ending, Job, Trouble};
use crate::agents::rounds::end_rejected;
use crate::agents::security::verdict;
use crate::brain::ChangeFacts;
use crate::config::{ChangeConfig, DesignConfig};
use crate::site::read_text;

/// Files that a search for one cycle reads at most.
const MOST_FILES: usize = 2_000;

/// The architect.
pub(super) struct Architect;

impl Agent for Architect {
    fn role(&self) -> Role {
        Role::Architect
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[REVIEW_DESIGN]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        let context: ReviewContext = job.context()?;
        let site = job.site()?;
        let repository = site.repository(job)?;
        let (base, head) = (Sha::parse(&context.base_sha)?, Sha::parse(&context.head_sha)?);
        let diff = repository.diff(&base, &head)?;
        let mut findings = size(&diff, &site.config.change, &context.dossier);
        let commits = Commits::read(&repository, &base, &head, &diff)?;
        findings.extend(commits.signatures(&context.dossier));
        findings.extend(commits.imports(&site.config.design));
        let sample = &context.dossier.sample;
        findings.extend(job.brain.remark_on_design(&ChangeFacts { diff: &diff, sample }));
        let review = verdict(Role::Architect, &context.head_sha, findings, diff.files.len());
        job.desk.step(format!("{}: {}", review.verdict, review.summary));
        let reasons: Vec<Reason> =
            review.findings.iter().map(|found| Reason::new(&found.rule, &found.message)).collect();
        let result = ReviewResult {
            common: job.common(&review.verdict, 1.0, reasons.clone()),
            review: review.clone(),
        };
        if review.verdict == "reject" {
            return match &context.dossier.fix {
                Some(fix) => end_rejected(job, &result, &context.dossier, fix, "architect", &reasons),
                None => Ending::complete(&result, job.cost()),
            };
        }
        let mut context = context;
        context.dossier.reviews.push(review);
        Ok(Ending::complete(&result, job.cost())?.then(publish_task(job, context)?))
    }
}

fn publish_task(job: &Job<'_>, context: ReviewContext) -> Result<NewTask, Trouble> {
    let mut dossier = context.dossier;
    dossier.cost = dossier.cost.plus(job.cost());
    let number = match job.task.incident {
        Some(incident) => format!("incident-{incident}"),
        None => format!("task-{}", job.task.id),
    };
    let context = PublishFixContext {
        branch: format!("groundcrew/{number}-{}", slug(&dossier.title)),
        base_sha: context.base_sha,
        head_sha: context.head_sha,
        dossier,
    };
    let context = serde_json::to_value(&context).map_err(|error| Trouble::Machine(error.to_string()))?;
    let mut next = NewTask::new(PUBLISH_FIX, Role::Developer, Role::Architect.into(), context);
    next.priority = job.task.priority;
    Ok(next)
}

/// A title as a part of a branch name: a few lower-case words of letters and digits.
fn slug(title: &str) -> String {
    const MOST_CHARS: usize = 32;
    let mut slug = String::new();
    for word in title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() + 1 > MOST_CHARS {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    if slug.is_empty() { "fix".into() } else { slug }
}

fn finding(rule: &str, level: &str, file: &str, message: String) -> Finding {
    Finding { rule: rule.into(), level: level.into(), file: file.into(), line: 0, message }
}

/// A revert takes away as much as its culprit brought, so its size is only remarked on.
fn size(diff: &Diff, most: &ChangeConfig, dossier: &Dossier) -> Vec<Finding> {
    let level = if is_revert(dossier) { "warning" } else { "error" };
    let program: Vec<_> = diff.files.iter().filter(|file| !is_test(&file.path)).collect();
    let lines: u64 = program.iter().map(|file| file.added + file.removed).sum();
    let mut findings = Vec::new();
    if program.len() > most.max_files {
        let message = format!("changes {} files of the program, more than {}", program.len(), most.max_files);
        findings.push(finding("size", level, "", message));
    }
    if lines > most.max_lines as u64 {
        let message = format!("changes {lines} lines of the program, more than {}", most.max_lines);
        findings.push(finding("size", level, "", message));
    }
    findings
}

fn is_revert(dossier: &Dossier) -> bool {
    dossier.fix.as_ref().is_some_and(|fix| fix.kind == ChangeKind::Revert)
}

/// What both sides of a change hold, as far as design is concerned.
struct Commits<'a> {
    repository: &'a Repository,
    head: &'a Sha,
    /// Python files of the program at the head.
    files: Vec<String>,
    /// Changed Python files of the program: path, text before, text after.
    changed: Vec<(String, String, String)>,
}

impl<'a> Commits<'a> {
    fn read(repository: &'a Repository, base: &Sha, head: &'a Sha, diff: &Diff) -> Result<Self, Trouble> {
        let files = repository.files(head)?.into_iter().map(|entry| entry.path.as_str().to_owned());
        let files = files.filter(|path| is_python(path) && !is_test(path)).collect();
        let mut changed = Vec::new();
        for file in diff.files.iter().filter(|file| is_python(&file.path) && !is_test(&file.path)) {
            let Ok(path) = RepoPath::parse(&file.path) else { continue };
            let before = read_text(repository, base, &path)?.unwrap_or_default();
            let after = read_text(repository, head, &path)?.unwrap_or_default();
            changed.push((file.path.clone(), before, after));
        }
        Ok(Self { repository, head, files, changed })
    }

    /// Public functions that are gone or take other parameters.
    fn signatures(&self, dossier: &Dossier) -> Vec<Finding> {
        let level = if is_revert(dossier) { "warning" } else { "error" };
        let mut findings = Vec::new();
        for (file, before, after) in &self.changed {
            let after = public_functions(after);
            for (name, parameters) in public_functions(before) {
                match after.get(&name) {
                    None => findings.push(finding(
                        "api",
                        level,
                        file,
                        format!("removes the public function {name}"),
                    )),
                    Some(now) if *now != parameters => {
                        let message = format!(
                            "changes the parameters of {name} from ({}) to ({})",
                            parameters.join(", "),
                            now.join(", ")
                        );
                        findings.push(finding("api", level, file, message));
                    }
                    Some(_) => {}
                }
            }
        }
        findings
    }

    /// Imports that the change adds: against the layers, and closing a cycle.
    fn imports(&self, design: &DesignConfig) -> Vec<Finding> {
        let by_module: BTreeMap<String, &str> =
            self.files.iter().map(|file| (module_of(file, &self.files).name, file.as_str())).collect();
        let mut findings = Vec::new();
        for (file, before, after) in &self.changed {
            let module = module_of(file, &self.files).name;
            let before = imported(before, &module, is_package(file));
            for target in imported(after, &module, is_package(file)).difference(&before) {
                if let Some(message) = breaks_layers(&module, target, &design.layers) {
                    findings.push(finding("layers", "error", file, message));
                }
                if let Some(cycle) = self.cycle(&module, target, &by_module) {
                    findings.push(finding(
                        "cycle",
                        "error",
                        file,
                        format!("closes the import cycle {cycle}"),
                    ));
                }
            }
        }
        findings
    }

    /// The way back from a newly imported module to the one that imports it.
    fn cycle(&self, from: &str, to: &str, by_module: &BTreeMap<String, &str>) -> Option<String> {
        let mut came_from: BTreeMap<String, String> = BTreeMap::new();
        let mut waiting = vec![to.to_owned()];
        let mut seen = BTreeSet::from([to.to_owned()]);
        while let Some(module) = waiting.pop() {
            if module == from {
                return Some(path_back(&came_from, from, to));
            }
            let Some(file) = by_module.get(&module) else { continue };
            if seen.len() > MOST_FILES {
                return None;
            }
            let path = RepoPath::parse(file).ok()?;
            let text = read_text(self.repository, self.head, &path).ok().flatten().unwrap_or_default();
            for next in imported(&text, &module, is_package(file)) {
                if seen.insert(next.clone()) {
                    came_from.insert(next.clone(), module.clone());
                    waiting.push(next);
                }
            }
        }
        None
    }
}

fn path_back(came_from: &BTreeMap<String, String>, from: &str, to: &str) -> String {
    let mut way = vec![from.to_owned()];
    let mut at = from;
    while at != to {
        let Some(before) = came_from.get(at) else { break };
        way.push(before.clone());
        at = before;
    }
    way.push(from.to_owned());
    way.reverse();
    way.join(" → ")
}

fn is_package(file: &str) -> bool {
    file.ends_with("__init__.py")
}

/// Public functions and methods with their parameters.
fn public_functions(text: &str) -> BTreeMap<String, Vec<String>> {
    let Some(source) = Source::parse(text) else { return BTreeMap::new() };
    let public = |path: &str| !path.split('.').any(|part| part.starts_with('_') && !part.starts_with("__"));
    source
        .functions()
        .into_iter()
        .filter(|function| !function.nested && public(&function.path))
        .map(|function| (function.path, function.parameters))
        .collect()
}

/// Modules that a file imports, relative imports resolved; `from a import b` names both `a` and `a.b`.
fn imported(text: &str, module: &str, package: bool) -> BTreeSet<String> {
    let Some(source) = Source::parse(text) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for node in source.walk(source.root()) {
        match node.kind() {
            "import_statement" => {
                found.extend(names_of(&source, node).into_iter().filter(|name| name != module));
            }
            "import_from_statement" => {
                let Some(base) = node.child_by_field_name("module_name") else { continue };
                let Some(base_name) = absolute(source.of(base), module, package) else { continue };
                for name in names_of(&source, node) {
                    found.insert(join(&base_name, &name));
                }
                found.insert(base_name);
            }
            _ => {}
        }
    }
    found.remove(module);
    found
}

fn names_of(source: &Source, node: tree_sitter::Node<'_>) -> Vec<String> {
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor)
        .map(|child| child.child_by_field_name("name").unwrap_or(child))
        .map(|child| source.of(child).to_owned())
        .collect()
}

/// The module that a possibly relative name means in a module.
fn absolute(name: &str, module: &str, package: bool) -> Option<String> {
    let rest = name.trim_start_matches('.');
    let dots = name.len() - rest.len();
    if dots == 0 {
        return Some(name.to_owned());
    }
    let parts: Vec<&str> = module.split('.').collect();
    let up = if package { dots - 1 } else { dots };
    let kept = parts.len().checked_sub(up)?;
    Some(join(&parts[..kept].join("."), rest))
}

fn join(base: &str, name: &str) -> String {
    match (base.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => base.to_owned(),
        (false, false) => format!("{base}.{name}"),
    }
}

/// Why an import goes against the layers, if it does: a layer may import itself and those below it.
fn breaks_layers(module: &str, target: &str, layers: &[Vec<String>]) -> Option<String> {
    let layer_of = |name: &str| {
        layers.iter().position(|prefixes| {
            prefixes.iter().any(|prefix| {
                name == prefix || name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
        })
    };
    let (from, to) = (layer_of(module)?, layer_of(target)?);
    (to < from).then(|| format!("{module} imports {target}, which lies in a layer above it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_absolute_and_relative() {
        let text = "import os.path as p, json\nfrom . import stock\nfrom ..core.money import Price as P\nfrom shop import *\n";
        let found = imported(text, "shop.web.routes", false);
        let expected = [
            "json",
            "os.path",
            "shop",
            "shop.core.money",
            "shop.core.money.Price",
            "shop.web",
            "shop.web.stock",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_layer_may_import_only_downwards() {
        let layers = [vec!["shop.web".to_owned()], vec!["shop.core".to_owned(), "shop.data".to_owned()]];
        assert_eq!(breaks_layers("shop.web.routes", "shop.core.money", &layers), None);
        assert_eq!(breaks_layers("shop.core.money", "shop.data", &layers), None);
        assert_eq!(breaks_layers("shop.core.money", "json", &layers), None);
        assert!(breaks_layers("shop.core.money", "shop.web.routes", &layers).is_some());
        assert_eq!(breaks_layers("shop.core", "shop.website", &layers), None, "a prefix ends at a dot");
    }

    #[test]
    fn a_changed_or_removed_public_function_is_seen_and_a_private_one_is_not() {
        let before = public_functions(
            "def pay(a, b):\n    pass\ndef _help(x):\n    pass\nclass C:\n    def m(self): pass\n",
        );
        let after = public_functions("def pay(a):\n    pass\nclass C:\n    def m(self): pass\n");
        assert_eq!(before.keys().collect::<Vec<_>>(), ["C.m", "pay"]);
        assert_ne!(before["pay"], after["pay"]);
        assert_eq!(before["C.m"], after["C.m"]);
    }

    #[test]
    fn a_title_becomes_a_branch_name_whatever_it_holds() {
        assert_eq!(slug("KeyError: 'GEI-250' in receive"), "keyerror-gei-250-in-receive");
        assert_eq!(slug("../../etc/passwd --force ~^:"), "etc-passwd-force");
        assert_eq!(slug("…"), "fix");
    }
}
