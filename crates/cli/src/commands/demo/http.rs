//! One request, one answer: as much HTTP/1.1 as it takes to call a service on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// How long a service may take over one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read.
const MOST: u64 = 1024 * 1024;

/// A request.
pub(super) struct Request<'a> {
    /// Method.
    pub(super) method: &'a str,
    /// Path with its leading slash.
    pub(super) path: &'a str,
    /// Further header fields.
    pub(super) headers: Vec<(&'a str, &'a str)>,
    /// Body; none sends none.
    pub(super) body: Option<String>,
}

/// Sends a request and gives the status of the answer.
///
/// # Errors
/// The service does not answer in time, or with something else than HTTP.
pub(super) fn send(port: u16, request: &Request<'_>) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(head(port, request).as_bytes())?;
    stream.write_all(request.body.as_deref().unwrap_or("").as_bytes())?;
    let mut answer = Vec::new();
    // The service closes the connection at the end, since we ask it to.
    stream.take(MOST).read_to_end(&mut answer)?;
    status(&answer)
        .ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn head(port: u16, request: &Request<'_>) -> String {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n",
        request.method, request.path
    );
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = &request.body {
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    head
}

fn status(answer: &[u8]) -> Option<u16> {
    let end = answer.iter().position(|byte| *byte == b'\r')?;
    let line = std::str::from_utf8(answer.get(..end)?).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_in_bytes_and_ends_its_head_with_an_empty_line() {
        let request =
            Request { method: "POST", path: "/a", headers: vec![("X", "y")], body: Some("é".into()) };
        assert_eq!(
            head(80, &request),
            "POST /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\nX: y\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n"
        );
    }

    #[test]
    fn the_status_is_read_and_nothing_else_passes_for_one() {
        assert_eq!(status(b"HTTP/1.0 502 Bad Gateway\r\n\r\n"), Some(502));
        for wrong in [&b""[..], b"HTTP/1.1 200", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n", b"\xff\xfe\r\n"] {
            assert_eq!(status(wrong), None, "{wrong:?}");
        }
    }
}
