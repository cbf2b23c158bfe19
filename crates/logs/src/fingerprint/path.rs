//! Where a file lies within its project, wherever the project is installed.

/// The last two parts of a file's path within its project.
///
/// Where a project is installed is guessed from the usual places, so that the same file gives the same text in a release
/// folder, a home folder and a temporary one.
pub(super) fn project_path(file: &str) -> String {
    let file = file.strip_prefix("file://").unwrap_or(file).replace('\\', "/");
    let absolute = file.starts_with('/') || file.get(1..3) == Some(":/");
    let mut parts: Vec<&str> = file.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let Some(name) = parts.pop() else { return String::new() };
    let folders = if absolute { within_project(&parts) } else { &parts };
    match folders.last().filter(|folder| !is_passing(folder)) {
        Some(folder) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

/// The folders behind those of the installation.
fn within_project<'a>(folders: &'a [&'a str]) -> &'a [&'a str] {
    // Folders that lead to where projects lie, each followed by the project's own folder.
    let leading = match folders {
        ["home" | "Users", _, ..] => 2,
        ["usr", "src" | "local" | "share" | "lib"] | ["usr", "src" | "local" | "share" | "lib", ..] => 2,
        ["var", "www" | "lib" | "task" | "tmp" | "opt", ..] | ["opt", "releases", ..] => 2,
        ["private", "tmp" | "var", ..] => 2,
        ["app" | "code" | "workspace" | "src" | "project", ..] => 0,
        [_, ..] => 1,
        [] => 0,
    };
    let rest = &folders[leading.min(folders.len())..];
    let rest = rest.get(1..).unwrap_or_default();
    let passing = rest.iter().take_while(|folder| is_passing(folder)).count();
    &rest[passing..]
}

/// Folders that belong to an installation and not to the project: releases, versions, check-outs.
fn is_passing(folder: &str) -> bool {
    matches!(
        folder,
        "app" | "src" | "current" | "release" | "releases" | "checkout" | "build" | "dist" | "tmp"
    ) || folder.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_name_wherever_its_project_is_installed() {
        for (file, expected) in [
            ("/srv/app/app.py", "app.py"),
            ("/opt/releases/20261105-9f3c1ab/app/app.py", "app.py"),
            ("/tmp/tmpab12cd/app.py", "app.py"),
            ("/home/bob/shop/app.py", "app.py"),
            ("/app/app.py", "app.py"),
            ("/usr/src/app/app.py", "app.py"),
            ("app.py", "app.py"),
            ("./app.py", "app.py"),
            ("/srv/app/users/views.py", "users/views.py"),
            ("/opt/releases/20261105-9f3c1ab/app/users/views.py", "users/views.py"),
            ("/home/bob/shop/users/views.py", "users/views.py"),
            ("/var/www/shop/users/views.py", "users/views.py"),
            ("users/views.py", "users/views.py"),
            ("C:\\srv\\shop\\users\\views.py", "users/views.py"),
            ("", ""),
        ] {
            assert_eq!(project_path(file), expected, "{file}");
        }
    }
}
