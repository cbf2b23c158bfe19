//! Git commands are built in one file of the workspace, so that no hardening can be forgotten elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn only_one_file_builds_a_git_command() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the crates");
    let mut found = Vec::new();
    let mut looked_at = 0;
    for member in fs::read_dir(crates).expect("a folder").flatten() {
        let mut left = vec![member.path().join("src")];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    left.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    looked_at += 1;
                    found.extend(builds_git(&path).then_some(path));
                }
            }
        }
    }
    assert!(looked_at > 20, "only {looked_at} files were looked at");
    let expected: PathBuf = crates.join("workbench/src/git/command.rs");
    assert_eq!(found, [expected]);
}

fn builds_git(path: &Path) -> bool {
    let text = fs::read_to_string(path).expect("a source file");
    // Tests stand at the end of a file and may build fixtures.
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    ["Command::new(\"git\"", "Command::new(\"/usr/bin/git\"", "CommandExt::new(\"git\""]
        .iter()
        .any(|call| compact.contains(call))
}
