"""Runs the project's tests in this process and writes down the calls of the functions on the incident's stack.

Reads {root, paths, argv, targets, reads, seconds} and answers {calls, failures, kinds}. A failure is an exception that the runner
reported as an error or a failure of a test, with its frames.
"""

import json
import os
import runpy
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import kinds
import suites
import values

MAX_CALLS = 40
MAX_OBJECTS = 400
MAX_STEPS = 12
MAX_TRIES = 400
GENERATOR = 0x20 | 0x80 | 0x200


class Observer:
    def __init__(self, spec):
        self.root = spec["root"]
        self.targets = spec["targets"]
        self.wanted = {}
        for number, target in enumerate(self.targets):
            self.wanted.setdefault((target["file"], target["function"]), []).append(number)
        self.roles = {}
        self.made = {}
        self.calls = []
        self.seen = set()
        self.counts = [0] * len(self.targets)
        self.tries = [0] * len(self.targets)
        self.failures = []
        self.busy = False
        self.watch = kinds.Watch(self.root, self.targets, spec.get("reads"))

    def role(self, code):
        file = calls.inside(code.co_filename, self.root)
        if file is None or code.co_name.startswith("<"):
            return None
        for number in self.wanted.get((file, code.co_name), ()):
            target = self.targets[number]
            if target["first_line"] - 20 <= code.co_firstlineno <= target["last_line"]:
                return ("target", number)
        names = code.co_varnames[: code.co_argcount]
        if names and names[0] == "self":
            return ("init" if code.co_name == "__init__" else "method", None)
        return None

    def profile(self, frame, event, arg):
        if self.busy:
            return
        if event == "return":
            self.busy = True
            try:
                self.watch.profile(frame, event, arg)
            except Exception:
                pass
            finally:
                self.busy = False
            return
        if event != "call":
            return
        code = frame.f_code
        role = self.roles.get(code, 0)
        if role == 0:
            role = self.roles[code] = self.role(code)
        if role is None:
            return
        self.busy = True
        try:
            self.note(frame, code, role)
        except Exception:
            pass
        finally:
            self.busy = False

    def note(self, frame, code, role):
        kind, number = role
        local = frame.f_locals
        if kind == "target":
            self.note_call(code, local, number)
        holder = local.get("self")
        if holder is None or "self" != (code.co_varnames[:1] or ("",))[0]:
            return
        if code.co_name == "__init__":
            self.note_made(holder, code, local)
        elif id(holder) in self.made:
            self.note_step(frame, holder, code, local)

    def arguments(self, code, local, skip):
        """Positional and named arguments of a call that is about to start, as recipes."""
        names = code.co_varnames
        positional = names[skip : code.co_argcount]
        args = [self.encode(local[name]) for name in positional]
        at = code.co_argcount
        kwargs = [[name, self.encode(local[name])] for name in names[at : at + code.co_kwonlyargcount]]
        at += code.co_kwonlyargcount
        if code.co_flags & 0x04:
            args += [self.encode(item) for item in local[names[at]]]
            at += 1
        if code.co_flags & 0x08:
            kwargs += [[str(name), self.encode(item)] for name, item in local[names[at]].items()]
        return args, kwargs

    def encode(self, value):
        return values.Encoder(self.origin).encode(value)

    def origin(self, value):
        known = self.made.get(id(value))
        return known if known is not None and known["object"] is value else None

    def note_call(self, code, local, number):
        if self.counts[number] >= MAX_CALLS or self.tries[number] >= MAX_TRIES:
            return
        self.tries[number] += 1
        target = self.targets[number]
        first = (code.co_varnames[:1] or ("",))[0]
        method = bool(target.get("class")) and first in ("self", "cls")
        call = {"target": number, "self": None}
        try:
            if method and first == "self" and code.co_name != "__init__":
                call["self"] = self.encode(local["self"])
            call["args"], call["kwargs"] = self.arguments(code, local, 1 if method else 0)
        except (values.CannotEncode, KeyError):
            return
        key = json.dumps(call, sort_keys=True)
        if key in self.seen:
            return
        self.seen.add(key)
        self.counts[number] += 1
        self.calls.append(call)

    def note_made(self, holder, code, local):
        if len(self.made) >= MAX_OBJECTS or id(holder) in self.made:
            return
        try:
            args, kwargs = self.arguments(code, local, 1)
        except (values.CannotEncode, KeyError):
            return
        # The object is held so that its id is not given to another one.
        self.made[id(holder)] = {"object": holder, "args": args, "kwargs": kwargs, "calls": []}

    def note_step(self, frame, holder, code, local):
        known = self.made[id(holder)]
        if len(known["calls"]) >= MAX_STEPS or code.co_name.startswith("_") or code.co_flags & GENERATOR:
            return
        above = frame.f_back
        while above is not None and calls.inside(above.f_code.co_filename, self.root):
            if above.f_code.co_varnames[:1] == ("self",) and above.f_locals.get("self") is holder:
                return
            above = above.f_back
        if not callable(getattr(type(holder), code.co_name, None)):
            return
        try:
            args, kwargs = self.arguments(code, local, 1)
        except (values.CannotEncode, KeyError):
            return
        known["calls"].append([code.co_name, args, kwargs])

    def failed(self, test, error):
        if error is not None and len(self.failures) < 200:
            self.failures.append({"test": str(test), "chain": calls.describe(error, self.root)})


def watch_unittest(observer):
    import unittest

    def wrap(name):
        original = getattr(unittest.TestResult, name)

        def report(self, test, err):
            observer.failed(getattr(test, "id", lambda: str(test))(), err[1])
            return original(self, test, err)

        setattr(unittest.TestResult, name, report)

    wrap("addError")
    wrap("addFailure")


class PytestWatcher:
    def __init__(self, observer):
        self.observer = observer

    def pytest_exception_interact(self, node, call, report):
        self.observer.failed(suites.stable(getattr(node, "nodeid", "")), call.excinfo.value)


def run(argv, observer):
    """Runs `-m module …`, `-c code` or `script …` in this process."""
    while argv and argv[0] in ("-B", "-E", "-I", "-s", "-S", "-u", "-v", "-q"):
        argv = argv[1:]
    while len(argv) >= 2 and argv[0] in ("-W", "-X"):
        argv = argv[2:]
    if len(argv) >= 2 and argv[0] == "-m":
        if argv[1] == "pytest":
            import pytest

            pytest.main(argv[2:] + ["-p", "no:cacheprovider"], plugins=[PytestWatcher(observer)])
            return
        sys.argv = [argv[1]] + argv[2:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    elif argv and not argv[0].startswith("-"):
        sys.argv = argv
        sys.path.insert(0, os.path.dirname(os.path.abspath(argv[0])))
        runpy.run_path(argv[0], run_name="__main__")


def main():
    spec = json.load(sys.stdin)
    answer = calls.silence()
    calls.step_aside()
    sys.path[:] = [spec["root"]] + [p for p in spec["paths"] if p != spec["root"]] + sys.path
    observer = Observer(spec)
    watch_unittest(observer)
    calls.alarm(spec["seconds"])
    started = time.monotonic()
    if spec["targets"]:
        threading.setprofile(observer.profile)
        sys.setprofile(observer.profile)
    try:
        run(spec["argv"], observer)
    except BaseException:
        pass
    finally:
        sys.setprofile(None)
        calls.alarm(0)
    json.dump(
        {
            "calls": observer.calls,
            "failures": observer.failures,
            "kinds": observer.watch.told(),
            "seconds": time.monotonic() - started,
        },
        answer,
    )
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
