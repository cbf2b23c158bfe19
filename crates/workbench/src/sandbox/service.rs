//! Services of this machine that a command may reach: each is one address, and nothing else of the network opens.
//!
//! A file of a unix socket is mounted. A port of the machine's loopback has two halves: inside, where the loopback is the
//! sandbox's own, a relay listens on the same port and passes every connection on to a unix socket that is mounted for
//! it; outside, we pass what comes over that socket on to the real port. Neither half can be told another address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::FILES;

/// First argument that makes the launcher a relay.
pub(super) const RELAY: &str = "relay";
/// Connections of one service at a time; further ones are closed.
const MOST: usize = 128;

/// One address of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// A port of the loopback.
    Port(SocketAddr),
    /// The file of a unix socket.
    Socket(PathBuf),
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Service, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            let plain = path.is_absolute() && path.components().all(|part| part.as_os_str() != "..");
            return if plain {
                Ok(Service::Socket(path.to_owned()))
            } else {
                Err(format!("{text:?} does not name the absolute path of a socket"))
            };
        }
        let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address: SocketAddr = named.as_deref().unwrap_or(text).parse().map_err(|_| {
            format!("{text:?} is no address; write it like \"127.0.0.1:5432\" or \"unix:/run/service.sock\"")
        })?;
        if !address.ip().is_loopback() || address.port() == 0 {
            return Err(format!(
                "{text:?} is no port of this machine's loopback; only those can be opened one by one"
            ));
        }
        Ok(Service::Port(address))
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Service::Port(address) => write!(f, "{address}"),
            Service::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What the launcher mounts and starts for the services of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Openings {
    /// Files to mount, and where.
    pub(super) mounts: Vec<(PathBuf, PathBuf)>,
    /// Ports the relay listens on, and the mounted socket each leads to.
    pub(super) ports: Vec<(u16, PathBuf)>,
}

/// The outer halves of a run's services; they end with it.
pub(super) struct Outside {
    pub(super) openings: Openings,
    ended: Arc<AtomicBool>,
    sockets: Vec<PathBuf>,
}

impl Outside {
    /// Opens the services of a run, with their sockets in its folder.
    pub(super) fn open(services: &[Service], run_dir: &Path) -> io::Result<Outside> {
        let mut outside =
            Outside { openings: Openings::default(), ended: Arc::default(), sockets: Vec::new() };
        for (number, service) in services.iter().enumerate() {
            match service {
                // One that is not there is told by the test that misses it.
                Service::Socket(path) if path.exists() => {
                    outside.openings.mounts.push((path.clone(), path.clone()));
                }
                Service::Socket(_) => {}
                Service::Port(address) => {
                    let socket = run_dir.join(format!("service-{number}"));
                    let listener = UnixListener::bind(&socket)?;
                    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))?;
                    let (to, ended) = (*address, Arc::clone(&outside.ended));
                    std::thread::Builder::new().name("service".to_owned()).spawn(move || {
                        serve(|| listener.accept().map(|(stream, _)| stream), &ended, &|| {
                            TcpStream::connect(to)
                        });
                    })?;
                    let place = Path::new(FILES).join(format!("service-{number}"));
                    outside.openings.mounts.push((socket.clone(), place.clone()));
                    outside.openings.ports.push((address.port(), place));
                    outside.sockets.push(socket);
                }
            }
        }
        Ok(outside)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        for socket in &self.sockets {
            // Wakes the thread, which then sees that it has ended.
            drop(UnixStream::connect(socket));
        }
    }
}

/// Two connected streams of any kind, each to be copied into the other.
trait Stream: io::Read + io::Write + Send + Sized + 'static {
    fn twin(&self) -> io::Result<Self>;
    fn close(&self, how: Shutdown);
}

impl Stream for TcpStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn close(&self, how: Shutdown) {
        // One that the other end has closed already is what is wanted.
        self.shutdown(how).ok();
    }
}

impl Stream for UnixStream {
    fn twin(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn close(&self, how: Shutdown) {
        self.shutdown(how).ok();
    }
}

/// Takes connections until it has ended, and passes each on.
fn serve<A: Stream, B: Stream>(
    mut accept: impl FnMut() -> io::Result<A>,
    ended: &AtomicBool,
    connect: &dyn Fn() -> io::Result<B>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    while let Ok(stream) = accept() {
        if ended.load(Ordering::Acquire) {
            return;
        }
        if open.load(Ordering::Acquire) >= MOST {
            continue;
        }
        // A service that is not there shows inside as a connection that is closed at once.
        let Ok(other) = connect() else { continue };
        let Ok((first, second)) = both_ways(stream, other) else { continue };
        let counted = Arc::clone(&open);
        counted.fetch_add(1, Ordering::AcqRel);
        std::thread::spawn(move || pass_on(second.0, second.1));
        std::thread::spawn(move || {
            pass_on(first.0, first.1);
            counted.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Copies until the end, and tells the other side that it has come.
fn pass_on<A: Stream, B: Stream>(mut from: A, mut to: B) {
    // A connection that breaks ends as one that was closed.
    io::copy(&mut from, &mut to).ok();
    to.close(Shutdown::Write);
}

type Pair<A, B> = ((A, B), (B, A));

fn both_ways<A: Stream, B: Stream>(first: A, second: B) -> io::Result<Pair<A, B>> {
    Ok(((first.twin()?, second.twin()?), (second, first)))
}

/// The inner half: listens, then runs the command and ends as it does. Arguments are `PORT=SOCKET`, `--`, the command.
pub(super) fn relay(args: &[String]) -> ExitCode {
    match relayed(args) {
        Ok(code) => ExitCode::from(code),
        Err(reason) => {
            use std::io::Write as _;
            writeln!(io::stderr(), "{reason}").ok();
            ExitCode::from(127)
        }
    }
}

fn relayed(args: &[String]) -> Result<u8, String> {
    let at = args.iter().position(|arg| arg == "--").ok_or("the relay was given no command")?;
    for opening in &args[..at] {
        let (port, socket) = opening.split_once('=').ok_or("the relay was given no port")?;
        let port: u16 = port.parse().map_err(|_| "the relay was given no port")?;
        let socket = PathBuf::from(socket);
        for own in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            // A machine may have no IPv6; a test then finds the service by the other address.
            let Ok(listener) = TcpListener::bind((own, port)) else { continue };
            let socket = socket.clone();
            std::thread::spawn(move || {
                let never = AtomicBool::new(false);
                serve(|| listener.accept().map(|(stream, _)| stream), &never, &|| {
                    UnixStream::connect(&socket)
                });
            });
        }
    }
    let (program, rest) = args[at + 1..].split_first().ok_or("the relay was given no command")?;
    let status = Command::new(program)
        .args(rest)
        .status()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_one_address_of_this_machine() {
        let port = |text: &str| Service::Port(text.parse().expect("an address"));
        assert_eq!("127.0.0.1:5432".parse(), Ok(port("127.0.0.1:5432")));
        assert_eq!("localhost:6379".parse(), Ok(port("127.0.0.1:6379")));
        assert_eq!("[::1]:80".parse(), Ok(port("[::1]:80")));
        assert_eq!("unix:/run/pg".parse(), Ok(Service::Socket("/run/pg".into())));
        for wrong in [
            "",
            "5432",
            "10.0.0.1:5432",
            "db:5432",
            "0.0.0.0:80",
            "127.0.0.1:0",
            "unix:run/pg",
            "unix:/a/../b",
        ] {
            assert!(wrong.parse::<Service>().is_err(), "{wrong}");
        }
    }
}
