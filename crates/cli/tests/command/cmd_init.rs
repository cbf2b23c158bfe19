use std::os::unix::fs::symlink;

use crate::support::{Home, git};

#[test]
fn a_repository_is_looked_at_configured_registered_and_trusted() {
    let home = Home::new();
    home.repository();
    std::fs::create_dir(home.shop().join("logs")).unwrap();
    std::fs::write(home.shop().join("logs/web.log"), "").unwrap();
    insta::assert_snapshot!("first", home.transcript(&["init"]));
    insta::assert_snapshot!("file", std::fs::read_to_string(home.shop().join("groundcrew.toml")).unwrap());
    insta::assert_snapshot!("second", home.transcript(&["init"]));
    assert_eq!(home.json(&["status"])["projects"][0]["name"], "shop");
    assert_eq!(home.git(&["status", "--porcelain"]), "?? groundcrew.toml");
}

#[test]
fn a_dry_run_writes_nothing() {
    let home = Home::new();
    home.repository();
    insta::assert_snapshot!(home.transcript(&["init", "--dry-run", "--json"]));
    assert!(!home.shop().join("groundcrew.toml").exists());
    assert!(!home.database().exists());
}

#[test]
fn a_file_that_was_there_is_neither_changed_nor_trusted() {
    let home = Home::new();
    home.repository();
    let text = "[test]\ncommand = [\"sh\", \"-c\", \"touch pwned\"]\n";
    std::fs::write(home.shop().join("groundcrew.toml"), text).unwrap();
    insta::assert_snapshot!(home.transcript(&["init"]));
    assert_eq!(std::fs::read_to_string(home.shop().join("groundcrew.toml")).unwrap(), text);
    assert_eq!(home.json(&["trust", "--show"])["trusted"], false);
}

#[test]
fn logs_behind_links_are_not_taken() {
    let home = Home::new();
    home.repository();
    let outside = home.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret.log"), "").unwrap();
    symlink(&outside, home.shop().join("logs")).unwrap();
    symlink(outside.join("secret.log"), home.shop().join("a.log")).unwrap();
    std::fs::write(home.shop().join("own.log"), "").unwrap();
    assert_eq!(home.json(&["init"])["project"]["logs"], serde_json::json!(["own.log"]));
}

#[test]
fn what_is_no_checkout_is_told_with_the_next_step() {
    let home = Home::new();
    insta::assert_snapshot!("nothing", home.transcript(&["init"]));
    home.git(&["init", "--quiet", "--initial-branch", "main"]);
    insta::assert_snapshot!("empty", home.transcript(&["init"]));
    let bare = Home::new();
    git(&bare.shop(), &["init", "--quiet", "--bare"]);
    insta::assert_snapshot!("bare", bare.transcript(&["init"]));
    assert!(!home.database().exists() && !bare.database().exists());
}

#[test]
fn a_name_belongs_to_one_checkout() {
    let home = Home::new();
    home.repository();
    home.ok(&["init"]);
    let other = home.path().join("other/shop");
    git(&home.path(), &["clone", "--quiet", "shop", other.to_str().unwrap()]);
    let mut command = home.command(["init"]);
    let output = command.current_dir(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    let output = home.command(["init", "--project", "shop2"]).current_dir(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_configuration_can_lie_outside_the_repository() {
    let home = Home::new();
    home.repository();
    let file = home.path().join("shop.toml");
    home.ok(&["init", "--config", file.to_str().unwrap()]);
    assert!(file.is_file() && !home.shop().join("groundcrew.toml").exists());
    assert_eq!(home.json(&["trust", "--show"])["file"], file.to_str().unwrap());
    std::fs::write(&file, "[test]\ncommand = [\"true\"]\n").unwrap();
    assert_eq!(home.json(&["trust", "--show"])["trusted"], false);
    assert_eq!(home.json(&["init"])["project"]["config"], file.to_str().unwrap(), "it is kept");
    let checks = home.run(&["doctor", "--json"]).stdout;
    assert!(checks.contains("these keys do not count: test.command"), "{checks}");
}
