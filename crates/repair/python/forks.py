"""Work in forks of this process, each within bounds of processor time, wall clock and memory."""

import os
import resource
import select
import signal
import time

MEMORY = 1 << 30
LARGEST = 16 << 20


def bound(cpu, wall):
    """Bounds this process; without a handler the signals end it, whatever code is running."""
    for name, timer, seconds in (("SIGVTALRM", "ITIMER_VIRTUAL", cpu), ("SIGALRM", "ITIMER_REAL", wall)):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
        signal.setitimer(getattr(signal, timer), seconds)
    with open("/proc/self/statm") as sizes:
        used = int(sizes.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + MEMORY
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def run(work, cpu, wall):
    """What `work(tell)` told in a fork, as bytes; less than it meant to where a bound or a crash ended it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            os.close(reader)
            bound(cpu, wall)

            def tell(data):
                while data:
                    data = data[os.write(writer, data) :]

            work(tell)
        finally:
            os._exit(0)
    os.close(writer)
    told, ends = b"", time.monotonic() + wall + 1
    while len(told) < LARGEST:
        ready, _, _ = select.select([reader], [], [], max(0, ends - time.monotonic()))
        part = os.read(reader, 65536) if ready else b""
        if not part:
            break
        told += part
    os.close(reader)
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(pid, 0)
    return told
