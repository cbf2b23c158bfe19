"""Edits of conditions: comparisons and their limits, what is joined how, what is asked for besides."""

import ast

from operands import numbers_of, whole_number
from place import ADDED, ATOM, COMPARED, Candidate, JOINED, LOOSE
from program import NUMBERS, known_alike, plain

COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "not in",
    ast.Is: "is", ast.IsNot: "is not",
}
OTHER_COMPARISONS = {
    "<": (("<=", 0.9), (">", 0.5), (">=", 0.35), ("!=", 0.12), ("==", 0.1)),
    "<=": (("<", 0.9), (">=", 0.5), (">", 0.35), ("==", 0.1), ("!=", 0.1)),
    ">": ((">=", 0.9), ("<", 0.5), ("<=", 0.35), ("!=", 0.12), ("==", 0.1)),
    ">=": ((">", 0.9), ("<=", 0.5), ("<", 0.35), ("==", 0.1), ("!=", 0.1)),
    "==": (("!=", 0.5), ("<=", 0.3), (">=", 0.3), ("in", 0.1), ("<", 0.12), (">", 0.12)),
    "!=": (("==", 0.5), (">", 0.25), ("<", 0.25), ("not in", 0.1)),
    "in": (("not in", 0.5), ("==", 0.1)), "not in": (("in", 0.5), ("!=", 0.1)),
    "is": (("is not", 0.5), ("==", 0.25)), "is not": (("is", 0.5), ("!=", 0.25)),
}


def comparison(place, node):
    sides = [node.left] + node.comparators
    for op, before, after in zip(node.ops, sides, sides[1:]):
        text = COMPARISONS[type(op)]
        for other, prior in OTHER_COMPARISONS[text]:
            if other in ("in", "not in") and plain(place.kinds(after)) & (NUMBERS | {"none"}):
                continue
            if other in ("<", "<=", ">", ">=") and plain(place.kinds(after)) & {"none", "bool"}:
                continue
            yield place.between(before, after, other, family(other), prior, "compares with %s instead of %s" % (other, text))
        number = whole_number(after)
        if number is not None and len(node.ops) == 1 and text in ("==", "!=", "<", ">", "<=", ">="):
            # The comparison and its limit are often wrong together: `== 0` for `<= 1`.
            for other in ("<=", "<", ">=", ">", "=="):
                for limit in (number + 1, number - 1):
                    if other != text:
                        made = "%s %s %d" % (place.bracketed(before, COMPARED), other, limit)
                        yield place.put(node, made, COMPARED, "boundary", 0.12)
    if len(node.ops) == 1 and text in ("==", "!="):
        yield from membership(place, node, text)
    if len(node.ops) > 1:
        yield place.put(node, "not " + place.text(node), COMPARED, "logic", 0.35, "negates %s" % place.text(node))
    if len(node.ops) == 1 and type(node.ops[0]) in (ast.Lt, ast.LtE) and plain(place.kinds(node.left)) <= {"int", "float"}:
        # A lower bound that is missing before the upper one.
        for number, prior in [(0, 0.3), (1, 0.15)] + [(number, 0.12) for number in numbers_of(place) if number > 1]:
            for op in ("<=", "<"):
                made = "%d %s %s" % (number, op, place.text(node))
                yield place.put(node, made, COMPARED, "condition", prior * (1.0 if op == "<=" else 0.5), "asks also: %d %s %s" % (number, op, place.text(node.left)))
    if len(node.ops) == 1 and type(node.ops[0]) in (ast.Lt, ast.LtE, ast.Gt, ast.GtE):
        left, right = node.left, node.comparators[0]
        for side in (left, right):
            if isinstance(side, ast.Name):
                text = "abs(%s)" % place.text(side)
                if plain(place.kinds(side)) & {"int", "float"}:
                    yield place.put(side, text, ATOM, "wrapping", 0.12)


def membership(place, node, text):
    """Among many, where one is compared with a single other."""
    word = "in" if text == "==" else "not in"
    for side in (node.left, node.comparators[0]):
        kinds = plain(place.kinds(side))
        for holder, inside in holders(place):
            if kinds and inside & kinds:
                made = "%s %s %s" % (place.bracketed(side), word, holder)
                yield place.put(node, made, COMPARED, "comparison", 0.12)


