//! What a hostile command reaches, against a golden table.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use groundcrew_workbench::CancelToken;
use groundcrew_workbench::sandbox::attempts::{Tried, known};
use groundcrew_workbench::sandbox::{Ended, Level, Sandbox, SandboxConfig, SandboxError};

use crate::{launcher, python, sandboxes};

/// What tests cannot do under a level.
fn lacking(level: Level) -> &'static [&'static str] {
    match level {
        Level::Strict | Level::Builtin => &[],
        Level::Landlock => &[
            "use the loopback",
            "use a socket file of its own",
            "use shared memory",
            "open a terminal of its own",
        ],
    }
}

#[test]
fn a_hostile_command_gets_exactly_what_is_known_of_the_level() {
    for sandbox in sandboxes() {
        let level = sandbox.level();
        let tried = sandbox.attempts(level).expect("it runs");
        assert_eq!(tried.open(), known(level), "{level}: {}", tried.told);
        assert_eq!(tried.lacking(), lacking(level), "{level}: {}", tried.told);
        assert!(tried.attempts.len() > 90);
    }
}

/// `GROUNDCREW_WRITE_DOCS=1` writes the table anew.
#[test]
fn the_documentation_says_what_each_level_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md");
    let Ok(stored) = fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} cannot be read", path.display());
        return;
    };
    let sandboxes = sandboxes();
    if sandboxes.len() < Level::ALL.len() {
        eprintln!("SKIPPED: not every level works here");
        return;
    }
    let tried: Vec<Tried> = sandboxes.iter().map(|s| s.attempts(s.level()).expect("it runs")).collect();
    let mut table =
        format!("| attempt | {} |\n| --- | --- | --- | --- |\n", Level::ALL.map(Level::as_str).join(" | "));
    for (number, attempt) in tried[0].attempts.iter().enumerate() {
        let held = tried.iter().map(|tried| if tried.attempts[number].held { "held" } else { "**open**" });
        table.push_str(&format!("| {} | {} |\n", attempt.name, held.collect::<Vec<_>>().join(" | ")));
    }
    table.push_str("\n| what tests do | strict | builtin | landlock |\n| --- | --- | --- | --- |\n");
    for (number, tested) in tried[0].uses.iter().enumerate() {
        let works = tried.iter().map(|tried| if tried.uses[number].works { "works" } else { "refused" });
        table.push_str(&format!("| {} | {} |\n", tested.name, works.collect::<Vec<_>>().join(" | ")));
    }
    let (begin, end) = ("<!-- levels -->\n", "<!-- /levels -->");
    let (before, rest) = stored.split_once(begin).expect("the table has its place");
    let (_, after) = rest.split_once(end).expect("the table has its end");
    let text = format!("{before}{begin}\n{table}\n{end}{after}");
    if std::env::var_os("GROUNDCREW_WRITE_DOCS").is_some() {
        fs::write(&path, &text).expect("a file");
    }
    let stored = fs::read_to_string(&path).expect("a file");
    assert!(
        stored == text,
        "docs/security.md is not what was measured; GROUNDCREW_WRITE_DOCS=1 writes it anew"
    );
}

#[test]
fn a_program_that_does_not_exist_is_an_error_and_not_an_exit_code() {
    for sandbox in sandboxes() {
        let tree = tempfile::tempdir().expect("a folder");
        let request = groundcrew_workbench::sandbox::Request::new(tree.path(), ["no-such-program"]);
        let outcome = sandbox.run(&request, &CancelToken::new());
        match outcome {
            Err(SandboxError::Start { program, reason, .. }) => {
                assert_eq!(program, "no-such-program");
                assert!(reason.contains("No such file"), "{reason}");
            }
            other => panic!("{}: {other:?}", sandbox.level()),
        }
    }
}

#[test]
fn a_launcher_that_only_its_owner_may_start_serves_every_level() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("launcher");
    fs::copy(&launcher()[0], &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a mode");
    for sandbox in sandboxes() {
        let config =
            SandboxConfig { only: Some(sandbox.level()), ..SandboxConfig::new(vec![program.clone().into()]) };
        let closed = Sandbox::detect(config).expect("it works as the other does");
        let tree = tempfile::tempdir().expect("a folder");
        let output = closed.run(&python(tree.path(), "print(1)"), &CancelToken::new()).expect("it runs");
        assert_eq!(output.stdout, b"1\n");
    }
}

