"""Runs functions on inputs and tells what they gave, so that two versions of them can be compared.

Reads {root, paths, targets, calls, seconds, inputs}. Without `inputs` they are made: the recorded calls, calls with
one value changed, and generated ones; only those that raise nothing and give the same twice are kept. Answers
{inputs, outcomes, shown, problem}, an outcome per input.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import reproduce
import values
import vary

CHUNK = 20
RECORDED = 60
MADE = 240
# What one call may compute, and how much longer it may wait.
SECONDS, WAITING = 0.5, 4
# Calls that do not end after which no more are tried.
ENDLESS = 8
NO_END = "no end within %s s" % SECONDS


def seen(value):
    """What can be told about a value: its recipe, or its type where it has none."""
    try:
        return values.Encoder().encode(value)
    except values.CannotEncode:
        return ["opaque", type(value).__name__]


class Compare(reproduce.Search):
    def outcome(self, call):
        """What a call gives and what it leaves in its arguments; an exception by type."""
        target = self.targets[call["target"]]
        kept = []
        build = values.build

        def keep(recipe):
            made = build(recipe)
            kept.append(made)
            return made

        calls.alarm(WAITING * SECONDS, SECONDS)
        try:
            # Only the outermost build of each argument is kept: what the call then does to it is part of its result.
            arguments = dict(call, args=[["held", keep(recipe)] for recipe in call["args"]])
            arguments["kwargs"] = [[name, ["held", keep(recipe)]] for name, recipe in call["kwargs"]]
            if call.get("self"):
                arguments["self"] = ["held", keep(call["self"])]
            result = target.run(arguments)
            calls.alarm(0)
            return {"value": seen(result), "left": [seen(item) for item in kept]}
        except calls.OutOfTime:
            return {"raised": NO_END}
        except BaseException as error:
            calls.alarm(0)
            return {"raised": type(error).__name__}
        finally:
            calls.alarm(0)

    def outcomes(self, inputs, endless=None):
        """What each input gives; nothing after so many that did not end."""
        found = []
        for start in range(0, len(inputs), CHUNK):
            chunk = inputs[start : start + CHUNK]
            ended = sum(bool(told) and told.get("raised") == NO_END for told in found)
            if time.monotonic() > self.ends or endless is not None and ended >= endless:
                return found + [None] * (len(inputs) - start)
            told = self.child(lambda: [self.outcome(call) for call in chunk], SECONDS * CHUNK + 2, None)
            if told is None:
                told = [self.child(lambda: self.outcome(call), SECONDS + 2, None) for call in chunk]
            found += told
        return found

    def inputs(self):
        """Recorded calls first, then their neighbours and generated calls in turns."""
        recorded = [call for number in self.usable for call in self.recorded(number, 20)][:RECORDED]
        streams = [(vary.singles(call, [], [], []), "varied") for call in recorded[:12]]
        streams += [(self.generated(number, 60), "generated") for number in self.usable]
        keys = {json.dumps(call, sort_keys=True) for call in recorded}
        made = []
        for call, _ in reproduce.in_turns(streams):
            key = json.dumps(call, sort_keys=True)
            if key not in keys:
                keys.add(key)
                made.append(call)
            if len(made) >= MADE:
                break
        return recorded + made

    def steady(self):
        """Inputs that raise nothing and give the same twice, with what they give."""
        inputs = self.inputs()
        # What gave nothing once is not asked again.
        once = [(call, one) for call, one in zip(inputs, self.outcomes(inputs, ENDLESS)) if one is not None and "value" in one]
        kept, given = [], []
        for (call, one), two in zip(once, self.outcomes([call for call, _ in once])):
            if one == two:
                kept.append(call)
                given.append(one)
        return kept, given


def show(recipe):
    """A value for people."""
    if recipe[0] == "opaque":
        return "an object of " + recipe[1]
    try:
        return values.Renderer().source(recipe)[:300]
    except Exception:
        return "a value"


def main():
    spec = json.load(sys.stdin)
    answer = calls.silence()
    spec["root"] = os.path.realpath(spec["root"])
    spec.update(exception="", message="", lines=[], spoken=[], classes={}, chained=False, crash={}, attempts=0)
    calls.step_aside()
    sys.path[:] = [spec["root"]] + [p for p in spec["paths"] if p != spec["root"]] + sys.path
    sys.argv = ["compare.py"]
    plain = values.build
    values.build = lambda recipe: recipe[1] if recipe[0] == "held" else plain(recipe)
    compare = Compare(spec)
    problem = compare.load()
    inputs, outcomes = spec["inputs"] or [], []
    if problem is None:
        if spec["inputs"] is None:
            inputs, outcomes = compare.steady()
        else:
            outcomes = compare.outcomes(inputs)
    shown = []
    for call, outcome in zip(inputs, outcomes):
        given = outcome or {"raised": "the process ended"}
        text = "raises " + given["raised"] if "raised" in given else show(given["value"])
        try:
            shown.append([compare.targets[call["target"]].render(call)["expression"][:300], text])
        except Exception:
            shown.append(["a call of " + compare.targets[call["target"]].path, text])
    json.dump({"inputs": inputs, "outcomes": outcomes, "shown": shown, "problem": problem}, answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