def holders(place):
    """Collections in reach with the kinds of what they hold: by name, and by attribute where the function reads it."""
    seen = {}
    for name in place.scope.local:
        seen[name] = place.scope.of(name)
    for found in ast.walk(place.function or place.file.tree):
        if isinstance(found, ast.Attribute) and isinstance(found.ctx, ast.Load):
            seen.setdefault(place.text(found), place.kinds(found))
    for text, kinds in list(seen.items())[:24]:
        if plain(kinds) & {"list", "set", "tuple", "dict"}:
            inside = {kind[1:] for kind in kinds if kind[:1] in "[{"}
            yield text, inside or ({"int", "str", "tuple", "float"} if "." in text else set())


def family(operator):
    return "boundary" if operator in ("<", "<=", ">", ">=") else "comparison"


def logic(place, node):
    joined = "and" if isinstance(node.op, ast.And) else "or"
    other = "or" if joined == "and" else "and"
    edits, prior = [], 0.25 if joined == "and" and guards_next(node) else 0.6
    for before, after in zip(node.values, node.values[1:]):
        found = place.between(before, after, other, "logic", prior, "joins the conditions with %s" % other)
        edits += found.edits if found else []
    if edits:
        yield Candidate(place, edits, "logic", prior, "joins the conditions with %s instead of %s" % (other, joined))
    if len(node.values) > 2:
        for before, after in zip(node.values, node.values[1:]):
            yield place.between(before, after, other, "logic", 0.3, "joins the conditions with %s" % other)
    for value in node.values:
        rest = [place.text(inner) if inner is not value else None for inner in node.values]
        kept = (" %s " % joined).join(text for text in rest if text)
        level = JOINED if len(node.values) > 2 else COMPARED
        yield place.put(node, kept, level, "condition", 0.3, "drops the condition %s" % place.text(value))
    if len(node.values) == 2 and not is_pure_name(node.values[1]):
        one, two = map(place.text, node.values)
        yield place.put(node, "%s %s %s" % (two, joined, one), JOINED, "logic", 0.15, "asks %s first" % two)


def guards_next(node):
    """Whether a value is first asked for and then used, so that the second part makes sense only after the first."""
    first, second = node.values[0], node.values[1]
    if isinstance(first, ast.Call) and isinstance(first.func, ast.Name) and first.func.id == "bool" and first.args:
        first = first.args[0]
    used = {ast.dump(found) for found in ast.walk(second)}
    return isinstance(first, (ast.Name, ast.Attribute)) and ast.dump(first) in used


def is_pure_name(node):
    return isinstance(node, ast.Name)


def negation(place, node):
    if isinstance(node.op, ast.Not):
        yield place.put(node, place.text(node.operand), LOOSE, "logic", 0.5, "drops the not")
    if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield place.put(node, place.bracketed(node.operand), ADDED, "operator", 0.4, "drops the minus")
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and type(node.operand.value) is int:
        value = -node.operand.value
        for other, prior in ((value + 1, 0.4), (value - 1, 0.4), (-value, 0.25)):
            yield place.put(node, str(other), ADDED, "number", prior)


