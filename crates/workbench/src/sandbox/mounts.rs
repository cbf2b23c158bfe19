//! Builds what is inside out of mounts of our own, in a namespace in which we have every right.
//!
//! A new root is made of memory, the old one is hung into it for the time of building, and let go at the end: then
//! nothing inside leads out, by no name and by no open file. The new root is sealed last of all.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::pivot_root;

use super::inside::Entry;

/// Where the old root is while the new one is built.
const OLD: &str = "/.old";
/// Room in the new root for folders to mount on; placed files come on top.
const ROOT_BYTES: usize = 4 << 20;
/// What every mount of ours is: no set-user-id programs and no devices.
const PLAIN: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
/// Devices every program may use; one the machine does not have is left out.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Parts of `/proc` that are the kernel's and not a process's.
const SETTINGS: [&str; 4] = ["sys", "sysrq-trigger", "irq", "bus"];

/// Makes the entries the whole of what this process, and all that it starts, can see.
pub(super) fn build(entries: &[Entry]) -> Result<(), String> {
    let entries = resolved(entries)?;
    enter(&entries).map_err(|error| format!("cannot make a root of our own: {error}"))?;
    let mut known = Known::default();
    for entry in &entries {
        make(entry, &mut known)?;
    }
    umount2(OLD, MntFlags::MNT_DETACH)
        .map_err(io::Error::from)
        .and_then(|()| fs::remove_dir(OLD))
        .and_then(|()| sealed(Path::new("/")))
        .map_err(|error| format!("cannot let go of the machine's root: {error}"))
}

/// The entries with every source by its real path: later a link in one would lead into the new root.
fn resolved(entries: &[Entry]) -> Result<Vec<Entry>, String> {
    let real = |source: &Path| {
        source.canonicalize().map_err(|error| format!("cannot find {}: {error}", source.display()))
    };
    let mut resolved = entries.to_vec();
    for entry in &mut resolved {
        match entry {
            Entry::Bind { source, .. } => *source = real(source)?,
            // The last part is never followed.
            Entry::Guard { source, .. } => {
                if let (Some(folder), Some(name)) = (source.parent(), source.file_name()) {
                    *source = real(folder)?.join(name);
                }
            }
            Entry::Link { .. }
            | Entry::File { .. }
            | Entry::Home { .. }
            | Entry::Processes
            | Entry::Devices
            | Entry::Scratch { .. }
            | Entry::Sealed { .. } => {}
        }
    }
    Ok(resolved)
}

/// Goes into a new empty root, with the old one at [`OLD`].
fn enter(entries: &[Entry]) -> io::Result<()> {
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let placed: usize = entries
        .iter()
        .map(|entry| if let Entry::File { content, .. } = entry { content.len() + 4096 } else { 0 })
        .sum();
    let options = format!("mode=0755,size={}", ROOT_BYTES + placed);
    // Any folder would do; this one every machine has, and its content is still there behind the old root.
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), PLAIN, Some(options.as_str()))?;
    let old = Path::new("/tmp").join(OLD.trim_start_matches('/'));
    fs::create_dir(&old)?;
    pivot_root("/tmp", &old)?;
    std::env::set_current_dir("/")
}

/// Mounts that were there before, so that those a bind has brought can be told.
#[derive(Default)]
struct Known(HashSet<u64>);

/// One line of the kernel's list of mounts.
struct Mount {
    number: u64,
    place: PathBuf,
    flags: MsFlags,
}

fn make(entry: &Entry, known: &mut Known) -> Result<(), String> {
    let (place, made) = match entry {
        Entry::Bind { source, place, writable } => (place.as_path(), bind(source, place, *writable, known)),
        Entry::Guard { source, place } => (place.as_path(), guard(source, place, known)),
        Entry::Link { target, place } => {
            (place.as_path(), above(place).and_then(|()| symlink(target, place)))
        }
        Entry::File { content, place } => (place.as_path(), file(content, place)),
        Entry::Home { place } => (place.as_path(), fs::DirBuilder::new().mode(0o700).create(place)),
        Entry::Processes => (Path::new("/proc"), processes(known)),
        Entry::Devices => (Path::new("/dev"), devices(known)),
        Entry::Scratch { place, bytes } => (place.as_path(), scratch(place, *bytes)),
        Entry::Sealed { place } => (place.as_path(), sealed(place)),
    };
    made.map_err(|error| format!("cannot make {} inside: {error}", place.display()))
}

/// The folders above a place.
fn above(place: &Path) -> io::Result<()> {
    fs::create_dir_all(place.parent().unwrap_or(place))
}

fn outside(path: &Path) -> PathBuf {
    Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path))
}

