"""Runs a suite several times in one sandbox, each time in a process of its own, and watches over each test.

Each process is a copy of this one, which has loaded the standard library and the test framework and nothing of the project;
where the project brings a module of the same name as one of these, each round starts an interpreter of its own instead.

Reads its orders as JSON from standard input: {word, root, rounds, again, wall, seconds}. A round has the orders of the
suite script (its path is the argument), `files` to lay over the work tree before it, and `until`: tests at whose first failure it may end. After the
first round what failed in it runs `again` times by itself. What a round tells is handed on, and a line led by the word
ends it. Between rounds the folder for temporary files becomes what it was, and where files are laid over it the work tree
too; if that is too large to be kept, no round is run. For Python 3.6 and later.
"""
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import types

TELL_OUT_OF_TIME = signal.SIGRTMIN + 8
# A test that does not heed the signal is killed after this time, in seconds.
GRACE = 2
# Where a test did not end, the next ones are given up sooner, and sooner still when they run again.
LATER, AGAIN = 2, 1
# A test may wait much longer than it may compute.
WAITING = 8
# A test may take this many times as long as the slowest before it, whatever the bound.
SLOWEST = 10
MOST_AGAIN = 200
LARGEST_TREE = 64 << 20


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def processor_time(pid):
    """Seconds that a process and its ended children have computed."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
        return sum(map(int, fields[11:15])) / float(os.sysconf("SC_CLK_TCK"))
    except (OSError, IndexError, ValueError):
        return 0.0


class Tree:
    """The work tree as it was."""

    def __init__(self, root):
        self.root = root
        self.folders, self.files, size = set(), {}, 0
        for folder, names in self.walk():
            self.folders.add(folder)
            for name in names:
                path = os.path.join(folder, name)
                stat = os.lstat(path)
                size += stat.st_size
                if size > LARGEST_TREE:
                    raise MemoryError("the work tree is too large to be kept")
                self.files[path] = (self.mark(stat), stat.st_mode & 0o777, self.content(path))

    def walk(self):
        for folder, folders, names in os.walk(self.root):
            linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            if folder == self.root:
                folders[:] = [name for name in folders if name != ".git"]
                names = [name for name in names if name != ".git"]
            folders[:] = [name for name in folders if name not in linked]
            yield folder, names + linked

    @staticmethod
    def mark(stat):
        return stat.st_ino, stat.st_size, stat.st_ctime_ns

    @staticmethod
    def content(path):
        if os.path.islink(path):
            return os.readlink(path)
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def restore(self):
        for folder, names in list(self.walk()):
            if folder not in self.folders:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            for name in names:
                path = os.path.join(folder, name)
                if path not in self.files or self.files[path][0] != self.mark(os.lstat(path)):
                    os.unlink(path)
        for folder in sorted(self.folders):
            os.makedirs(folder, exist_ok=True)
        for path, (mark, mode, content) in list(self.files.items()):
            if content is None or os.path.lexists(path):
                continue
            if isinstance(content, str):
                os.symlink(content, path)
            else:
                with open(path, "wb") as file:
                    file.write(content)
                os.chmod(path, mode)
            self.files[path] = (self.mark(os.lstat(path)), mode, content)


def names_of(folder):
    """Names under which something in a folder can be imported."""
    try:
        entries = os.listdir(folder)
    except OSError:
        return set()
    found = {entry.split(".")[0] for entry in entries if entry.endswith((".py", ".so", ".pyc"))}
    return found | {entry for entry in entries if os.path.isfile(os.path.join(folder, entry, "__init__.py"))}


def prepared(script, kind, root):
    """The suite script with all that it loads but the project; None where the project has modules of the same names."""
    suite = types.ModuleType("suite")
    suite.__file__ = script
    try:
        with open(script, "rb") as file:
            exec(compile(file.read(), script, "exec"), suite.__dict__)
        if kind == "pytest":
            import pytest
        import unittest
    except Exception:
        return None
    own = set().union(*map(names_of, {os.getcwd(), root, os.path.join(root, "src")} | {folder for folder in sys.path if folder.startswith(root)}))
    for name, module in sys.modules.items():
        if name == "__main__":
            continue
        if name.split(".")[0] in own or os.path.realpath(getattr(module, "__file__", None) or "/").startswith(root + os.sep):
            return None
    return suite


class Round:
    def __init__(self, orders, number, script, cut, suite=None):
        self.orders, self.number, self.script, self.suite = orders, number, script, suite
        self.word = orders["orders"]["word"].encode()
        self.until = set(orders.get("until") or ())
        # Tests that did not end in an earlier round.
        self.known = cut
        self.running, self.began, self.computed = None, 0.0, 0.0
        self.slowest, self.told_at, self.cut, self.bad = 0.0, None, [], []
        self.stopped, self.rest = False, b""

    def run(self, out, wall, bound):
        reader, writer = os.pipe()
        with tempfile.TemporaryFile() as stdin:
            stdin.write(json.dumps(self.orders["orders"]).encode())
            stdin.seek(0)
            self.pid = os.fork()
            if self.pid == 0:
                try:
                    os.setpgid(0, 0)
                    os.dup2(stdin.fileno(), 0)
                    os.dup2(writer, 1)
                    if self.suite is None:
                        os.execv(sys.executable, [sys.executable, self.script])
                    self.be_the_suite()
                finally:
                    os._exit(127)
        os.close(writer)
        try:
            os.setpgid(self.pid, self.pid)
        except OSError:
            pass
        status = self.watch(reader, out, time.monotonic() + wall, bound)
        os.close(reader)
        self.kill()
        return status

    def be_the_suite(self):
        """Goes on as an interpreter that was started with the suite script would."""
        for number in map(int, os.listdir("/proc/self/fd")):
            if number > 2:
                try:
                    os.close(number)
                except OSError:
                    pass
        sys.stdin = sys.__stdin__ = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)
        sys.argv[:] = [self.script]
        self.suite.__name__ = "__main__"
        sys.modules["__main__"] = self.suite
        self.suite.main()

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass

    def watch(self, reader, out, ends, bound):
        """Hands on what is told; the exit code, negative for a signal, or None where the time was up."""
        timed_out, ended, open_ = False, None, True
        while ended is None or open_:
            ready = select.select([reader], [], [], 0 if ended is not None else 0.05)[0] if open_ else []
            data = os.read(reader, 65536) if ready else b""
            write(out, data)
            self.read(data)
            if ended is not None and not data:
                break
            if ready and not data:
                open_ = False
            if ended is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    ended = status
                elif time.monotonic() > ends or self.is_stuck():
                    timed_out = True
                    self.kill()
                elif self.stopped:
                    self.kill()
                elif self.running is not None:
                    self.look_at_test(bound)
                if not open_ and ended is None:
                    time.sleep(0.005)
        if timed_out:
            return None
        return -os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)

    def read(self, data):
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if not line.startswith(self.word):
                continue
            told = json.loads(line[len(self.word):].decode("utf-8", "replace"))
            if told["at"] == "start":
                self.running, self.began, self.told_at = told["test"], time.monotonic(), None
                self.computed = processor_time(self.pid)
            elif told["at"] == "stop":
                if self.running is not None and self.running not in self.cut:
                    self.slowest = max(self.slowest, processor_time(self.pid) - self.computed)
                self.running = None
            elif told["at"] == "outcome" and told["outcome"] in ("failed", "error"):
                self.bad.append(told["test"])
                if told["test"] in self.until:
                    self.stopped = True

    def look_at_test(self, bound):
        if self.running in self.known:
            bound = min(bound, AGAIN)
        elif self.cut:
            bound = min(bound, LATER)
        bound = max(bound, SLOWEST * self.slowest)
        now = time.monotonic()
        if self.told_at is None and processor_time(self.pid) - self.computed > bound:
            self.give_up(now)
        elif self.told_at is None and now - self.began > WAITING * bound:
            self.give_up(now)

    def give_up(self, now):
        self.told_at = now
        self.cut.append(self.running)
        os.kill(self.pid, TELL_OUT_OF_TIME)

    def is_stuck(self):
        """Whether a test goes on although it was told to end."""
        return self.running is not None and self.told_at is not None and time.monotonic() - self.told_at > GRACE


def leftovers(folder, before):
    for name in os.listdir(folder):
        if name not in before:
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)


def main():
    orders = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    out = os.dup(1)
    os.dup2(2, 1)
    word, script, root = orders["word"].encode(), sys.argv[1], orders["root"]
    folders = {folder: set(os.listdir(folder)) for folder in {tempfile.gettempdir(), os.environ.get("HOME", "/tmp")}}
    queue, number, cut, code = list(orders["rounds"]), 0, set(), 0
    tree, suite = None, prepared(script, orders["rounds"][0]["orders"]["kind"], os.path.realpath(root))
    if any(given["files"] for given in queue):
        try:
            tree = Tree(root)
        except MemoryError:
            queue = []
    while queue:
        given = queue.pop(0)
        for path, text in given["files"].items():
            with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        round = Round(given, number, script, cut, suite)
        code = round.run(out, orders["wall"], orders["seconds"])
        cut.update(round.cut)
        bad = sorted(set(round.bad))
        if number == 0 and orders["again"] and 0 < len(bad) <= MOST_AGAIN:
            once = {"orders": dict(given["orders"], only=bad), "files": {}, "until": None}
            queue[:0] = [once] * orders["again"]
        told = {"round": number, "code": code, "stopped": round.stopped, "asked": given["orders"]["only"]}
        write(out, b"\n" + word + json.dumps(told).encode() + b"\n")
        number += 1
        if queue and tree is not None:
            tree.restore()
        if queue:
            for folder, before in folders.items():
                leftovers(folder, before)
    sys.stderr.flush()
    # A signal's number as a shell tells it.
    os._exit(1 if code is None else code & 0xFF if code >= 0 else 128 - code)


main()
