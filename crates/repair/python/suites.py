"""The tests of a project, loaded once and run as often as wanted in this process or in forks of it.

`load` finds the tests as the framework does and hands them to `work` from within the framework, where fixtures and
plugins are at hand. Each test is told by `note(id, error)`: None if it passed, the exception if it did not.
"""

SKIPPED = "skipped"


class Unsuccessful(Exception):
    """Stands for a failure without an exception of its own."""


def load(kind, args, work):
    if kind == "pytest":
        of_pytest(args, work)
    else:
        of_unittest(args, work)


class UnittestTests:
    def __init__(self, tests, result_type):
        self.tests = {}
        for test in tests:
            self.tests.setdefault(test.id(), test)
        self.ids = list(self.tests)
        self.result_type = result_type

    def run(self, ids, note):
        import unittest

        unittest.TestSuite([self.tests[id] for id in ids])(self.result_type(note))

    def file(self, id):
        import sys

        module = sys.modules.get(type(self.tests[id]).__module__)
        return getattr(module, "__file__", None)


def of_unittest(args, work):
    import unittest

    class Result(unittest.TestResult):
        def __init__(self, note=None):
            super().__init__()
            self.note = note or (lambda id, error: True)

        def tell(self, test, error):
            if not self.note(test.id(), error):
                self.stop()

        def addSuccess(self, test):
            self.tell(test, None)

        def addFailure(self, test, err):
            self.tell(test, err[1])

        addError = addFailure

        def addSubTest(self, test, subtest, err):
            if err is not None:
                self.tell(test, err[1])

        def addSkip(self, test, reason):
            self.tell(test, SKIPPED)

        def addExpectedFailure(self, test, err):
            self.tell(test, None)

        def addUnexpectedSuccess(self, test):
            self.tell(test, Unsuccessful("expected to fail, but passed"))

    def flat(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                yield from flat(test)
            else:
                yield test

    class Runner:
        def run(self, suite):
            work(UnittestTests(list(flat(suite)), Result))
            return Result()

    unittest.TestProgram(module=None, argv=["unittest"] + args, testRunner=Runner(), exit=False)


def stable(name):
    """The name of a test as it is on every work tree, as the runner of the suite tells it."""
    import os

    return name.replace(os.path.realpath(os.getcwd()), "{tree}")


def unread(*_, **__):
    return "failed"


class PytestTests:
    def __init__(self, items, listeners):
        self.items = {}
        for item in items:
            self.items.setdefault(stable(item.nodeid), item)
            # Nobody reads the text of a failure, and making it takes longer than most tests do.
            item.repr_failure = item._repr_failure_py = unread
        self.ids = list(self.items)
        self.listeners = listeners

    def run(self, ids, note):
        from _pytest.runner import runtestprotocol

        for number, id in enumerate(ids):
            raised = []
            self.listeners[:] = [raised]
            following = self.items[ids[number + 1]] if number + 1 < len(ids) else None
            reports = runtestprotocol(self.items[id], log=False, nextitem=following)
            if not note(id, outcome(reports, raised)):
                return

    def file(self, id):
        return str(self.items[id].fspath)


def outcome(reports, raised):
    if any(report.failed for report in reports):
        return raised[0] if raised else Unsuccessful("it failed without an exception")
    if any(report.when == "call" and report.passed for report in reports):
        return None
    expected = any(report.skipped and hasattr(report, "wasxfail") for report in reports)
    return None if expected else SKIPPED


def of_pytest(args, work):
    import pytest

    listeners = []

    class Plugin:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            result = yield
            if call.excinfo is not None and result.get_result().failed:
                for raised in listeners:
                    raised.append(call.excinfo.value)

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session):
            work(PytestTests(session.items, listeners))
            return True

    pytest.main(["-p", "no:cacheprovider", "--capture=no", "-q"] + args, plugins=[Plugin()])
