"""Edits of what is taken of a collection, and of what a list holds."""

import ast

from operands import whole_number
from place import ADDED, ATOM, LOOSE, level_of
from program import index_of, known_alike, plain


def subscript(place, node):
    index = index_of(node)
    holder = place.text(node.value)
    if isinstance(index, ast.Slice):
        yield from sliced(place, node, index, holder)
        return
    if isinstance(node.ctx, ast.Del):
        return
    kinds = place.kinds(node.value)
    if whole_number(index) == 0:
        yield place.put(index, "-1", ADDED, "index", 0.45)
    if isinstance(node.value, ast.Subscript) and not isinstance(index_of(node.value), ast.Slice):
        inner = index_of(node.value)
        if known_alike(place.kinds(index), place.kinds(inner)) and place.text(index) != place.text(inner):
            swapped = [(*place.file.span(inner), place.text(index)), (*place.file.span(index), place.text(inner))]
            yield place.edit(swapped, "index", 0.4, "swaps the indices %s and %s" % (place.text(inner), place.text(index)))
    if isinstance(index, ast.UnaryOp) and whole_number(index.operand) == 1:
        yield place.put(index, "0", ADDED, "index", 0.4)
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        one, two = map(place.text, index.elts)
        a, b = map(place.file.span, index.elts)
        yield place.edit([(*a, two), (*b, one)], "index", 0.4, "swaps %s and %s" % (one, two))
    if "dict" in kinds and isinstance(node.ctx, ast.Load):
        for value, prior in (("0", 0.2), ("[]", 0.1), ("None", 0.08), ("''", 0.08), ("1", 0.05)):
            yield place.put(node, "%s.get(%s, %s)" % (holder, place.text(index), value), ATOM, "default", prior)
    if isinstance(node.ctx, ast.Load):
        yield place.put(node, place.text(index), LOOSE, "index", 0.1, "%s itself, not what it leads to" % place.text(index))
        yield place.put(node, holder, ATOM, "index", 0.1, "the whole %s" % holder)
        if plain(kinds) & {"list", "str", "tuple"} and plain(place.kinds(index)) <= {"int"}:
            text = place.text(index)
            if not isinstance(index, ast.UnaryOp):
                yield place.put(index, "-" + (text if level_of(index) == ATOM else "(%s)" % text), ADDED, "index", 0.1)
                yield place.put(index, "-%s - 1" % (text if level_of(index) == ATOM else "(%s)" % text), ADDED, "index", 0.15)
            yield place.put(index, "%s:" % text, ADDED, "slice", 0.15)
            yield place.put(index, ":%s" % text, ADDED, "slice", 0.12)


def sliced(place, node, index, holder):
    lower = place.text(index.lower) if index.lower else ""
    upper = place.text(index.upper) if index.upper else ""
    step = place.text(index.step) if index.step else ""

    def made(lower, upper, prior, step=step):
        text = "%s:%s" % (lower, upper) + (":" + step if step else "")
        start = place.file.span(node.value)[1]
        end = place.file.span(node)[1]
        start = place.file.data.index(b"[", start) + 1
        new = holder + "[" + text + "]"
        return place.edit([(start, end - 1, text)], "slice", prior, "%s instead of %s" % (new, place.text(node)))

    more = lambda text: text + " + 1"
    less = lambda text: text + " - 1"
    if lower:
        yield made("", upper, 0.25)
        if whole_number(index.lower) is None:
            yield made(more(lower), upper, 0.4)
            yield made(less(lower), upper, 0.3)
        yield made("", lower, 0.25) if not upper else made(upper, lower, 0.15)
        if not upper:
            yield made("-" + lower if level_of(index.lower) == ATOM else "-(%s)" % lower, "", 0.25)
    else:
        yield made("1", upper, 0.3)
        for name in place.names({"int"})[:4]:
            yield made(name, upper, 0.15)
    if upper:
        yield made(lower, "", 0.25)
        if whole_number(index.upper) is None:
            yield made(lower, more(upper), 0.4)
            yield made(lower, less(upper), 0.3)
        if not lower:
            yield made(upper, "", 0.25)
            yield made("", "-" + upper if level_of(index.upper) == ATOM else "-(%s)" % upper, 0.2)
        if lower and plain(place.kinds(index.upper)) == {"int"} and plain(place.kinds(index.lower)) == {"int"}:
            # A length in the place of an end.
            yield made(lower, "%s + %s" % (lower, upper), 0.25)
    else:
        yield made(lower, "-1", 0.3)
        for name in place.names({"int"})[:4]:
            yield made(lower, name, 0.15)
    if not step:
        yield made(lower, upper, 0.12, "-1")
        yield made(lower, upper, 0.06, "2")
    else:
        yield made(lower, upper, 0.3, "")
        yield made(lower, upper, 0.2, "-" + step if not step.startswith("-") else step[1:])
    if isinstance(node.ctx, ast.Load):
        yield place.put(node, holder, ATOM, "slice", 0.2, "the whole %s" % holder)


def slicing(place, node):
    """A part of a sequence where the whole is used."""
    kinds = plain(place.kinds(node))
    parent, field = place.file.above.get(node, (None, None))
    if not kinds & {"list", "str", "tuple"} or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(parent, (ast.Attribute, ast.Starred)) or isinstance(parent, ast.Subscript) and field == "value":
        return
    text = place.text(node)
    prior = 0.25 if field in ("args", "iter") else 0.15
    for part, weight in (("[1:]", 1), ("[:-1]", 0.8), ("[::-1]", 0.7)):
        yield place.put(node, text + part, ATOM, "slice", prior * weight)
    for name in place.names({"int"}, (text,))[:4]:
        if plain(place.scope.of(name)) == {"int"}:
            yield place.put(node, "%s[%s:]" % (text, name), ATOM, "slice", prior * 0.7)
            yield place.put(node, "%s[:%s]" % (text, name), ATOM, "slice", prior * 0.7)
            yield place.put(node, "%s[%s]" % (text, name), ATOM, "index", 0.1)
    for number in ("0", "-1", "1"):
        yield place.put(node, "%s[%s]" % (text, number), ATOM, "index", 0.12)


def listed(place, node):
    """What an empty list or a list of one should hold."""
    if isinstance(node.ctx, ast.Store):
        return
    if not node.elts:
        for name in place.names(set())[:8]:
            yield place.put(node, "[%s]" % name, ATOM, "constant", 0.25)
        for text, prior in (("[[]]", 0.3), ("[0]", 0.15), ("[1]", 0.12), ("None", 0.1), ("['']", 0.06), ("{}", 0.06), ("set()", 0.06)):
            yield place.put(node, text, ATOM, "constant", prior)
    if len(node.elts) == 1:
        yield place.put(node, "[]", ATOM, "constant", 0.15)
        yield place.put(node, place.text(node.elts[0]), LOOSE, "constant", 0.15)
