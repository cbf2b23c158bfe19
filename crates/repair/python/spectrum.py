"""Which lines failing and passing tests run, how suspicious that makes each line, and what kinds of values were seen.

Every test runs in a fork of its own, so that none sees what another left behind. A test that does not end is told by
the number of lines it ran and not by a clock, so that the result does not depend on the machine.
"""

import json
import math
import os
import resource
import signal
import sys

import calls
import forks
import kinds
import suites
import values
from program import kind
from swap import OutOfSteps

# Turns of loops and calls after which a test counts as one that does not end.
STEPS = 1_000_000
# Lines of one test that are followed.
LINES = 400_000
# Lines of a test that is known not to end; seconds after which it was followed for long enough, whatever it computes.
LINES_ENDLESS, CPU_ENDLESS = 30_000, 1.0
# Tests that are followed.
FOLLOWED_FAILING = 12
FOLLOWED_PASSING = 160
# Lines after which no more passing tests are followed, beyond so many of them.
FOLLOWED_LINES, FOLLOWED_LEAST = 1_500_000, 40
CPU, WALL = 10.0, 600.0
# Bounds of one test, of the first with what its module and class set up, and of one that is known to fail, in seconds.
TEST, WALL_TEST, FIRST, NAMED = 3.0, 20.0, 6.0, 0.8
# Times that the names of one function are looked at in one test, and calls of it that are kept.
LOOKS = 60
# Parts of one test that are told apart.
PARTS = 60
# Whole numbers of one name that are kept of a failing test, and how large they may be.
NUMBERS, MOST = 4, 1_000_000
KEPT_CALLS = 12


class Enough(BaseException):
    """Ends a test that has been followed for long enough."""


def baseline(tests, named, steps):
    """The outcome of every test: None, a description of the failure, or "hung" for one that runs into a bound; and those
    that start processes, which read the files, where no candidate is."""
    outcomes, elsewhere, left = {}, set(), [id for id in tests.ids if id not in named]
    for id in tests.ids:
        if id in named:
            told = forks.run(lambda tell: run_all(tests, [id], tell, steps), NAMED, WALL_TEST)
            first = told.split(b"\n")[0]
            _, outcomes[id], has_children = json.loads(first) if first else (id, "hung", False)
            if has_children:
                elsewhere.add(id)
    while left:
        begun, ended = 0, False
        for line in forks.run(lambda tell: run_all(tests, left, tell, steps), FIRST, WALL).split(b"\n"):
            try:
                id, told, has_children = json.loads(line)
            except ValueError:
                continue
            if has_children:
                elsewhere.add(id)
            if id is None:
                ended = True
            else:
                # Of a test with several failures the first counts.
                outcomes[id] = outcomes.get(id) or told
                begun = max(begun, left.index(id) + 1) if id in left else begun
        if ended:
            break
        if begun < len(left):
            outcomes[left[begun]] = "hung"
        left = left[begun + 1 :]
    return outcomes, elsewhere


def run_all(tests, ids, tell, steps):
    steps.left, children = STEPS, of_children()

    def note(id, error):
        nonlocal children
        steps.left, before, children = STEPS, children, of_children()
        told = error if error is None or error == suites.SKIPPED else brief(error)
        tell(json.dumps([id, told, children != before]).encode() + b"\n")
        # Each test has the whole bound for itself.
        forks.bound(TEST, WALL_TEST)
        return True

    tests.run(ids, note)
    tell(b"[null, null, false]\n")