def negated(place, node):
    """A truth value turned around, where one is asked for."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) or isinstance(node, ast.Compare):
        return
    if is_condition(place, node) or plain(place.kinds(node)) == {"bool"}:
        if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BoolOp)):
            text = place.text(node)
            text = "(" + text + ")" if isinstance(node, ast.BoolOp) else text
            yield place.put(node, "not " + text, COMPARED, "logic", 0.35, "negates %s" % text)


def is_condition(place, node):
    parent, field = place.file.above.get(node, (None, None))
    if isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)) and field == "test":
        return True
    if isinstance(parent, ast.comprehension) and field == "ifs":
        return True
    return isinstance(parent, ast.BoolOp) and is_condition(place, parent)


def stronger(place, node):
    """A condition with one more part, from names in reach and from other conditions of the function."""
    parent, field = place.file.above.get(node, (None, None))
    whole = isinstance(parent, (ast.If, ast.While, ast.IfExp)) and field == "test"
    whole = whole or isinstance(parent, ast.comprehension) and field == "ifs"
    if not whole:
        if isinstance(parent, ast.BoolOp) and is_condition(place, parent):
            yield from stronger_part(place, node, parent)
        return
    text = place.text(node)
    core = "(" + text + ")" if isinstance(node, (ast.BoolOp, ast.IfExp, ast.Lambda)) else text
    same = {"and": text if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) else core}
    same["or"] = text if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) else core
    known = text.replace(" ", "")
    for part, prior, early in conditions(place, node):
        if part.replace(" ", "") in known:
            continue
        for joined in ("or", "and"):
            if early:
                first = "%s %s %s" % (part, joined, same[joined])
                yield place.put(node, first, JOINED, "condition", prior, "asks first: %s %s" % (part, joined))
            last = "%s %s %s" % (same[joined], joined, part)
            yield place.put(node, last, JOINED, "condition", prior * 0.9, "asks also: %s %s" % (joined, part))


def stronger_part(place, node, whole):
    """One of several conditions with one more part, joined the other way than all of them are."""
    text = place.text(node)
    other = "and" if isinstance(whole.op, ast.Or) else "or"
    known = place.text(whole).replace(" ", "")
    if isinstance(node, (ast.BoolOp, ast.IfExp, ast.Lambda)):
        return
    for part, prior, early in conditions(place, node):
        if part.replace(" ", "") not in known:
            yield place.put(node, "(%s %s %s)" % (text, other, part), ATOM, "condition", prior * 0.5, "asks also beside %s: %s %s" % (text, other, part))


def conditions(place, node):
    """Conditions that could be asked for, with priors, and whether they guard what follows."""
    scope = place.scope
    read = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    seen = set()
    for name in scope.local:
        kinds = plain(scope.of(name))
        near = 1.0 if name in read else 0.7
        if kinds & {"list", "dict", "set", "str", "tuple"}:
            yield "not " + name, 0.3 * near, True
            yield name, 0.25 * near, True
        if "none" in kinds:
            yield name + " is None", 0.4 * near, True
            yield name + " is not None", 0.4 * near, True
        if kinds & {"int", "float"} and "bool" not in kinds:
            for test in (" == 0", " > 0", " < 0"):
                yield name + test, 0.12 * near, False
            if kinds == {"int"}:
                for test in (" % 2 == 0", " % 2 == 1"):
                    yield name + test, 0.06 * near, False
        if "bool" in kinds:
            yield name, 0.3 * near, False
            yield "not " + name, 0.3 * near, False
    if "IndexError" in scope.raised:
        for found in ast.walk(node):
            if isinstance(found, ast.Subscript):
                index = found.slice.operand if isinstance(found.slice, ast.UnaryOp) else found.slice
                number = whole_number(index)
                if number is not None:
                    least = number - 1 if index is not found.slice else number
                    yield "len(%s) > %d" % (place.text(found.value), least), 0.4, True
    for name, numbers in scope.numbers.items():
        # What sets the failing tests apart may be how large a number is.
        for number in numbers if plain(scope.of(name)) == {"int"} else ():
            for op in (">", "<", "!=", "=="):
                if number or op == "!=":
                    yield "%s %s %d" % (name, op, number), 0.06 if name in read or name in scope.parameters else 0.045, False
    for found in ast.walk(place.function or place.file.tree):
        if isinstance(found, (ast.Compare, ast.Call)) and found is not node and is_test_like(place, found):
            text = place.text(found)
            if text not in seen and len(text) < 60:
                seen.add(text)
                yield text, 0.2, False
    items = [name for name in scope.local if "[" in "".join(sorted(k[:1] for k in scope.of(name)))]
    scalars = [name for name in scope.local if plain(scope.of(name)) & {"int", "str", "tuple"}]
    for holder in items[:3]:
        for name in scalars[:4]:
            if name != holder and plain(scope.of(holder)) & {"list", "set", "dict", "tuple"}:
                inner = {kind[1:] for kind in scope.of(holder) if kind[:1] in "[{"}
                if inner & plain(scope.of(name)):
                    yield "%s not in %s" % (name, holder), 0.2, False
                    yield "%s in %s" % (name, holder), 0.15, False
    ints = [name for name in scope.local if plain(scope.of(name)) == {"int"}]
    for one in ints[:5]:
        for holder in [n for n in scope.local if plain(scope.of(n)) & {"list", "str", "tuple"}][:3]:
            yield "%s < len(%s)" % (one, holder), 0.2, True
        for two in ints[:5]:
            if one != two and (one in read or two in read):
                for op in ("<", "<="):
                    yield "%s %s %s" % (one, op, two), 0.06, False
                if one < two:
                    yield "%s != %s" % (one, two), 0.08, False


def is_test_like(place, node):
    return isinstance(node, ast.Compare) or plain(place.kinds(node)) == {"bool"}


def only_where(place, node):
    """A value that is computed only where a name that it is computed of is something, nothing else otherwise."""
    parent, field = place.file.above.get(node, (None, None))
    crashed = place.scope.raised & {"ValueError", "ZeroDivisionError", "IndexError", "TypeError", "AttributeError", "OverflowError"}
    if not crashed or field != "value" or not isinstance(parent, (ast.Assign, ast.Return)) or isinstance(node, (ast.Constant, ast.Name, ast.IfExp)):
        return
    empties = {"int": "0", "float": "0", "str": "''", "list": "[]", "dict": "{}", "none": "None"}
    kinds = plain(place.kinds(node)) or (plain(place.scope.own_results) if isinstance(parent, ast.Return) else set())
    if not kinds and isinstance(parent.targets[0] if isinstance(parent, ast.Assign) else None, ast.Name):
        kinds = plain(place.scope.of(parent.targets[0].id))
    text = place.text(node)
    read = dict.fromkeys(found.id for found in ast.walk(node) if isinstance(found, ast.Name) and place.is_local(found.id))
    for name in list(read)[:4]:
        for empty in dict.fromkeys(empties[kind] for kind in sorted(kinds or {"int", "none", "str"}) if kind in empties):
            yield place.put(node, "%s if %s else %s" % (text, name, empty), LOOSE, "guard", 0.25)


def chosen(place, node):
    body, other = place.file.span(node.body), place.file.span(node.orelse)
    yield place.edit([(*body, place.text(node.orelse)), (*other, place.text(node.body))], "logic", 0.4, "swaps what is given by %s" % place.text(node.test))
    yield place.put(node, place.text(node.body), LOOSE, "condition", 0.15, "always %s" % place.text(node.body))
    yield place.put(node, place.text(node.orelse), LOOSE, "condition", 0.15, "always %s" % place.text(node.orelse))


def comprehension(place, node):
    """Filters of comprehensions."""
    last = node.generators[-1]
    if last.ifs:
        start = place.file.span(last.iter)[1]
        end = place.file.span(last.ifs[-1])[1]
        tail = place.file.data[start:end]
        if b" if " in tail:
            at = start + tail.index(b" if ")
            yield place.edit([(at, end, "")], "condition", 0.2, "drops the condition %s" % place.text(last.ifs[-1]))
        return
    if isinstance(last.target, ast.Name):
        end = place.file.span(last.iter)[1]
        if place.file.in_brackets(last.iter):
            return
        name = last.target.id
        kinds = {kind[1:] for kind in place.kinds(last.iter) if kind[:1] == "["}
        tests = ["%s", "%s is not None"] if not kinds or "none" in kinds else ["%s"]
        tests += ["%s > 0", "%s >= 0", "%s % 2 == 0"] if not kinds or kinds & {"int", "float"} else []
        for test in tests:
            text = test.replace("%s", name)
            yield place.edit([(end, end, " if " + text)], "condition", 0.12, "leaves out where not %s" % text)
        for other in place.names(kinds, (name,))[:5]:
            if known_alike(kinds, place.scope.of(other)):
                for op in ("!=", "<", ">", "<=", ">=", "=="):
                    yield place.edit([(end, end, " if %s %s %s" % (name, op, other))], "condition", 0.08, "leaves out where not %s %s %s" % (name, op, other))