#[test]
fn placed_files_and_folders_are_there_and_cannot_be_written() {
    for sandbox in sandboxes() {
        let tree = tempfile::tempdir().expect("a folder");
        let shared = tempfile::tempdir().expect("a folder");
        fs::write(shared.path().join("lib"), "library").expect("a file");
        fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let script = "import sys\nprint(open(sys.argv[1]).read(), open(sys.argv[2]).read())\n\
                      for path in sys.argv[1:]:\n    try: open(path, 'w'); print('written')\n    except OSError: pass\n";
        let mut request = python(tree.path(), script);
        request.argv.push("/groundcrew/note".to_owned());
        request.argv.push(shared.path().join("lib").to_string_lossy().into_owned());
        request.files = vec![("/groundcrew/note".into(), b"placed".to_vec())];
        request.read_only = vec![shared.path().to_owned()];
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "placed library\n", "{output:?}");
    }
}

#[test]
fn a_bad_request_is_refused_before_anything_starts() {
    for sandbox in sandboxes() {
        let tree = tempfile::tempdir().expect("a folder");
        let good = python(tree.path(), "");
        let bad = [
            groundcrew_workbench::sandbox::Request { argv: Vec::new(), ..good.clone() },
            groundcrew_workbench::sandbox::Request { cwd: "/".into(), ..good.clone() },
            groundcrew_workbench::sandbox::Request { argv: vec!["a\0b".to_owned()], ..good.clone() },
            groundcrew_workbench::sandbox::Request {
                env: vec![("A=B".into(), String::new())],
                ..good.clone()
            },
            groundcrew_workbench::sandbox::Request {
                files: vec![("/etc/passwd".into(), Vec::new())],
                ..good.clone()
            },
            groundcrew_workbench::sandbox::Request {
                files: vec![("/groundcrew/../x".into(), Vec::new())],
                ..good
            },
        ];
        for request in bad {
            let outcome = sandbox.run(&request, &CancelToken::new());
            assert!(matches!(outcome, Err(SandboxError::BadRequest(_))), "{outcome:?}");
        }
    }
}

#[test]
fn a_work_tree_and_a_library_where_only_the_supervisor_can_enter_are_usable() {
    for sandbox in sandboxes() {
        let closed = tempfile::tempdir().expect("a folder");
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
        let (tree, lib) = (closed.path().join("a/tree"), closed.path().join("b/lib"));
        for folder in [&tree, &lib] {
            fs::create_dir_all(folder).expect("a folder");
        }
        fs::write(lib.join("text"), "library").expect("a file");
        fs::write(closed.path().join("secret"), "secret").expect("a file");
        let script = "import sys\nopen('out', 'w').write(open(sys.argv[1] + '/b/lib/text').read())\n\
                      try: open(sys.argv[1] + '/secret'); print('read')\nexcept OSError: print('refused')\n";
        let mut request = python(&tree, script);
        request.argv.push(closed.path().to_string_lossy().into_owned());
        request.read_only = vec![lib];
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "refused\n", "{output:?}");
        assert_eq!(fs::read_to_string(tree.join("out")).expect("a file"), "library");
    }
}

#[test]
fn the_network_is_reached_only_by_a_request_that_says_so() {
    let probe = "import socket, sys\ndef tried(family, address):\n    try:\n        with socket.socket(family, socket.SOCK_STREAM) as s:\n            \
                 s.settimeout(10); s.connect(address)\n        return True\n    except OSError: return False\n\
                 print(tried(socket.AF_INET, ('127.0.0.1', int(sys.argv[1]))), tried(socket.AF_UNIX, '\\0' + sys.argv[2]),\n      \
                 tried(socket.AF_UNIX, sys.argv[3]), tried(40, (2, 1024)))\n";
    for sandbox in sandboxes() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let name = format!("groundcrew-net-{}-{}", std::process::id(), sandbox.level());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
        let _abstract = UnixListener::bind_addr(&address).expect("a socket");
        let path = outside.path().join("socket");
        let _file = UnixListener::bind(&path).expect("a socket");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a mode");
        let tree = tempfile::tempdir().expect("a folder");
        let mut request = python(tree.path(), probe);
        request.argv.push(tcp.local_addr().expect("a port").port().to_string());
        request.argv.extend([name, path.to_string_lossy().into_owned()]);
        let reached = |request: &groundcrew_workbench::sandbox::Request| {
            let output = sandbox.run(request, &CancelToken::new()).expect("it runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        assert_eq!(reached(&request), "False False False False\n", "{}", sandbox.level());
        request.network = groundcrew_workbench::sandbox::Network::Open;
        assert_eq!(reached(&request), "True False False False\n", "{}", sandbox.level());
    }
}

#[test]
fn a_socket_that_is_named_is_the_only_one_that_is_reached() {
    let probe = "import socket, sys\nfor path in sys.argv[1:]:\n    try: socket.socket(socket.AF_UNIX).connect(path); print(True)\n    \
                 except OSError: print(False)\n";
    for sandbox in sandboxes().into_iter().filter(|sandbox| sandbox.level().opens_services()) {
        let outside = tempfile::tempdir().expect("a folder");
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        let paths = ["named", "other"].map(|name| outside.path().join(name));
        let _sockets = paths.clone().map(|path| {
            let socket = UnixListener::bind(&path).expect("a socket");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("a mode");
            socket
        });
        let tree = tempfile::tempdir().expect("a folder");
        let mut request = python(tree.path(), probe);
        request.argv.extend(paths.iter().map(|path| path.to_string_lossy().into_owned()));
        request.read_only = vec![paths[0].clone()];
        let output = sandbox.run(&request, &CancelToken::new()).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "True\nFalse\n", "{output:?}");
    }
}

