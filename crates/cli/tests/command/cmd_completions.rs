use std::process::Command;

use crate::support::Home;

/// The script is long and its form is the generator's, so that only what it completes is looked at.
#[test]
fn every_shell_gets_a_script_with_every_verb() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.ok(&["completions", shell]).stdout;
        for word in ["incidents", "redrive", "--until-idle", "developer"] {
            let bare = word.trim_start_matches("--");
            assert!(script.contains(bare), "{shell}: {word}");
        }
        assert_eq!(
            home.json(&["completions", shell])["script"].as_str().unwrap().trim_end(),
            script.trim_end()
        );
        let told = home.ok(&["completions", shell, "--json"]).stdout;
        assert!(told.starts_with("{\n  \"schema_version\": 1"), "{told}");
    }
    assert_eq!(home.run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn bash_completes_with_it() {
    let home = Home::new();
    let script = home.path().join("complete.bash");
    std::fs::write(&script, home.ok(&["completions", "bash"]).stdout).unwrap();
    let line = format!(
        "source {}; COMP_WORDS=(groundcrew tasks re); COMP_CWORD=2; _groundcrew groundcrew re tasks; echo \"${{COMPREPLY[*]}}\"",
        script.display()
    );
    let Ok(output) = Command::new("bash").args(["--norc", "-c", &line]).output() else {
        eprintln!("skipped: there is no bash here");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told.trim(), "retry redrive", "{}", String::from_utf8_lossy(&output.stderr));
}
