"""Runs one script at the root of a checkout and tells what it raised and which files of the checkout it loaded.

Reads {root, script, seconds, value} and answers {raised, loaded, value}. With `value`, the literal that the script
left in `result` is told too.
"""

import ast
import json
import os
import sys

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


def main():
    spec = json.load(sys.stdin)
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
