"""Statements that a person forgot beside those that are there: the other half of a pair, what is left at the end of a
loop, the best so far; and two assignments that were meant to be made at once."""

import ast
import itertools

from program import FUNCTIONS, LOOPS, parameters, plain

# What is the other half of what, in names of functions.
OTHER_HALF = {"min": "max", "max": "min", "append": "appendleft", "appendleft": "append", "pop": "popleft", "popleft": "pop"}
SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr)
# Names of one statement that have another half, and ways to write it.
MOST, WAYS = 4, 24


def halves(place, statement):
    """The statement with names in place of which their neighbours stand, as texts with priors."""
    pairs = neighbours(place)
    places = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in pairs and "function" not in place.scope.of(node.id):
            places.setdefault(node.id, []).append(node)
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call) and called(node.func) in OTHER_HALF]
    names = list(places)[:MOST]
    made = 0
    for size in range(len(names), 0, -1):
        for chosen in itertools.combinations(names, size):
            for others in itertools.product(*[pairs[name][:2] for name in chosen]):
                for turned in (True, False) if calls else (False,):
                    edits = [(*place.file.span(node), other) for name, other in zip(chosen, others) for node in places[name]]
                    if turned:
                        edits += [other_function(place, function) for function in calls]
                    made += 1
                    if made > WAYS:
                        return
                    yield replaced(place, statement, edits), 0.25 if size == len(names) else 0.12


def called(function):
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def other_function(place, function):
    word = called(function)
    end = place.file.span(function)[1]
    return (end - len(word), end, OTHER_HALF[word])


def replaced(place, statement, edits):
    start, end = place.file.span(statement)
    text = place.file.data[start:end]
    for a, b, new in sorted(edits, reverse=True):
        text = text[: a - start] + new.encode() + text[b - start :]
    return text.decode()


def neighbours(place):
    """The names that stand beside each name: in tuples and among parameters, of values of the same kind."""
    function = place.function
    rows = [parameters(function)]
    for node in ast.walk(function):
        if isinstance(node, ast.Tuple):
            rows.append([item.id for item in node.elts if isinstance(item, ast.Name)])
    begun = [target for node in ast.walk(function) if isinstance(node, ast.Assign) for target in node.targets]
    rows.append([target.id for target in begun if isinstance(target, ast.Name)])
    found = {}
    for row in rows:
        for one, two in zip(row, row[1:]):
            kinds = plain(place.scope.of(one)), plain(place.scope.of(two))
            if one != two and kinds[0] and kinds[0] & kinds[1]:
                for a, b in ((one, two), (two, one)):
                    if b not in found.setdefault(a, []):
                        found[a].append(b)
    return found


def best_so_far(place):
    """A name kept as the highest or lowest of what another one was, as texts with priors; only in a loop that it outlives."""
    loop = place.statement if isinstance(place.statement, LOOPS) else place.file.up(place.statement, (*LOOPS, *FUNCTIONS))
    if not isinstance(loop, LOOPS):
        return
    inside = set(ast.walk(loop))
    stored = {}
    for node in ast.walk(place.function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.setdefault(node.id, set()).add(node in inside)
    numbers = [name for name in place.scope.local if plain(place.scope.of(name)) and plain(place.scope.of(name)) <= {"int", "float"}]
    for name in numbers:
        if False in stored.get(name, ()):
            for other in numbers:
                if other != name and (True in stored.get(other, ())):
                    yield "%s = max(%s, %s)" % (name, name, other), 0.12
                    yield "%s = min(%s, %s)" % (name, name, other), 0.08


def left_over(place):
    """What a loop does with what it gathered, once more behind it, as texts with priors."""
    block = place.file.parent(place.statement)
    for field in ("body", "orelse", "finalbody"):
        row = getattr(block, field, None) or []
        if place.statement in row and row.index(place.statement) > 0:
            loop = row[row.index(place.statement) - 1]
            if isinstance(loop, LOOPS):
                yield from gathered(place, loop)
                yield from carried_out(place, loop)


def gathered(place, loop):
    for node in ast.walk(loop):
        if not isinstance(node, SIMPLE) or isinstance(node, ast.Assign):
            continue
        text = place.text(node)
        if "\n" in text or len(text) > 80:
            continue
        stored = {found.id for found in ast.walk(loop) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store)}
        read = [found.id for found in ast.walk(node) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Load)]
        for name in dict.fromkeys(read):
            if name in stored and plain(place.scope.of(name)) & {"list", "str", "int", "float", "dict", "set", "none"}:
                yield "if %s:\n    %s" % (name, text), 0.12


def carried_out(place, loop):
    """What the last turn of a loop left for a next one, put to what the loop gathered."""
    stored = {}
    for node in ast.walk(place.function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.setdefault(node.id, set()).add(loop.lineno <= node.lineno <= loop.end_lineno)
    kept = [name for name, inside in stored.items() if inside == {True, False}]
    for node in ast.walk(loop):
        if not isinstance(node, ast.Call) or called(node.func) not in ("append", "add") or not isinstance(getattr(node.func, "value", None), ast.Name):
            continue
        holder = node.func.value.id
        held = {kind[1:] for kind in place.scope.of(holder) if kind[:1] == "["}
        for name in kept:
            kinds = plain(place.scope.of(name))
            if name != holder and kinds:
                fits = not held or held & kinds
                item = name if fits else "str(%s)" % name if "str" in held else None
                if item is not None:
                    yield "if %s:\n    %s.%s(%s)" % (name, holder, called(node.func), item), 0.12


def at_once(place, following):
    """Two assignments, the second of which reads what the first has just changed, as one; None for others."""
    one, two = place.statement, following
    if not (isinstance(one, ast.Assign) and isinstance(two, ast.Assign) and len(one.targets) == len(two.targets) == 1):
        return None
    target = place.text(one.targets[0])
    if target == place.text(two.targets[0]) or target not in [place.text(node) for node in ast.walk(two.value) if isinstance(node, (ast.Name, ast.Subscript, ast.Attribute))]:
        return None
    if isinstance(one.value, ast.Tuple) or isinstance(two.value, ast.Tuple):
        return None
    return "%s, %s = %s, %s" % (target, place.text(two.targets[0]), place.text(one.value), place.text(two.value))
