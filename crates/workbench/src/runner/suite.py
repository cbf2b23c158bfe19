"""Runs a project's tests and tells each outcome as one line of JSON.

Reads its orders as JSON from standard input. Lines go to the original standard output, each led by a random word the
tests do not know; what tests print goes to standard error. Written for every Python from 3.6 on, standard library only.
"""
import json
import os
import signal
import sys
import traceback

LIMIT = 16384
ROOT = ""
RUNNING = []


class OutOfTime(BaseException):
    """Ends a test that has computed or waited for too long; no `except Exception` takes it for an error of its own."""


OutOfTime.__module__ = "builtins"


def out_of_time(number, frame):
    if RUNNING:
        del RUNNING[:]
        raise OutOfTime("the test did not come to its end")


class Channel:
    def __init__(self, word):
        self._word = word
        self._pid = os.getpid()
        self._fd = os.dup(1)
        os.dup2(2, 1)

    def tell(self, **record):
        if record["at"] == "start":
            RUNNING[:] = [record["test"]]
        elif record["at"] == "stop":
            del RUNNING[:]
        # A forked child of a test holds a copy of this object and must not speak for its parent.
        if os.getpid() != self._pid:
            return
        data = (self._word + json.dumps(record) + "\n").encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._fd, data):]


def cut(text):
    text = str(text)
    return text if len(text) <= LIMIT else text[: LIMIT // 2] + "\n[...]\n" + text[-LIMIT // 2:]


def type_name(kind):
    module = getattr(kind, "__module__", "")
    name = getattr(kind, "__qualname__", str(kind))
    return name if module in ("builtins", "", None) else module + "." + name


def from_project(trace):
    """The trace without the framework's frames before the project's first."""
    inner = trace
    while inner is not None:
        if os.path.realpath(inner.tb_frame.f_code.co_filename).startswith(ROOT + os.sep):
            return inner
        inner = inner.tb_next
    return trace


def failure(kind, value, trace):
    trace = from_project(trace)
    try:
        message = cut(value)
    except Exception:
        message = "<the exception's text cannot be made>"
    try:
        text = cut("".join(traceback.format_exception(kind, value, trace)))
    except Exception:
        text = type_name(kind)
    return {"exception": type_name(kind), "message": message, "traceback": text}


def run_unittest(orders, channel):
    import unittest

    only = orders["only"]
    # What stands in for a module that cannot be imported, or for a fixture of a class or module.
    stands_in = ("_FailedTest", "_ErrorHolder", "ModuleImportFailure", "LoadTestsFailure")

    class Result(unittest.TestResult):
        def startTest(self, test):
            super().startTest(test)
            channel.tell(at="start", test=test.id())

        def stopTest(self, test):
            super().stopTest(test)
            channel.tell(at="stop", test=test.id())

        def addSuccess(self, test):
            super().addSuccess(test)
            channel.tell(at="outcome", test=test.id(), outcome="passed")

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self._bad(test, err)

        def addError(self, test, err):
            super().addError(test, err)
            self._bad(test, err)

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                self._bad(test, err)

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            channel.tell(at="outcome", test=test.id(), outcome="skipped", reason=cut(reason))

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            channel.tell(at="outcome", test=test.id(), outcome="passed")

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            channel.tell(
                at="outcome", test=test.id(), outcome="failed",
                failure={"exception": "UnexpectedSuccess", "message": "expected to fail, but passed", "traceback": ""},
            )

        def _bad(self, test, err):
            around = type(test).__name__ in stands_in
            channel.tell(at="outcome", test=test.id(), outcome="error" if around else "failed", failure=failure(*err))

    def flat(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                for inner in flat(test):
                    yield inner
            else:
                yield test

    class Runner:
        def run(self, suite):
            tests = list(flat(suite))
            if only is not None:
                wanted = set(only)
                tests = [test for test in tests if test.id() in wanted]
            channel.tell(at="collected", count=len(tests))
            if orders["collect"]:
                tests = [test for test in tests if type(test).__name__ in stands_in]
            result = Result()
            unittest.TestSuite(tests)(result)
            return result

    program = unittest.TestProgram(module=None, argv=["unittest"] + orders["args"], testRunner=Runner(), exit=False)
    return 0 if program.result.wasSuccessful() else 1


def stable(name):
    """The name of a test as it is on every work tree: values of parameters may hold the path of this one."""
    return name.replace(ROOT, "{tree}") if ROOT else name


def run_pytest(orders, channel):
    import pytest

    only = orders["only"]

    class Plugin:
        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, session, config, items):
            if only is not None:
                wanted = set(only)
                items[:] = [item for item in items if stable(item.nodeid) in wanted]
            channel.tell(at="collected", count=len(items))
            if orders["collect"]:
                items[:] = []

        def pytest_collectreport(self, report):
            if report.failed:
                text = cut(report.longreprtext)
                channel.tell(
                    at="outcome", test=stable(report.nodeid), outcome="error",
                    failure={"exception": "CollectError", "message": text[-500:], "traceback": text},
                )

        def pytest_runtest_logstart(self, nodeid, location):
            channel.tell(at="start", test=stable(nodeid))

        def pytest_runtest_logfinish(self, nodeid, location):
            channel.tell(at="stop", test=stable(nodeid))

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            outcome = yield
            report = outcome.get_result()
            record = {"at": "outcome", "test": stable(item.nodeid)}
            if report.failed:
                record["outcome"] = "failed" if report.when == "call" else "error"
                if call.excinfo is not None:
                    record["failure"] = failure(call.excinfo.type, call.excinfo.value, call.excinfo.tb)
                else:
                    text = cut(report.longrepr)
                    record["failure"] = {"exception": "UnexpectedSuccess", "message": text, "traceback": ""}
            elif report.skipped:
                # An expected failure is reported as skipped, but the test did what it says.
                expected = hasattr(report, "wasxfail")
                record["outcome"] = "passed" if expected else "skipped"
                if not expected:
                    record["reason"] = cut(getattr(call.excinfo, "value", ""))
            elif report.when == "call":
                record["outcome"] = "passed"
            else:
                return
            channel.tell(**record)

    # A file that cannot be loaded is a failure of its own; the others say what they have to.
    args = ["-p", "no:cacheprovider", "--capture=no", "-q", "--continue-on-collection-errors"] + orders["args"]
    return int(pytest.main(args, plugins=[Plugin()]))


def installed_from(checkouts):
    """Top-level names of what was installed from one of the user's checkouts, as the installed packages tell."""
    names = set()
    for site in [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]:
        for entry in os.listdir(site) if os.path.isdir(site) else ():
            folder = os.path.join(site, entry)
            if entry.endswith(".dist-info") and origin(folder) in checkouts:
                names.update(top_level(folder))
    return names


def origin(folder):
    """The folder that a package was installed from, or None."""
    try:
        with open(os.path.join(folder, "direct_url.json"), encoding="utf-8") as file:
            url = json.load(file)["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    return os.path.normpath(unquote(parts.path)) if parts.scheme == "file" else None


def top_level(folder):
    for name in ("top_level.txt", "RECORD"):
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        first = {line.split(",")[0].split("/")[0] for line in lines}
        stems = {word[:-3] if word.endswith(".py") else word for word in first}
        return {stem for stem in stems if stem.isidentifier() and "__editable__" not in stem and stem != "__pycache__"}
    return set()


def modules(root, checkouts):
    """Modules that lie in the work tree, and modules that are the project's too but were loaded from elsewhere."""
    names = installed_from(checkouts)
    below = [path for path in map(os.path.realpath, sys.path) if path.startswith(root + os.sep)]
    for folder in [root, os.path.join(root, "src")] + below:
        for entry in (os.listdir(folder) if os.path.isdir(folder) else ()):
            stem, end = os.path.splitext(entry)
            if end == ".py" or os.path.isfile(os.path.join(folder, entry, "__init__.py")):
                names.add(stem)
    prefix = os.path.realpath(sys.prefix)
    inside, foreign = [], []
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or name in ("__main__", "setup", "conftest"):
            continue
        path = os.path.realpath(path)
        original = any(path.startswith(folder + os.sep) for folder in checkouts)
        if path.startswith(root + os.sep):
            inside.append(os.path.relpath(path, root))
        elif name.split(".")[0] in names or (original and not path.startswith(prefix + os.sep)):
            foreign.append(name + " from " + path)
    return inside, foreign


def main():
    global ROOT
    orders = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    channel = Channel(orders["word"])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    ROOT = os.path.realpath(orders["root"])
    sys.path[0] = os.getcwd()
    signal.signal(signal.SIGRTMIN + 8, out_of_time)
    del sys.argv[1:]
    run = run_pytest if orders.pop("kind") == "pytest" else run_unittest
    orders.pop("word")
    code, trouble = 1, None
    try:
        code = run(orders, channel)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        trouble = failure(*sys.exc_info())
    inside, foreign = modules(ROOT, orders.get("checkouts", []))
    channel.tell(at="end", code=code, trouble=trouble, modules=inside, foreign=foreign)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads a test left behind must not hold up the end.
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
