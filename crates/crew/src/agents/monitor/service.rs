//! Checks of the service that the settings name: a page, a port, a disk.
//!
//! Only this machine and the hosts that the settings declare are asked, by plain TCP and HTTP 1.1; every answer is bounded
//! in size and time. The settings count only when the user trusted them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use groundcrew_core::contract::HealthCheck;

use super::health::check;
use crate::config::{CheckKind, HealthConfig, ServiceCheck};
use crate::tools::free_megabytes;

/// Largest part of an answer that is read, in bytes.
const ANSWER: usize = 4 * 1024;

/// Longest target, in bytes.
const TARGET: usize = 2_000;

/// Longest time any check may take, whatever the settings say.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs one check.
pub(super) fn run(config: &HealthConfig, wanted: &ServiceCheck, root: &Path) -> HealthCheck {
    let began = Instant::now();
    let limit = wanted.timeout.get().min(LONGEST);
    let found = match wanted.kind {
        CheckKind::Http => ask(wanted, &config.hosts, limit),
        CheckKind::Tcp => reach(wanted, &config.hosts, limit),
        CheckKind::Disk => return disk(wanted, root),
    };
    let took = began.elapsed();
    let mut made = match found {
        Ok(detail) => check(&wanted.name, "ok", detail),
        Err(reason) => check(&wanted.name, "fail", reason),
    };
    made.latency_ms = u64::try_from(took.as_millis()).ok();
    made
}

fn disk(wanted: &ServiceCheck, root: &Path) -> HealthCheck {
    let path = wanted.path.as_ref().map_or_else(|| root.to_owned(), |path| root.join(path));
    match free_megabytes(&path) {
        Some(free) if free < wanted.free_mb => {
            check(&wanted.name, "warn", format!("only {free} MB are free at {}", path.display()))
        }
        Some(free) => check(&wanted.name, "ok", format!("{free} MB free at {}", path.display())),
        None => check(&wanted.name, "warn", format!("the free space at {} is not known", path.display())),
    }
}

fn reach(wanted: &ServiceCheck, hosts: &[String], limit: Duration) -> Result<String, String> {
    let target = target(wanted, "127.0.0.1:5432")?;
    connect(target, hosts, limit).map(|_| format!("{target} takes connections"))
}

fn ask(wanted: &ServiceCheck, hosts: &[String], limit: Duration) -> Result<String, String> {
    let target = target(wanted, "http://127.0.0.1:8080/health")?;
    let rest = target
        .strip_prefix("http://")
        .ok_or_else(|| format!("{target} does not begin with http://; only unencrypted pages are asked"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) || authority.contains('@') {
        return Err(format!("{target:?} has a character that no address may have"));
    }
    let address = if has_port(authority) { authority.to_owned() } else { format!("{authority}:80") };
    let deadline = Instant::now() + limit;
    let mut stream = connect(&address, hosts, limit)?;
    let told = |error: std::io::Error| format!("{target} did not answer: {error}");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: groundcrew\r\nConnection: close\r\n\r\n"
    );
    stream.set_write_timeout(Some(limit)).map_err(told)?;
    stream.write_all(request.as_bytes()).map_err(told)?;
    let status = status(&mut stream, deadline).map_err(told)?;
    match status {
        Some(code) if code < 400 => Ok(format!("{target} answers {code}")),
        Some(code) => Err(format!("{target} answers {code}")),
        None => Err(format!("{target} does not speak HTTP")),
    }
}

/// The code of the answer's first line.
fn status(stream: &mut TcpStream, deadline: Instant) -> std::io::Result<Option<u16>> {
    let mut answer = Vec::new();
    let mut buffer = [0u8; 512];
    while answer.len() < ANSWER && !answer.contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long"));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(&buffer[..count]),
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let mut words = line.split_ascii_whitespace();
    let protocol = words.next().unwrap_or_default();
    let code = words.next().and_then(|code| code.parse().ok());
    Ok(code.filter(|_| protocol.starts_with("HTTP/1.")))
}

fn target<'a>(wanted: &'a ServiceCheck, example: &str) -> Result<&'a str, String> {
    let target = wanted.target.as_deref().filter(|target| !target.is_empty() && target.len() <= TARGET);
    target.ok_or_else(|| format!("health check {:?} has no target; write it like \"{example}\"", wanted.name))
}

fn has_port(authority: &str) -> bool {
    let behind = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    behind.contains(':')
}

/// Connects to the first address of a host that may be asked and answers.
fn connect(address: &str, hosts: &[String], limit: Duration) -> Result<TcpStream, String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let declared = hosts.iter().any(|known| known == host);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !declared && !local {
        return Err(format!("{host} is not this machine; declare it in health.hosts to have it asked"));
    }
    let found: Vec<SocketAddr> = address
        .to_socket_addrs()
        .map_err(|error| format!("{address} is no address that can be found: {error}"))?
        .filter(|found| declared || found.ip().is_loopback())
        .collect();
    let mut last = format!("{address} leads nowhere");
    for one in found {
        match TcpStream::connect_timeout(&one, limit.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("{one} takes no connection: {error}"),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::config::Span;

    fn wanted(kind: CheckKind, target: &str) -> ServiceCheck {
        ServiceCheck {
            name: "service".into(),
            kind,
            target: Some(target.into()),
            path: None,
            free_mb: 1,
            timeout: Span::seconds(5),
        }
    }

    fn found(kind: CheckKind, target: &str) -> (String, String) {
        let made = run(&HealthConfig::default(), &wanted(kind, target), Path::new("/"));
        (made.status, made.detail)
    }

    /// A server that answers one connection with this text.
    fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0u8; 1024];
            drop(stream.read(&mut request));
            drop(stream.write_all(answer.as_bytes()));
        });
        address
    }

    #[test]
    fn a_page_is_well_below_400_and_ill_from_there() {
        for (answer, status) in [
            ("HTTP/1.1 200 OK\r\n\r\n", "ok"),
            ("HTTP/1.1 302 Found\r\n\r\n", "ok"),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "fail"),
            ("SSH-2.0-OpenSSH\r\n", "fail"),
            ("", "fail"),
        ] {
            let address = server(answer);
            assert_eq!(found(CheckKind::Http, &format!("http://{address}/health")).0, status, "{answer}");
        }
    }

    #[test]
    fn a_port_that_nobody_listens_on_fails_and_an_open_one_is_well() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(found(CheckKind::Tcp, &address).0, "ok");
        drop(listener);
        assert_eq!(found(CheckKind::Tcp, &address).0, "fail");
    }

    #[test]
    fn other_machines_are_asked_only_when_declared() {
        for target in
            ["http://192.0.2.1/", "http://metadata.internal/", "http://user@127.0.0.1/", "https://127.0.0.1/"]
        {
            let (status, detail) = found(CheckKind::Http, target);
            assert_eq!(status, "fail");
            assert!(
                detail.contains("health.hosts") || detail.contains("http://") || detail.contains("character"),
                "{detail}"
            );
        }
        assert!(found(CheckKind::Tcp, "192.0.2.1:80").1.contains("health.hosts"));
    }

    #[test]
    fn a_disk_with_less_than_wanted_warns() {
        let mut disk = wanted(CheckKind::Disk, "");
        assert_eq!(run(&HealthConfig::default(), &disk, Path::new("/")).status, "ok");
        disk.free_mb = u64::MAX;
        assert_eq!(run(&HealthConfig::default(), &disk, Path::new("/")).status, "warn");
    }
}
