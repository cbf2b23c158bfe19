"""Runs one script at the root of a checkout and tells what it raised and which files of the checkout it loaded.

Reads {root, script, seconds, value} and answers {raised, loaded, value}. With `value`, the literal that the script
left in `result` is told too. With `times`, it is run so often, each time in a copy of this process, in which nothing of the
project is loaded yet: the runs share nothing but the checkout. The answer is then a list, with null for a run that told nothing.
"""

import ast
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import values

# What pytest consists of.
FRAMEWORK = {"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "exceptiongroup", "tomli", "pygments", "attr", "attrs"}


def plain(value):
    """The source of a value made of literals, or None."""
    try:
        recipe = values.Encoder().encode(value)
        source = values.Renderer().source(recipe)
        return source if values.is_plain(recipe) and ast.literal_eval(source) == value else None
    except Exception:
        return None


def leave_nothing(folder, before):
    for name in set(os.listdir(folder)) - before:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def prepare(root, script):
    """Loads the test framework once for all runs, where nothing that it consists of can be a part of the project."""
    own = set()
    for folder in (root, os.path.join(root, "src")):
        own.update(name.split(".")[0] for name in (os.listdir(folder) if os.path.isdir(folder) else ()))
    if own & set(getattr(sys, "stdlib_module_names", own)) or "GROUNDCREW_MOVED" in os.environ:
        return
    try:
        if "import unittest" in script:
            import unittest
        if "import pytest" in script and not own & FRAMEWORK:
            import pytest
    except Exception:
        pass


def several(spec, times):
    """What each of some runs told."""
    folders = {folder: set(os.listdir(folder)) for folder in {tempfile.gettempdir(), os.environ.get("HOME", "/tmp")}}
    prepare(spec["root"], spec["script"])
    told = []
    for _ in range(times):
        said = once(spec, spec["seconds"] + 4)
        try:
            told.append(json.loads(said.decode()))
        except ValueError:
            told.append(None)
        for folder, before in folders.items():
            leave_nothing(folder, before)
    return told


def once(spec, wall):
    """What one run tells, in a process group of its own that is gone at the end."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.dup2(writer, 1)
            nowhere = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nowhere, 0)
            os.closerange(3, max(reader, writer, nowhere) + 1)
            run(spec)
        finally:
            os._exit(1)
    os.close(writer)
    said, ends = b"", time.monotonic() + wall
    while True:
        ready, _, _ = select.select([reader], [], [], max(0, ends - time.monotonic()))
        part = os.read(reader, 65536) if ready else b""
        if not part:
            break
        said += part
    os.close(reader)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(pid, 0)
    return said


def main():
    spec = json.load(sys.stdin)
    times = spec.pop("times", None)
    if times is not None:
        json.dump(several(spec, times), sys.stdout)
        sys.stdout.flush()
        os._exit(0)
    run(spec)


def run(spec):
    answer = calls.silence()
    root = os.path.realpath(spec["root"])
    calls.step_aside()
    sys.path.insert(0, root)
    sys.argv = ["reproduction.py"]
    raised, names = None, {"__name__": "__main__"}
    calls.alarm(spec["seconds"])
    try:
        exec(compile(spec["script"], "<reproduction>", "exec"), names)
    except BaseException as error:
        calls.alarm(0)
        raised = calls.describe(error, root)
    calls.alarm(0)
    loaded = [calls.inside(getattr(module, "__file__", None) or "", root) for module in list(sys.modules.values())]
    value = None
    if spec.get("value") and raised is None and "result" in names:
        value = plain(names["result"])
    json.dump({"raised": raised, "loaded": sorted(filter(None, set(loaded))), "value": value}, answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
