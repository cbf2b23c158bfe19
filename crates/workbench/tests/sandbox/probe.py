"""Tries to get out of a sandbox and prints, for each attempt, whether it worked."""
import ctypes
import errno
import json
import os
import socket
import stat
import sys

T = json.load(sys.stdin)
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    """A system call is reachable if it complains about anything but permission or existence."""
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(arg) for arg in args])
    if result < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), "refused")


def write(path, flags=os.O_WRONLY):
    fd = os.open(path, flags, 0o644)
    os.write(fd, b"x\n")
    os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read(4096)


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)


def datagram():
    a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.connect(T["datagram"])


def require(condition):
    if not condition:
        raise OSError("no")


def loopback():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        connect(socket.AF_INET, server.getsockname())


def set_id_by_create():
    fd = os.open("created", os.O_CREAT | os.O_WRONLY, 0o4755)
    os.close(fd)
    require(os.stat("created").st_mode & stat.S_ISUID)


def fill_tmp():
    chunk = b"\0" * (1 << 20)
    folder = os.environ["TMPDIR"]
    try:
        for number in range(4):
            with open(os.path.join(folder, "fill%d" % number), "wb") as file:
                for _ in range(8):
                    file.write(chunk)
    finally:
        for name in os.listdir(folder):
            if name.startswith("fill"):
                os.unlink(os.path.join(folder, name))


def inherited():
    found = []
    for fd in range(3, 100):
        try:
            found.append(os.readlink("/proc/self/fd/%d" % fd))
        except OSError:
            pass
    if found:
        sys.stderr.write("inherited: %s\n" % found)
    return found


def own_write():
    write("fine", os.O_WRONLY | os.O_CREAT)


def git_swap():
    os.rename(".git", "moved")


def file(path, mode=os.O_WRONLY | os.O_CREAT):
    return lambda: write(path, mode)


ATTEMPTS = [
    ("write in the work tree", own_write),
    ("loopback of its own", loopback),
    ("read a file outside", lambda: read(T["secret"])),
    ("list a folder outside", lambda: os.listdir(T["outside"])),
    ("write a file outside", file(T["outside"] + "/new")),
    ("empty a file outside", lambda: os.truncate(T["secret"], 0)),
    ("link a file outside into the work tree", lambda: os.link(T["secret"], "linked")),
    ("read through a link", lambda: (os.symlink(T["secret"], "soft"), read("soft"))),
    ("write the .git file", file(".git", os.O_WRONLY)),
    ("move the .git file", git_swap),
    ("write the CI configuration", file(".github/ci.yml", os.O_WRONLY)),
    ("write our configuration", file("groundcrew.toml", os.O_WRONLY)),
    ("write core_pattern", file("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
    ("write /etc/passwd", file("/etc/passwd", os.O_WRONLY)),
    ("make a file in /etc", file("/etc/new")),
    ("make a file in /", file("/new")),
    ("make a file in /usr", file("/usr/new")),
    ("make a file in /dev", file("/dev/new")),
    ("write a control group", file("/sys/fs/cgroup/pids/cgroup.procs", os.O_WRONLY)),
    ("read the shadow file", lambda: read("/etc/shadow")),
    ("read the home of root", lambda: os.listdir("/root")),
    ("set the user id bit", lambda: (own_write(), os.chmod("fine", 0o4755))),
    ("set the group id bit", lambda: (own_write(), os.chmod("fine", 0o2755))),
    ("make a file with the user id bit", set_id_by_create),
    ("make a device", lambda: os.mknod("device", stat.S_IFBLK | 0o600, os.makedev(8, 0))),
    ("read a disk", lambda: read(T["disk"])),
    ("read the memory of the machine", lambda: read("/dev/mem")),
    ("connect to a port of the host", lambda: connect(socket.AF_INET, ("127.0.0.1", T["port"]))),
    ("connect to an abstract socket", lambda: connect(socket.AF_UNIX, "\0" + T["abstract"])),
    ("connect to a socket file", lambda: connect(socket.AF_UNIX, T["socket"])),
    ("send to a datagram socket file", datagram),
    ("open a vsock socket", lambda: socket.socket(40, socket.SOCK_STREAM)),
    ("open a packet socket", lambda: socket.socket(17, socket.SOCK_RAW)),
    ("open a crypto socket", lambda: socket.socket(38, socket.SOCK_SEQPACKET)),
    ("signal the supervisor", lambda: os.kill(T["pid"], 0)),
    ("read the environment of the supervisor", lambda: require(b"CARGO" in read("/proc/%d/environ" % T["pid"]))),
    ("trace the parent", lambda: call(101, 16, os.getppid(), 0, 0)),
    ("read the memory of the parent", lambda: call(310, os.getppid(), 0, 0, 0, 0, 0)),
    ("make an io_uring", lambda: call(425, 1, 0)),
    ("load a bpf program", lambda: call(321, 5, 0, 0)),
    ("make a userfaultfd", lambda: call(323, 1)),
    ("open a performance counter", lambda: call(298, 0, 0, -1, -1, 0)),
    ("use the key ring", lambda: call(250, 0, -3, 0)),
    ("mount", lambda: call(165, 0, 0, 0, 0, 0)),
    ("open a mount tree", lambda: call(428, -100, 0, 0)),
    ("unshare a user namespace", lambda: call(272, 0x10000000)),
    ("clone a user namespace", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0)),
    ("clone3", lambda: call(435, 0, 0)),
    ("a call by its x32 number", lambda: call(0x40000000 + 165, 0, 0, 0, 0, 0)),
    ("type into the terminal", lambda: call(16, 0, 0x5412, 0)),
    ("change the root", lambda: call(161, 0)),
    ("inherit an open file", lambda: require(inherited())),
    ("inherit the environment", lambda: require(
        set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "LC_CTYPE", "OLDPWD"})),
    ("have a capability", lambda: require(b"CapEff:\t0000000000000000" not in read("/proc/self/status"))),
    ("be without no_new_privs", lambda: require(b"NoNewPrivs:\t1" not in read("/proc/self/status"))),
    ("fill the temporary folder", fill_tmp),
]

worked = []
for name, attempt in ATTEMPTS:
    try:
        attempt()
    except Exception as error:
        sys.stderr.write("%s: %s\n" % (name, error))
    else:
        worked.append(name)
print(json.dumps({"tried": len(ATTEMPTS), "worked": worked}))
sys.stdout.flush()
os._exit(0)