def of_children():
    """The work of ended processes that this one started; it changes when a test starts one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_minflt


def brief(error):
    if isinstance(error, OutOfSteps):
        return "hung"
    try:
        return (type(error).__name__ + ": " + str(error))[:2000]
    except Exception:
        return type(error).__name__


def chain(error, root):
    """The exception and its causes; what was being handled when it was raised is no cause of it."""
    found = []
    while error is not None and len(found) < 6:
        told = calls.describe(error, root)[0]
        found.append(told)
        error = error.__cause__
    return found


class Follower:
    """Follows the lines of the project's own files, tests left out."""

    def __init__(self, root, is_test):
        self.root, self.is_test = root, is_test
        self.files = {}
        self.lines = set()
        self.left = LINES
        self.looks = {}
        self.names = {}
        self.numbers = {}
        self.results = {}
        self.fields = {}
        self.calls = []
        self.seen = {}
        self.hung = None

    def file(self, code):
        known = self.files.get(code, 0)
        if known == 0:
            known = calls.inside(code.co_filename, self.root)
            if known is not None and self.is_test(known):
                known = None
            self.files[code] = known
        return known

    def trace(self, frame, event, arg):
        code = frame.f_code
        file = self.file(code)
        if file is None:
            return None
        self.note_call(file, code, frame)
        lines, add = code, self.lines.add

        def local(frame, event, arg):
            if event == "line":
                add((file, frame.f_lineno))
                self.left -= 1
                if self.left < 0:
                    self.look(file, frame, None, False)
                    self.hung = self.stack(frame)
                    raise Enough()
            elif event == "return":
                self.look(file, frame, arg, True)
            return local

        return local

    def stack(self, frame):
        found = []
        while frame is not None and len(found) < 60:
            found.append([calls.inside(frame.f_code.co_filename, self.root), frame.f_lineno, frame.f_code.co_name])
            frame = frame.f_back
        return found

    def note_call(self, file, code, frame):
        if code.co_name.startswith("<"):
            return
        key = (file, code.co_firstlineno, code.co_name)
        done = self.seen.get(key, 0)
        if done >= KEPT_CALLS:
            return
        self.seen[key] = done + 1
        try:
            local = frame.f_locals
            if code.co_flags & 0x0C or code.co_kwonlyargcount:
                return
            names = code.co_varnames[: code.co_argcount]
            args = [values.Encoder().encode(local[name]) for name in names]
        except Exception:
            return
        self.calls.append([*key, args])

    def look(self, file, frame, result, returns):
        code = frame.f_code
        key = (file, code.co_firstlineno)
        left = self.looks.get(key, LOOKS)
        if left <= 0:
            return
        self.looks[key] = left - 1
        try:
            names = self.names.setdefault(key, {})
            for name, value in list(frame.f_locals.items())[:60]:
                names.setdefault(name, set()).update(self.kinds(value))
                if type(value) is int and abs(value) < MOST:
                    seen = self.numbers.setdefault(key, {}).setdefault(name, [])
                    if value not in seen and len(seen) < NUMBERS:
                        seen.append(value)
            if returns and not code.co_flags & kinds.GENERATOR and (result is not None or not kinds.raises(frame)):
                self.results.setdefault(key, set()).update(self.kinds(result))
        except Exception:
            pass

    def kinds(self, value, deep=True):
        """Names of the kind of a value; those of what it holds behind a bracket."""
        name = kind(value)
        found = {name}
        try:
            if deep and type(value) in (list, tuple, set, frozenset) and value:
                for item in list(value)[:3] if type(value) in (list, tuple) else [next(iter(value))]:
                    found.update("[" + inner for inner in self.kinds(item, False))
            if deep and isinstance(value, dict) and value:
                key = next(iter(dict.keys(value)))
                found.update("{" + inner for inner in self.kinds(key, False))
                found.update("[" + inner for inner in self.kinds(dict.__getitem__(value, key), False))
        except Exception:
            pass
        if name[:1].isupper() or name == "object":
            fields = getattr(value, "__dict__", None)
            if type(fields) is dict and (name in self.fields or len(self.fields) < 60):
                known = self.fields.setdefault(name, {})
                for field, inner in list(fields.items())[:40]:
                    known.setdefault(field, set()).add(kind(inner))
        return found


