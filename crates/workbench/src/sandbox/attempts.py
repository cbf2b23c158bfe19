"""Tries to get out of a sandbox, and to do in it what tests do; prints, for each, whether it worked."""
import ctypes
import errno
import json
import os
import resource
import socket
import stat
import subprocess
import sys

T = json.load(sys.stdin)
LIBC = ctypes.CDLL(None, use_errno=True)
AT = T["outside"]


def call(name, *args):
    """A system call is reachable if it complains about anything but permission or existence."""
    words = [arg if isinstance(arg, bytes) else ctypes.c_long(arg) for arg in args]
    number = name if isinstance(name, int) else T["calls"][name]
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), "refused")
    return result


def refused(name, *args):
    return lambda: call(name, *args)


def clone():
    if call("clone", 0x10000000 | 17, 0, 0, 0, 0) == 0:
        os._exit(0)


def write(path, flags=os.O_WRONLY):
    fd = os.open(path, flags, 0o644)
    os.write(fd, b"x\n")
    os.close(fd)


def writing(path, flags=os.O_WRONLY | os.O_CREAT):
    return lambda: write(path, flags)


def read(path):
    with open(path, "rb") as file:
        return file.read(4096)


def reading(path):
    return lambda: read(path)


def listing(path):
    return lambda: os.listdir(path)


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)


def connecting(family, address):
    return lambda: connect(family, address)


def opening(family, kind):
    return lambda: socket.socket(family, kind).close()


def datagram():
    a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.connect(T["datagram"])


def require(condition):
    if not condition:
        raise OSError("no")


def one_of(attempts):
    """Whether any of several works."""
    def tried():
        for attempt in attempts:
            try:
                attempt()
                return
            except OSError:
                pass
        raise OSError("none")
    return tried


def another_machine():
    # Finds the way there and sends nothing.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))


def set_id_by_create():
    fd = os.open("created", os.O_CREAT | os.O_WRONLY, 0o4755)
    os.close(fd)
    require(os.stat("created").st_mode & stat.S_ISUID)


def set_id(mode):
    write("fine", os.O_WRONLY | os.O_CREAT)
    os.chmod("fine", mode)


def fill(folder):
    chunk = b"\0" * (1 << 20)
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
    require(found)


def supervisor():
    """The number may belong to another process in here; its start tells."""
    with open("/proc/%d/stat" % T["pid"]) as file:
        require(file.read().rsplit(")", 1)[1].split()[19] == T["started"])


def of_supervisor(attempt):
    def tried():
        attempt()
        supervisor()
    return tried


def rights():
    own = read("/proc/self/status").decode().splitlines()
    kinds = ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:")
    require(any(line.startswith(kinds) and int(line.split()[1], 16) for line in own))


def lift():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard + 1))


def leave_by_an_open_folder():
    fd = os.open("/", os.O_RDONLY)
    os.fchdir(fd)
    try:
        read(os.path.join(*[".."] * 30) + T["secret"])
    finally:
        os.chdir(T["tree"])
        os.close(fd)


def open_files_of_the_first():
    for fd in os.listdir("/proc/1/fd"):
        if int(fd) > 2:
            os.close(os.open("/proc/1/fd/" + fd, os.O_RDONLY | os.O_NONBLOCK))
            return
    raise OSError("none")


def opened(path, flags):
    return lambda: os.close(os.open(path, flags))


def linked():
    os.symlink(T["secret"], "soft")
    read("soft")


def swapped_folder():
    os.symlink(AT, "folder")
    write("folder/new", os.O_WRONLY | os.O_CREAT)


REMOUNT, BIND, DETACH = 32, 4096, 2
UNIX, INET = socket.AF_UNIX, socket.AF_INET

