"""Which of several candidates that pass is the likeliest to be right.

Candidates that give the same on generated inputs speak for one another; one that raises or does not end where others
give something is worth less, as is one with which a parameter is read no more.
"""

import ast
import json

import calls
import forks
import mixtures
import program
import reach
import swap
import values
import vary

INPUTS = 80
GIVEN = 400
# What a new failure counts for beside one where other candidates give something.
BROKEN = 1.0
# What a candidate is worth with which lines of the function no longer run, whatever tests and inputs ask.
IDLE = 0.35
# Inputs mixed of the parts of all calls.
MIXED = 60
# Inputs with one number of a list changed, of each call.
CHANGED = 12
# Steps of one call.
STEPS = 10_000
# Steps of all calls of one candidate.
STEPS_TOGETHER = 200_000


def headline(place):
    start, _ = place.file.span(place.statement)
    return place.file.data[start:].split(b"\n", 1)[0].decode().strip()[:160]


def told(candidate):
    place = candidate.place
    return {
        "file": place.file.path,
        "edits": [[start, end, new.decode()] for start, end, new in candidate.edits],
        "family": candidate.family,
        "why": candidate.why,
        "line": place.statement.lineno,
        "statement": headline(place),
        "suspicion": round(place.suspicion, 4),
        "score": round(candidate.score, 5),
    }


def judge(search, plausible):
    """The candidates as data, the likeliest first, with what tells them apart."""
    if not plausible:
        return []
    inputs = generated(search, plausible)
    given, run = zip(*[behaviour(search, candidate, inputs) for candidate in plausible])
    before, _ = behaviour(search, None, inputs)
    groups = {}
    for number, found in enumerate(given):
        groups.setdefault(json.dumps(found), []).append(number)
    weights = [candidate.score * form(candidate) for candidate in plausible]
    weights = [weight * (IDLE if reach.idle(search, *of) else 1.0) for weight, *of in zip(weights, plausible, run)]
    answers = []
    for key, members in groups.items():
        together = 1.0
        for number in members:
            together *= 1.0 - min(0.95, weights[number])
        for number in members:
            bad = max(raising(given[number], given), BROKEN * breaking(given[number], before))
            answers.append((weights[number] * (0.5 + 0.5 * (1 - together)) * (1.0 - 0.6 * bad), members[0], number))
    answers.sort(key=lambda item: (-round(item[0], 9), item[2]))
    best = answers[0][2]
    result = []
    for score, group, number in answers:
        found = told(plausible[number])
        found["score"], found["group"] = round(score, 5), group
        found["differs"] = difference(inputs, given[best], given[number])
        result.append(found)
    return result


def form(candidate):
    """Less than 1 where the form of the change speaks against it."""
    place = candidate.place
    if place.function is None:
        return 1.0
    before = reads(place.function)
    try:
        tree = ast.parse(swap.apply(place.file.data, candidate.edits))
    except (SyntaxError, ValueError):
        return 0.1
    after = [node for node in ast.walk(tree) if isinstance(node, program.FUNCTIONS) and node.name == place.function.name]
    after = [node for node in after if node.lineno == place.function.lineno] or after
    if not after:
        return 1.0
    now = reads(after[0])
    weight = 1.0
    for name in program.parameters(place.function) + program.assigned(place.function):
        if name in before and name not in now:
            weight *= 0.5
        if name not in before and name in now:
            # A value that nobody used was made for something.
            weight *= 2.5
    if carried(place.function) - carried(after[0]):
        weight *= 0.3
    for node in ast.walk(after[0]):
        if isinstance(node, (ast.Compare, ast.BinOp)):
            sides = [node.left] + node.comparators if isinstance(node, ast.Compare) else [node.left, node.right]
            if len(sides) == 2 and ast.dump(sides[0]) == ast.dump(sides[1]) and not isinstance(getattr(node, "op", None), (ast.Add, ast.Mult)):
                weight *= 0.3
    return weight


def reads(function):
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def carried(function):
    """Names that a loop makes out of what they were: without that, its earlier turns were for nothing."""
    found = set()
    for loop in ast.walk(function):
        if isinstance(loop, program.LOOPS):
            for node in ast.walk(loop):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    name = node.targets[0].id
                    if any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node.value)):
                        found.add(name)
    return found


def generated(search, plausible):
    """Calls of the changed functions: those of the tests and variations of them."""
    wanted = {(c.place.file.path, program.first_line(c.place.function)): c for c in plausible if c.place.function is not None}
    found, seen = [], set()
    recorded = {}
    for file, first, name, args in search.seen_by.calls:
        if (file, first) in wanted or (file, first) in owners(search, plausible):
            recorded.setdefault((file, first, name), []).append(args)
    for key, all in recorded.items():
        calls_of = [{"args": args, "kwargs": []} for args in all[:12]]
        for call in calls_of:
            add(found, seen, key, call["args"])
        for call in calls_of[:6]:
            for args in larger(call["args"]):
                add(found, seen, key, args)
        for call in calls_of[:6]:
            for args in islice(changed_numbers(call["args"]), CHANGED):
                add(found, seen, key, args)
        for number in range(40):
            for call in calls_of[:6]:
                if len(found) >= INPUTS * len(recorded):
                    break
                choices = call.setdefault("choices", list(islice(vary.singles({"args": call["args"], "kwargs": []}, [], set(), []), 80)))
                at = number * 7 % 80
                if at < len(choices):
                    add(found, seen, key, choices[at]["args"])
        for args in mixtures.Mixer(all[:12]).mixtures(MIXED):
            add(found, seen, key, args)
    return found