def follow(tests, id, root, is_test, endless):
    """What one test runs and sees."""

    def work(tell):
        follower = Follower(root, is_test)
        seen = []
        if endless:
            follower.left = LINES_ENDLESS
            end_softly(follower)

        def note(_, error):
            # What ends a test must not be followed further.
            sys.settrace(None)
            seen.append(error)
            return False

        parts = Parts(follower)
        sys.settrace(follower.trace)
        try:
            with parts:
                tests.run([id], note)
        except Enough:
            pass
        finally:
            sys.settrace(None)
        error = seen[0] if seen else None
        if error == suites.SKIPPED:
            error = None
        lists = lambda found: [[*key, {name: sorted(all) for name, all in names.items()}] for key, names in found.items()]
        tell(
            json.dumps(
                {
                    "lines": sorted(follower.lines),
                    "parts": parts.told(),
                    "names": lists(follower.names),
                    "numbers": [[*key, found] for key, found in follower.numbers.items()],
                    "results": [[*key, sorted(found)] for key, found in follower.results.items()],
                    "fields": {name: {f: sorted(k) for f, k in found.items()} for name, found in follower.fields.items()},
                    "calls": follower.calls,
                    "chain": chain_of(follower, error, root),
                    "hung": bool(follower.hung),
                    "followed": LINES - max(0, follower.left),
                }
            ).encode()
        )

    try:
        return json.loads(forks.run(work, CPU, WALL_TEST * 2))
    except ValueError:
        return None


class Parts:
    """The lines of each part of a table of cases (`subTest`), and whether it fails: each is a test of its own."""

    def __init__(self, follower):
        self.follower, self.found = follower, []

    def __enter__(self):
        import unittest

        self.kept = unittest.TestCase.subTest
        unittest.TestCase.subTest = self.watched(self.kept)

    def __exit__(self, *raised):
        import unittest

        unittest.TestCase.subTest = self.kept

    def watched(self, plain):
        import contextlib

        @contextlib.contextmanager
        def subTest(test, *args, **kwargs):
            before, self.follower.lines = self.follower.lines, set()
            add_to = self.follower
            fails = True
            try:
                with plain(test, *args, **kwargs):
                    try:
                        yield
                        fails = False
                    finally:
                        if len(self.found) < PARTS:
                            self.found.append((fails, add_to.lines))
            finally:
                add_to.lines = before | add_to.lines

        return subTest

    def told(self):
        return [[fails, sorted(lines)] for fails, lines in self.found] if len(self.found) > 1 else []


def end_softly(follower):
    """Ends what is followed by the clock: numbers that grow without end make few steps."""

    def end(_, frame):
        sys.settrace(None)
        follower.hung = follower.stack(frame)
        raise Enough()

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, CPU_ENDLESS)


def raised_by(tests, id, root):
    def work(tell):
        def note(_, error):
            tell(json.dumps(chain(error, root) if isinstance(error, BaseException) else []).encode() + b"\n")
            return False

        tests.run([id], note)

    try:
        return json.loads(forks.run(work, CPU, WALL_TEST * 2).split(b"\n")[0])
    except ValueError:
        return []


def chain_of(follower, error, root):
    if follower.hung:
        # As the script that makes it happen again tells it.
        message = "the test does not end"
        return [{"type": "TimeoutError", "module": "builtins", "message": message, "frames": follower.hung}]
    return chain(error, root) if isinstance(error, BaseException) else []


