//! Brings up the loopback of a new network namespace, where it is there but down.
//!
//! One message to the kernel, as fixed bytes: a crate for netlink would be far more code than this. The kernel gives the
//! interface its addresses when it comes up.

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// "Change a link", and what is asked of the answer: that there is one.
const NEW_LINK: u16 = 16;
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
/// The kind of an answer, which holds an error number or zero.
const ANSWER: u16 = 2;
/// The loopback is the first interface of every namespace.
const LOOPBACK: u32 = 1;
const UP: u32 = 1;

/// Brings it up.
pub(super) fn up() -> rustix::io::Result<()> {
    // The default protocol is the one about links.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &message(), SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    read(&answer[..length.min(answer.len())])
}

/// Header (length, kind, flags, number, sender), then family, type, index, flags, and which flags to change.
fn message() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend([0; 4]);
    for word in [LOOPBACK, UP, UP] {
        body.extend(word.to_ne_bytes());
    }
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    for half in [NEW_LINK, REQUEST_WITH_ANSWER] {
        message.extend(half.to_ne_bytes());
    }
    message.extend([0; 8]);
    message.extend(body);
    message
}

fn read(answer: &[u8]) -> rustix::io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(ANSWER), Some(0)) => Ok(()),
        (Some(ANSWER), Some(error)) => Err(Errno::from_raw_os_error(error.saturating_neg())),
        _ => Err(Errno::PROTO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_understands_the_message() {
        // Without the right to do it the kernel says so, and not that it cannot read it; with it the link is up already.
        let told = up();
        assert!(matches!(told, Ok(()) | Err(Errno::PERM)), "{told:?}");
    }

    #[test]
    fn an_answer_is_an_error_unless_it_says_otherwise() {
        let answer = |kind: u16, error: i32| {
            let mut bytes = vec![0; 4];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(error.to_ne_bytes());
            bytes
        };
        assert_eq!(read(&answer(ANSWER, 0)), Ok(()));
        assert_eq!(read(&answer(ANSWER, -1)), Err(Errno::PERM));
        assert_eq!(read(&answer(3, 0)), Err(Errno::PROTO));
        assert_eq!(read(&[]), Err(Errno::PROTO));
    }
}
