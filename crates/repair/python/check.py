"""Runs one script at the root of a checkout and tells what it raised and which files of the checkout it loaded.

Reads {root, script, seconds, value} and answers {raised, loaded, value}. With `value`, the literal that the script
left in `result` is told too. With `times`, it is run so often, each time in a process of its own that shares nothing with
the one before but the checkout, and the answer is a list, with null for a run that told nothing.
"""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import values


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


def several(spec, times):
    """What each of some runs told."""
    folders = {folder: set(os.listdir(folder)) for folder in {tempfile.gettempdir(), os.environ.get("HOME", "/tmp")}}
    orders, told = json.dumps(spec).encode(), []
    for _ in range(times):
        run = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )
        try:
            told.append(json.loads(run.communicate(orders, timeout=spec["seconds"] + 4)[0].decode()))
        except (ValueError, subprocess.TimeoutExpired):
            told.append(None)
        try:
            os.killpg(run.pid, signal.SIGKILL)
        except OSError:
            pass
        run.wait()
        for folder, before in folders.items():
            leave_nothing(folder, before)
    return told


def main():
    spec = json.load(sys.stdin)
    times = spec.pop("times", None)
    if times is not None:
        json.dump(several(spec, times), sys.stdout)
        sys.stdout.flush()
        os._exit(0)
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
