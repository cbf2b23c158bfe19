//! `man`: manual pages, made from the same tree as `--help`.

use std::path::Path;

use clap::Command;
use clap_mangen::Man as Page;
use groundcrew_crew::nearest::nearest;
use serde_json::json;

use crate::catalogue;
use crate::escape;
use crate::failure::{Done, Failure, Kind};
use crate::invocation::Invocation;
use crate::options::Man;

/// Prints a page, or writes all of them.
pub(super) fn run(options: &Man, at: &Invocation) -> Result<Done, Failure> {
    let mut root = catalogue::command().disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &options.dir {
        return write_all(at, &root, folder);
    }
    let command = options.verb.iter().try_fold(&root, |command, word| {
        command.find_subcommand(word).ok_or_else(|| no_such_verb(at, &root, &options.verb))
    })?;
    let (name, text) = page(command)?;
    if at.out.is_json() {
        at.out.document(&json!({ "name": name, "page": text }))?;
    } else {
        at.out.line(text.trim_end())?;
        at.out.note_on_terminal(format!(
            "read it with: {} | man -l -",
            at.command(&format!("man {}", options.verb.join(" ")))
        ));
    }
    Ok(Done::Clean)
}

fn no_such_verb(at: &Invocation, root: &Command, wanted: &[String]) -> Failure {
    let known = all(root).into_iter().skip(1).map(|(_, path)| path);
    let wanted = wanted.join(" ");
    let failure = Failure::new(Kind::NotFound, format!("there is no verb {wanted:?}"));
    match nearest(&wanted, known) {
        Some(path) => failure.hint(format!("did you mean `{path}`?")),
        None => failure.hint(format!("`{}` lists them", at.command("--help"))),
    }
}

/// Every command of the tree with its words, the whole command first.
fn all(root: &Command) -> Vec<(&Command, String)> {
    let mut found = vec![(root, String::new())];
    let mut next = 0;
    while let Some((command, path)) = found.get(next).cloned() {
        let inner = command.get_subcommands();
        found.extend(
            inner.map(|inner| (inner, format!("{path} {}", inner.get_name()).trim_start().to_owned())),
        );
        next += 1;
    }
    found
}

fn page(command: &Command) -> Result<(String, String), Failure> {
    // The tree names each command by its whole path once it is built.
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut text = Vec::new();
    let page = Page::new(command.clone())
        .title(name.to_uppercase())
        .manual("Groundcrew Manual")
        .source(concat!("groundcrew ", env!("CARGO_PKG_VERSION")));
    page.render(&mut text)
        .map_err(|error| Failure::new(Kind::Failed, format!("the page {name} cannot be made: {error}")))?;
    Ok((name, String::from_utf8_lossy(&text).into_owned()))
}

fn write_all(at: &Invocation, root: &Command, folder: &Path) -> Result<Done, Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::new(Kind::Failed, format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut written = Vec::new();
    for (command, _) in all(root) {
        let (name, text) = page(command)?;
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        written.push(path);
    }
    if at.out.is_json() {
        at.out.document(&json!({ "written": written }))?;
    } else {
        let folder = escape::line(&folder.to_string_lossy());
        at.out.line(format!("{} pages are in {folder}", written.len()))?;
    }
    Ok(Done::Clean)
}