#[test]
fn a_service_that_is_declared_is_the_only_address_that_opens() {
    use std::io::{Read, Write};
    let probe = "import socket, sys\nfor port in sys.argv[1:]:\n    try:\n        with socket.create_connection(('127.0.0.1', int(port)), 10) as s:\n            \
                 s.sendall(b'ping'); s.shutdown(socket.SHUT_WR)\n            print(s.makefile('rb').read())\n    except OSError as error: print('refused')\n";
    for sandbox in sandboxes() {
        let (named, other) = (
            TcpListener::bind("127.0.0.1:0").expect("a port"),
            TcpListener::bind("127.0.0.1:0").expect("a port"),
        );
        let ports = [&named, &other].map(|listener| listener.local_addr().expect("a port").port());
        let tree = tempfile::tempdir().expect("a folder");
        let mut request = python(tree.path(), probe);
        request.argv.extend(ports.map(|port| port.to_string()));
        let service = format!("localhost:{}", ports[0]).parse().expect("an address");
        let open = sandbox.with_services(vec![service]);
        if !sandbox.level().opens_services() {
            let refused = open.run(&request, &CancelToken::new());
            assert!(matches!(refused, Err(SandboxError::BadRequest(_))), "{refused:?}");
            continue;
        }
        let server = std::thread::spawn(move || {
            let (mut stream, _) = named.accept().expect("a connection");
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).expect("it can be read");
            stream.write_all(&[b"echo ", heard.as_slice()].concat()).expect("it can be written");
        });
        let output = open.run(&request, &CancelToken::new()).expect("it runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(printed, "b'echo ping'\nrefused\n", "{output:?}");
        server.join().expect("no panic");
        request.argv = ["/usr/bin/python3", "-c", "import os; os.abort()"].map(str::to_owned).to_vec();
        assert_eq!(open.run(&request, &CancelToken::new()).expect("it runs").ended, Ended::Signaled(6));
    }
}

#[test]
fn a_link_in_the_place_of_a_guarded_file_leads_nowhere() {
    let script = "import os\nfor name in ('.git', '.github', 'groundcrew.toml'):\n    for path in (name, name + '/secret'):\n        \
                  try: print('read', open(path).read())\n        except OSError: pass\n        \
                  try: open(path, 'w').write('written')\n        except OSError: pass\n";
    for sandbox in sandboxes() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        let secret = outside.path().join("secret");
        fs::write(&secret, "secret").expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o666)).expect("a mode");
        let tree = tempfile::tempdir().expect("a folder");
        for (name, target) in
            [(".git", &secret), (".github", &outside.path().to_owned()), ("groundcrew.toml", &secret)]
        {
            std::os::unix::fs::symlink(target, tree.path().join(name)).expect("a link");
        }
        let output = sandbox.run(&python(tree.path(), script), &CancelToken::new()).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{}", sandbox.level());
        assert_eq!(fs::read_to_string(&secret).expect("a file"), "secret");
        assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 1);
    }
}

#[test]
fn a_guarded_file_that_is_switched_while_a_run_starts_never_opens_what_a_link_names() {
    let script = "import os\nfor path in ('.git', '.git/secret'):\n    try: print(open(path).read())\n    except OSError: pass\n";
    for sandbox in sandboxes() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        let secret = outside.path().join("secret");
        fs::write(&secret, "secret").expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o666)).expect("a mode");
        let tree = tempfile::tempdir().expect("a folder");
        let (git, other) = (tree.path().join(".git"), tree.path().join("other"));
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // A name is never missing, it only changes what it is.
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    fs::write(&other, "plain").ok();
                    fs::rename(&other, &git).ok();
                    std::os::unix::fs::symlink(&secret, &other).ok();
                    fs::rename(&other, &git).ok();
                }
            });
            for _ in 0..30 {
                // A run may be refused, as what it was to guard has gone.
                if let Ok(output) = sandbox.run(&python(tree.path(), script), &CancelToken::new()) {
                    let read = String::from_utf8_lossy(&output.stdout).into_owned();
                    assert!(!read.contains("secret"), "{}: {read}", sandbox.level());
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(fs::read_to_string(&secret).expect("a file"), "secret");
    }
}