def larger(args):
    """The arguments with one collection longer than tests make it: what is right for few may be wrong for many."""
    for number, recipe in enumerate(args):
        if recipe[0] == "lit" and recipe[1][:1] in "'\"" and len(recipe[1]) < 60:
            text = ast.literal_eval(recipe[1])
            for other in dict.fromkeys((text + text, text + text[::-1], text[::-1], text[1:] + text[:1])):
                yield args[:number] + [["lit", repr(other)]] + args[number + 1 :]
        if recipe[0] in ("list", "tuple") and 0 < len(recipe[1]) <= 12:
            items = recipe[1]
            mixed = [items + items, items + items[::-1], items[::-1]]
            if all(item[0] in ("list", "tuple") for item in items):
                mixed.append([[item[0], item[1] + item[1]] for item in items])
            for longer in mixed:
                yield args[:number] + [[recipe[0], longer]] + args[number + 1 :]


def changed_numbers(args):
    """The arguments with one number of a list changed: tests that hold few numbers tell little about the others."""
    for number, recipe in enumerate(args):
        if recipe[0] not in ("list", "tuple") or not 1 < len(recipe[1]) <= 30:
            continue
        for at, item in enumerate(recipe[1]):
            if item[0] == "lit" and item[1].lstrip("-").isdigit():
                for other in (int(item[1]) + 1, int(item[1]) - 1):
                    items = recipe[1][:at] + [["lit", str(other)]] + recipe[1][at + 1 :]
                    yield args[:number] + [[recipe[0], items]] + args[number + 1 :]


def islice(items, most):
    for number, item in enumerate(items):
        if number >= most:
            return
        yield item


def owners(search, plausible):
    """Functions of the same files at the top level, through which inner ones are reached."""
    found = set()
    for candidate in plausible:
        function = candidate.place.function
        outer = function
        while function is not None:
            function = candidate.place.file.up(function, program.FUNCTIONS)
            outer = function or outer
        if outer is not None:
            found.add((candidate.place.file.path, program.first_line(outer)))
    return found


def add(found, seen, key, args):
    text = json.dumps([key, args])
    if text not in seen and len(text) < 4000:
        seen.add(text)
        found.append((key, args))


def behaviour(search, candidate, inputs):
    """What a candidate gives for each input, as text, nothing for what takes too long; and the lines of its file that the
    inputs and the tests run, None where a bound ended them."""
    names = search.loaded[candidate.place.file.path].filenames if candidate is not None else ()
    reached = reach.Reach(names)

    def work(tell):
        if candidate is not None and not search.put(candidate):
            return
        with reached:
            give(search, inputs, tell)
            if candidate is not None:
                search.steps.left = search.most_steps
                search.tests.run(search.failing + search.relevant(candidate.place), renewed)
        tell(json.dumps([None, sorted(reached.lines)]).encode())

    def renewed(_, error):
        search.steps.left = search.most_steps
        return True

    given = {}
    for line in forks.run(work, 6.0, 20.0).split(b"\n"):
        try:
            number, result = json.loads(line)
        except ValueError:
            continue
        given[number] = result
    return [given.get(number) for number in range(len(inputs))], given.get(None)


def give(search, inputs, tell):
    """Tells what each input gives, within the bounds of steps."""
    left = STEPS_TOGETHER
    for number, (key, args) in enumerate(inputs):
        if left <= 0:
            return
        tell(b"[%d, " % number)
        most = search.steps.left = min(search.most_steps, STEPS)
        try:
            result = call(search, key, args)
        except swap.OutOfSteps:
            result = "does not end"
        except Exception as error:
            result = "raises " + type(error).__name__
        left -= most - search.steps.left
        tell(json.dumps(result).encode() + b"]\n")


def call(search, key, args):
    file, first, name = key
    built = [values.build(arg) for arg in args]
    functions = search.loaded[file].functions.get((name, first), []) if file in search.loaded else []
    if not functions:
        return None
    result = calls.finish(functions[0](*built))
    return [shown(result), [shown(value) for value in built]]


def shown(value):
    """A value as text that is equal for equal values, whatever their places in memory."""
    try:
        return values.Renderer().source(values.Encoder().encode(value))[:GIVEN]
    except Exception:
        return "an object of " + type(value).__name__


def raising(mine, all):
    """The part of the inputs at which this one raises or does not end and most others give something."""
    bad = counted = 0
    for number, result in enumerate(mine):
        others = [given[number] for given in all if number < len(given) and given is not mine]
        fine = [other for other in others if isinstance(other, list)]
        if len(fine) * 2 >= max(1, len(others)) and others:
            counted += 1
            bad += not isinstance(result, list)
    return bad / counted if counted else 0.0


def breaking(mine, before):
    """The part of the inputs that gave something before and with this one do not."""
    counted = [result for result, was in zip(mine, before) if isinstance(was, list)]
    return sum(not isinstance(result, list) for result in counted) / len(counted) if counted else 0.0


def given(mine, other):
    """What a call gives in words; what it leaves in its arguments only where the results are equal."""
    if not isinstance(mine, list):
        return str(mine)
    if isinstance(other, list) and mine[0] == other[0]:
        return "%s, leaving %s" % (mine[0], ", ".join(mine[1]))
    return mine[0]


def difference(inputs, one, two):
    """The first input on which two candidates differ, and what each gives."""
    for (key, args), a, b in zip(inputs, one, two):
        if a != b:
            renderer = values.Renderer()
            try:
                source = "%s(%s)" % (key[2], ", ".join(renderer.source(arg) for arg in args))
            except Exception:
                continue
            return {"call": source[:300], "chosen": given(a, b), "this": given(b, a)}
    return None