fn bind(source: &Path, place: &Path, writable: bool, known: &mut Known) -> io::Result<()> {
    let source = outside(source);
    if fs::metadata(&source)?.is_dir() {
        fs::create_dir_all(place)?;
    } else if fs::metadata(place).is_err() {
        above(place)?;
        File::create(place)?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    known.look()?;
    mount(Some(&source), place, None::<&str>, flags, None::<&str>)?;
    let more = if writable { PLAIN } else { PLAIN | MsFlags::MS_RDONLY };
    known.look()?.iter().try_for_each(|mount| change(mount, more))
}

/// Binds over itself what is really there, whatever a link put in its place meanwhile would lead to.
fn guard(source: &Path, place: &Path, known: &mut Known) -> io::Result<()> {
    let held = |path: &Path| {
        let flags = (OFlag::O_PATH | OFlag::O_NOFOLLOW).bits();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let meta = file.metadata()?;
        if meta.is_symlink() {
            return Err(io::Error::other("it has become a link"));
        }
        Ok((file, (meta.dev(), meta.ino())))
    };
    let (from, identity) = held(&outside(source))?;
    let (to, same) = held(place)?;
    if identity != same {
        return Err(io::Error::other("it has been replaced"));
    }
    let open = |file: &File| outside(Path::new("/proc/self/fd")).join(file.as_raw_fd().to_string());
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    known.look()?;
    mount(Some(&open(&from)), &open(&to), None::<&str>, flags, None::<&str>)?;
    known.look()?.iter().try_for_each(|mount| change(mount, PLAIN | MsFlags::MS_RDONLY))
}

/// Puts more restrictions on a mount. Those it has stay: the kernel refuses to take one off.
fn change(at: &Mount, more: MsFlags) -> io::Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | at.flags | more;
    match mount(None::<&str>, &at.place, None::<&str>, flags, None::<&str>) {
        // One beneath a folder that we may not enter: neither may the command.
        Err(Errno::EACCES) => Ok(()),
        done => Ok(done?),
    }
}

fn file(content: &[u8], place: &Path) -> io::Result<()> {
    above(place)?;
    File::create(place)?.write_all(content)?;
    fs::set_permissions(place, Permissions::from_mode(0o444))
}

fn processes(known: &mut Known) -> io::Result<()> {
    above(Path::new("/proc/any"))?;
    mount(Some("proc"), "/proc", Some("proc"), PLAIN | MsFlags::MS_NOEXEC, None::<&str>)?;
    // A command in a namespace of its own would have every right there; the bound is that of our own namespace.
    fs::write("/proc/sys/user/max_user_namespaces", "0")?;
    for name in SETTINGS {
        let place = Path::new("/proc").join(name);
        if !place.exists() {
            continue;
        }
        known.look()?;
        mount(Some(&place), &place, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
        known
            .look()?
            .iter()
            .try_for_each(|mount| change(mount, PLAIN | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY))?;
    }
    Ok(())
}

fn devices(known: &mut Known) -> io::Result<()> {
    let dev = Path::new("/dev");
    fs::create_dir(dev)?;
    mount(Some("tmpfs"), dev, Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=0755,size=1m"))?;
    for name in DEVICES {
        let (place, source) = (dev.join(name), outside(dev).join(name));
        if !source.exists() {
            continue;
        }
        File::create(&place)?;
        known.look()?;
        mount(Some(&source), &place, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        let more = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        known.look()?.iter().try_for_each(|mount| change(mount, more))?;
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("core", "/proc/kcore"),
        ("ptmx", "pts/ptmx"),
    ];
    for (name, target) in links {
        symlink(target, dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    fs::create_dir(dev.join("pts"))?;
    let terminals = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = "newinstance,ptmxmode=0666,mode=620";
    mount(Some("devpts"), &dev.join("pts"), Some("devpts"), terminals, Some(options))?;
    Ok(())
}

fn scratch(place: &Path, bytes: u64) -> io::Result<()> {
    fs::create_dir_all(place)?;
    let options = format!("mode=0755,size={bytes}");
    Ok(mount(Some("tmpfs"), place, Some("tmpfs"), PLAIN, Some(options.as_str()))?)
}

fn sealed(place: &Path) -> io::Result<()> {
    let set = statvfs(place)?.flags();
    let kept = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ];
    let kept = kept.into_iter().filter(|(told, _)| set.contains(*told)).map(|(_, flag)| flag);
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | kept.collect();
    Ok(mount(None::<&str>, place, None::<&str>, flags, None::<&str>)?)
}

impl Known {
    /// The mounts that were not there at the last look.
    fn look(&mut self) -> io::Result<Vec<Mount>> {
        Ok(mounts()?.into_iter().filter(|mount| self.0.insert(mount.number)).collect())
    }
}

/// All mounts by their places in the new root.
fn mounts() -> io::Result<Vec<Mount>> {
    let list = fs::read(outside(Path::new("/proc/self/mountinfo")))?;
    Ok(list.split(|byte| *byte == b'\n').filter_map(read).collect())
}

/// Number, parent, device, root, place, and options; more follows.
fn read(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let number = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let place = plain(fields.nth(3)?);
    let options = fields.next()?.split(|byte| *byte == b',');
    let flags = options.map(|option| match option {
        b"ro" => MsFlags::MS_RDONLY,
        b"nosuid" => MsFlags::MS_NOSUID,
        b"nodev" => MsFlags::MS_NODEV,
        b"noexec" => MsFlags::MS_NOEXEC,
        b"noatime" => MsFlags::MS_NOATIME,
        b"nodiratime" => MsFlags::MS_NODIRATIME,
        b"relatime" => MsFlags::MS_RELATIME,
        _ => MsFlags::empty(),
    });
    Some(Mount { number, place, flags: flags.collect() })
}

/// A path with its escapes, a backslash and three octal digits, taken back.
fn plain(escaped: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_list_is_read() {
        let line =
            br"36 35 98:0 /mnt1 /a\040b\134c rw,nosuid,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let mount = read(line).expect("a mount");
        assert_eq!((mount.number, mount.place), (36, PathBuf::from("/a b\\c")));
        assert_eq!(mount.flags, MsFlags::MS_NOSUID | MsFlags::MS_NOATIME);
        assert!(read(b"").is_none());
        assert!(read(b"x y z").is_none());
    }
}