class Spectrum:
    """Suspicion of lines by Ochiai, and the kinds that were seen."""

    def __init__(self):
        self.failing, self.passing = {}, {}
        self.failed = self.passed = 0
        self.chains = []
        self.failing_lines, self.chains_of, self.parts = {}, {}, {}
        self.names, self.results, self.fields, self.numbers = {}, {}, {}, {}
        self.calls = []
        self.passing_lines = {}

    def add(self, id, seen, fails):
        if fails:
            self.failed += 1
            self.chains.append(seen["chain"])
            self.failing_lines[id], self.chains_of[id] = {tuple(line) for line in seen["lines"]}, seen["chain"]
        else:
            self.passed += 1
            self.passing_lines[id] = {tuple(line) for line in seen["lines"]}
        parts = seen["parts"] if fails and any(bad for bad, _ in seen["parts"]) else []
        if parts:
            self.parts[id] = parts
            self.failed += sum(bad for bad, _ in parts) - 1
            self.passed += sum(not bad for bad, _ in parts)
        for bad, lines in parts or [(fails, seen["lines"])]:
            counts = self.failing if bad else self.passing
            for file, line in lines:
                counts[(file, line)] = counts.get((file, line), 0) + 1
        for file, line in seen["lines"] if parts else ():
            # What no part runs, the test itself runs.
            self.failing.setdefault((file, line), 0 if (file, line) in self.passing else 1)
        for file, first, names in seen["names"]:
            known = self.names.setdefault((file, first), {})
            for name, found in names.items():
                known.setdefault(name, set()).update(found)
        for file, first, names in seen["numbers"] if fails else ():
            known = self.numbers.setdefault((file, first), {})
            for name, found in names.items():
                known[name] = list(dict.fromkeys(known.get(name, []) + found))[:NUMBERS]
        for file, first, found in seen["results"]:
            if not fails:
                self.results.setdefault((file, first), set()).update(found)
        for name, fields in seen["fields"].items():
            known = self.fields.setdefault(name, {})
            for field, found in fields.items():
                known.setdefault(field, set()).update(found)
        for call in seen["calls"]:
            if len(self.calls) < 400:
                self.calls.append(call)

    def raised(self):
        """Names of the exceptions that failing tests end with."""
        return {raised["type"] for chain in self.chains for raised in chain}

    def causes(self):
        """The failing tests by what failed them: the exception and the function of the project that raised it."""
        found = {}
        for id, chain in self.chains_of.items():
            first = chain[0] if chain else {"type": "", "frames": []}
            own = [(file, function) for file, _, function in first["frames"] if file is not None]
            raised = first["type"], own[0] if own and not is_test_file(own[0][0]) else None
            found.setdefault(raised, []).append(id)
        # What was raised in the program says more of it than what a test found wrong, or what the machine lacks.
        return [ids for (_, own), ids in sorted(found.items(), key=lambda item: (item[0][1] is None, -len(item[1])))]

    def of(self, ids):
        """What is known where only some of the failing tests count."""
        part = Spectrum()
        part.__dict__.update(self.__dict__)
        part.failed, part.failing = len(ids), {}
        part.chains = [self.chains_of[id] for id in ids]
        for id in ids:
            for line in self.failing_lines[id]:
                part.failing[line] = part.failing.get(line, 0) + 1
        return part

    def suspicion(self):
        """How suspicious each line is that a failing test runs, 0 to 1."""
        found = {}
        for line, failing in self.failing.items():
            passing = self.passing.get(line, 0)
            found[line] = failing / math.sqrt(self.failed * (failing + passing))
        for chain in self.chains:
            for raised in chain:
                frames = [(file, line) for file, line, _ in raised["frames"] if file is not None]
                for depth, line in enumerate(frames):
                    if line in found:
                        # The statement that raised, and those that led to it, the nearest most.
                        found[line] = max(found[line], 1.0 - 0.05 * depth)
        return found


def measure(tests, outcomes, target, elsewhere, root, is_test):
    """Follows failing tests and passing ones, those of the same files first; none that does its work in other processes."""
    bad = [id for id in tests.ids if id in target][:FOLLOWED_FAILING]
    files = {tests.file(id) for id in bad}
    good = [id for id in tests.ids if id in outcomes and outcomes[id] is None and id not in elsewhere]
    good.sort(key=lambda id: tests.file(id) not in files)
    spectrum, followed = Spectrum(), 0
    for number, id in enumerate(bad + good[:FOLLOWED_PASSING]):
        if followed > FOLLOWED_LINES and number >= len(bad) + FOLLOWED_LEAST:
            break
        seen = follow(tests, id, root, is_test, outcomes[id] == "hung")
        if seen is not None and seen["hung"] and outcomes[id] != "hung":
            # It ends, but after more lines than are followed.
            seen["chain"] = raised_by(tests, id, root)
        if seen is not None:
            spectrum.add(id, seen, id in target)
            followed += seen["followed"]
    return spectrum


def is_test_file(path):
    """Whether a file beneath the root holds tests, told by its name as the runners do."""
    parts = path.split(os.sep)
    name = parts[-1]
    return (
        any(part in ("test", "tests", "testing") for part in parts[:-1])
        or name.startswith("test_")
        or name.endswith("_test.py")
        or name in ("conftest.py", "tests.py", "test.py")
    )
