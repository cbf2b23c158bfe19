//! A program of Rust, whose failing test is cured by undoing the commit that broke it, by the whole program.

use std::process::Command;

use serde_json::Value;

use crate::support::Home;

const SHELF: &str = "//! What lies on the shelf.\n\n/// Pieces by their names.\n#[derive(Default)]\npub struct Shelf {\n    pieces: Vec<(String, u32)>,\n}\n\nimpl Shelf {\n    /// Puts some there.\n    pub fn put(&mut self, name: &str, amount: u32) {\n        self.pieces.push((name.to_string(), amount));\n    }\n\n    /// How many there are.\n    pub fn count(&self, name: &str) -> u32 {\n        self.pieces.iter().filter(|(known, _)| known == name).map(|(_, amount)| amount).sum()\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn all_of_a_kind_are_counted() {\n        let mut shelf = Shelf::default();\n        shelf.put(\"pen\", 2);\n        shelf.put(\"pen\", 3);\n        assert_eq!(shelf.count(\"pen\"), 5);\n    }\n\n    #[test]\n    fn nothing_is_there_at_first() {\n        assert_eq!(Shelf::default().count(\"pen\"), 0);\n    }\n}\n";

#[test]
fn the_commit_that_broke_a_test_of_rust_is_undone_on_a_verified_branch() {
    if Command::new("cargo").arg("--version").output().is_err() {
        eprintln!("SKIPPED: cargo is not installed");
        return;
    }
    let home = Home::new();
    let manifest = "[package]\nname = \"shelf\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let lock = "version = 3\n\n[[package]]\nname = \"shelf\"\nversion = \"0.1.0\"\n";
    std::fs::create_dir(home.shop().join("src")).unwrap();
    for (file, text) in
        [("Cargo.toml", manifest), ("Cargo.lock", lock), (".gitignore", "target/\n"), ("src/lib.rs", SHELF)]
    {
        std::fs::write(home.shop().join(file), text).unwrap();
    }
    home.git(&["init", "--quiet", "--initial-branch", "main"]);
    home.git(&["add", "."]);
    home.git(&["commit", "--quiet", "-m", "The shelf"]);
    let faster =
        SHELF.replace(".map(|(_, amount)| amount).sum()", ".map(|(_, amount)| *amount).max().unwrap_or(0)");
    std::fs::write(home.shop().join("src/lib.rs"), faster).unwrap();
    home.git(&["commit", "--quiet", "-am", "Counting is faster"]);
    let culprit = home.git(&["rev-parse", "HEAD"]).trim().to_owned();
    std::fs::write(home.shop().join("README"), "Shelves.\n").unwrap();
    home.git(&["add", "."]);
    home.git(&["commit", "--quiet", "-m", "What it is"]);

    // Cargo and its toolchain are found in the user's own folders.
    let user = std::env::var_os("HOME").unwrap();
    let folder = |variable: &str, name: &str| {
        std::env::var_os(variable).unwrap_or_else(|| std::path::Path::new(&user).join(name).into_os_string())
    };
    let output = home
        .command(["fix", "--json", "--quiet", "--", "cargo", "test"])
        .env("CARGO_HOME", folder("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", folder("RUSTUP_HOME", ".rustup"))
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(
        (&document["grade"], &document["kind"], &document["strategy"], output.status.code()),
        (&"C".into(), &"revert".into(), &"revert".into(), Some(3)),
        "{document:#}"
    );
    let branch = document["branch"].as_str().unwrap();
    assert_eq!(home.git(&["show", &format!("{branch}:src/lib.rs")]), SHELF.trim_end());
    let evidence = std::fs::read_to_string(document["evidence"]["markdown"].as_str().unwrap()).unwrap();
    assert!(
        evidence.contains(&culprit[..10]) && evidence.contains("shelf tests::all_of_a_kind_are_counted"),
        "{evidence}"
    );
    assert_eq!(home.git(&["status", "--porcelain"]), "");
}