ATTEMPTS = [
    ("read a file outside", reading(T["secret"])),
    ("list a folder outside", listing(AT)),
    ("write a file outside", writing(AT + "/new")),
    ("empty a file outside", lambda: os.truncate(T["secret"], 0)),
    ("link a file outside into the work tree", lambda: os.link(T["secret"], "linked")),
    ("read through a link", linked),
    ("write through a link to a folder", swapped_folder),
    ("read through its own root in /proc", reading("/proc/self/root" + T["secret"])),
    ("read through its own folder in /proc", lambda: read("/proc/self/cwd/" + "../" * 30 + T["secret"])),
    ("read through the root of the first process", reading("/proc/1/root" + T["secret"])),
    ("read through the root of the supervisor", reading("/proc/%d/root%s" % (T["pid"], T["secret"]))),
    ("leave by a folder kept open", leave_by_an_open_folder),
    ("open a file that the first process has open", open_files_of_the_first),
    ("write the memory of the first process", opened("/proc/1/mem", os.O_RDWR)),
    ("write the program of the first process", opened("/proc/1/exe", os.O_WRONLY)),
    ("write the .git file", writing(".git", os.O_WRONLY)),
    ("move the .git file", lambda: os.rename(".git", "moved")),
    ("write the CI configuration", writing(".github/ci.yml", os.O_WRONLY)),
    ("write our configuration", writing("groundcrew.toml", os.O_WRONLY)),
    ("read private files of the home folder", one_of([reading(path) for path in T["private"]])),
    ("read the home of root", listing("/root")),
    ("read the shadow file", reading("/etc/shadow")),
    ("write /etc/passwd", writing("/etc/passwd", os.O_WRONLY)),
    ("make a file in /etc", writing("/etc/new")),
    ("make a file in /", writing("/new")),
    ("make a file in /usr", writing("/usr/new")),
    ("make a file in /dev", writing("/dev/new")),
    ("write core_pattern", writing("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
    ("write sysrq-trigger", opened("/proc/sysrq-trigger", os.O_WRONLY)),
    ("write a control group", writing(T["group"] + "/cgroup.procs", os.O_WRONLY)),
    ("set the user id bit", lambda: set_id(0o4755)),
    ("set the group id bit", lambda: set_id(0o2755)),
    ("make a file with the user id bit", set_id_by_create),
    ("become root", lambda: os.setuid(0)),
    ("become root by a set-user-id program",
     lambda: require(subprocess.run([T["setuid"], "-u"], capture_output=True).stdout.strip() == b"0")),
    ("have a capability", rights),
    ("be without no_new_privs", lambda: require(b"NoNewPrivs:\t1" not in read("/proc/self/status"))),
    ("be without the filter of system calls", lambda: require(b"Seccomp:\t2" not in read("/proc/self/status"))),
    ("lift a limit", lift),
    ("make a device", lambda: os.mknod("device", stat.S_IFBLK | 0o600, os.makedev(8, 0))),
    ("make a device of characters", lambda: os.mknod("characters", stat.S_IFCHR | 0o600, os.makedev(1, 1))),
    ("read a disk", reading(T["disk"])),
    ("read the memory of the machine", one_of([reading("/dev/mem"), reading("/proc/kcore")])),
    ("read the log of the kernel", one_of([refused("syslog", 3, b"x" * 64, 64), reading("/dev/kmsg")])),
    ("connect to a port of the machine", connecting(INET, ("127.0.0.1", T["port"]))),
    ("find the way to another machine", another_machine),
    ("connect to an abstract socket", connecting(UNIX, "\0" + T["abstract"])),
    ("connect to a socket file", connecting(UNIX, T["socket"])),
    ("send to a datagram socket file", datagram),
    ("reach the agent of ssh", one_of([connecting(UNIX, path) for path in T["agents"]])),
    ("reach docker", one_of([connecting(UNIX, path) for path in T["docker"]])),
    ("open a vsock socket", opening(40, socket.SOCK_STREAM)),
    ("open a packet socket", opening(17, socket.SOCK_RAW)),
    ("open a raw socket", opening(INET, socket.SOCK_RAW)),
    ("open a crypto socket", opening(38, socket.SOCK_SEQPACKET)),
    ("see a process of the machine", supervisor),
    ("signal the supervisor", of_supervisor(lambda: os.kill(T["pid"], 0))),
    ("read the environment of the supervisor", of_supervisor(reading("/proc/%d/environ" % T["pid"]))),
    ("trace the supervisor", of_supervisor(refused("ptrace", 0x4206, T["pid"], 0, 0))),
    ("trace the parent", refused("ptrace", 16, os.getppid(), 0, 0)),
    ("read the memory of the parent", refused("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0)),
    ("take an open file of the parent", refused("pidfd_getfd", 0, 0, 0)),
    ("make an io_uring", refused("io_uring_setup", 1, 0)),
    ("load a bpf program", refused("bpf", 5, 0, 0)),
    ("make a userfaultfd", refused("userfaultfd", 1)),
    ("open a performance counter", refused("perf_event_open", 0, 0, -1, -1, 0)),
    ("use the key ring", refused("keyctl", 0, -3, 0)),
    ("mount", refused("mount", b"none", b"/tmp", b"tmpfs", 0, 0)),
    ("mount a folder over another", refused("mount", b"/tmp", b"/usr", 0, BIND, 0)),
    ("make the system writable", refused("mount", b"none", b"/usr", 0, REMOUNT | BIND, 0)),
    ("make the system writable by its attributes", refused("mount_setattr", -100, b"/usr", 0, 0, 0)),
    ("take a mount away", refused("umount2", b".git", DETACH)),
    ("open a mount tree", refused("open_tree", -100, 0, 0)),
    ("move a mount", refused("move_mount", -1, 0, -1, 0, 0)),
    ("open a file system", refused("fsopen", b"tmpfs", 0)),
    ("change the root", refused("chroot", b"/tmp")),
    ("turn the root", refused("pivot_root", b"/tmp", b"/tmp")),
    ("open a file by its handle", refused("open_by_handle_at", -1, 0, 0)),
    ("unshare a user namespace", refused("unshare", 0x10000000)),
    ("unshare the mounts", refused("unshare", 0x00020000)),
    ("clone a user namespace", clone),
    ("clone3", refused("clone3", 0, 0)),
    ("enter a namespace", refused("setns", -1, 0)),
    ("a call by its x32 number", refused(0x40000000 + T["calls"]["mount"], 0, 0, 0, 0, 0)),
    ("type into the terminal", refused("ioctl", 0, 0x5412, 0)),
    ("load a module", refused("init_module", 0, 0, 0)),
    ("set the clock", refused("clock_settime", 0, 0)),
    ("name the host", refused("sethostname", b"x", 1)),
    ("inherit an open file", inherited),
    ("inherit the environment", lambda: require(
        set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "LC_CTYPE", "OLDPWD"})),
    ("fill the temporary folder", lambda: fill(os.environ["TMPDIR"])),
    ("fill the shared memory", lambda: fill("/dev/shm")),
]


def loopback(family, address):
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        connect(family, server.getsockname())


def temporary():
    path = os.path.join(os.environ["TMPDIR"], "own")
    write(path, os.O_WRONLY | os.O_CREAT)
    os.unlink(path)


def shared_memory():
    import multiprocessing
    multiprocessing.Lock().acquire()


def terminal():
    import pty
    for fd in pty.openpty():
        os.close(fd)


def unix_server():
    path = os.path.join(os.environ["TMPDIR"], "server")
    with socket.socket(UNIX) as server:
        server.bind(path)
        server.listen()
        connect(UNIX, path)


USES = [
    ("write in the work tree", writing("fine")),
    ("write to the temporary folder", temporary),
    ("start a program of the system", lambda: subprocess.run(["true"], check=True)),
    ("use the loopback", lambda: loopback(INET, "127.0.0.1")),
    ("use a socket file of its own", unix_server),
    ("use shared memory", shared_memory),
    ("open a terminal of its own", terminal),
]


def works(name, attempt):
    try:
        attempt()
    except Exception as error:
        sys.stderr.write("%s: %s\n" % (name, error))
        return [name, False]
    return [name, True]


def leave():
    """What the supervisor looks for when all has ended."""
    try:
        write("../beside", os.O_WRONLY | os.O_CREAT)
    except OSError:
        pass
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            os.execv("/bin/sleep", [T["marker"], "600"])
        os._exit(0)
    os.wait()


uses = [works(*use) for use in USES]
leave()
print(json.dumps({"attempts": [works(*attempt) for attempt in ATTEMPTS], "uses": uses}))
sys.stdout.flush()
os._exit(0)
