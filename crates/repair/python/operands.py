"""Edits of numbers, texts and what is computed with them."""

import ast

from place import ADDED, ATOM, JOINED, LOOSE, level_of
from program import known_alike, plain

ARITHMETIC = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.LShift: "<<",
    ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.MatMult: "@",
}
OTHER_ARITHMETIC = {
    "+": (("-", 0.6), ("*", 0.3)), "-": (("+", 0.6), ("/", 0.1), ("%", 0.08), ("*", 0.08)),
    "*": (("+", 0.3), ("/", 0.3), ("**", 0.3), ("//", 0.2), ("-", 0.08)),
    "/": (("//", 0.6), ("*", 0.4), ("%", 0.15), ("-", 0.08)), "//": (("%", 0.5), ("/", 0.5), ("*", 0.15)),
    "%": (("//", 0.6), ("/", 0.2), ("*", 0.1)), "**": (("*", 0.5), ("//", 0.1)),
    "<<": ((">>", 0.6),), ">>": (("<<", 0.6),), "&": (("|", 0.6), ("^", 0.4), ("%", 0.15)),
    "|": (("&", 0.6), ("^", 0.4), ("+", 0.1)), "^": (("&", 0.6), ("|", 0.4), ("**", 0.4)), "@": (),
}
SETS = {"-": (("&", 0.4), ("|", 0.3), ("^", 0.2)), "&": (("|", 0.4), ("-", 0.4)), "|": (("&", 0.4), ("-", 0.3))}


def whole_number(node):
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    return None


def constant(place, node):
    value = node.value
    if isinstance(place.file.parent(node), (ast.JoinedStr, ast.FormattedValue)):
        return
    if isinstance(value, bool):
        yield place.put(node, str(not value), ATOM, "constant", 0.45)
        yield from truths(place, node)
    elif type(value) is int and not isinstance(place.file.parent(node), ast.UnaryOp):
        # A number that the function uses elsewhere, too, is seldom a slip of one.
        often = 0.6 if abs(value) > 2 and occurrences(place, value) > 1 else 0.5 if is_repeated(place, node) else 1.0
        for other, prior in ((value + 1, 0.45 * often), (value - 1, 0.45 * often), (0, 0.2), (1, 0.2), (-1, 0.12), (2, 0.08), (-value, 0.12), (value * 10, 0.06), (value // 10, 0.05)):
            if other != value:
                yield place.put(node, str(other), ATOM if other >= 0 else ADDED, "number", prior)
        for other in numbers_of(place):
            if abs(other - value) > 1 and other not in (0, 1):
                yield place.put(node, str(other), ATOM if other >= 0 else ADDED, "number", 0.15)
        for name in place.names({"int"})[:6]:
            yield place.put(node, name, ATOM, "name", 0.15)
    elif type(value) is float:
        for other, prior in ((int(value) if value == int(value) else value, 0.1), (1 - value, 0.15), (value * 10, 0.15), (value / 10, 0.15), (value * 100, 0.1), (value / 100, 0.1), (-value, 0.1)):
            if other != value and abs(other) < 1e15:
                yield place.put(node, repr(round(other, 12)), ATOM if other >= 0 else ADDED, "number", prior)
        for name in place.names({"float"})[:4]:
            yield place.put(node, name, ATOM, "name", 0.12)
    elif isinstance(value, str) and not isinstance(place.statement, ast.Expr):
        yield from strings(place, node)
    elif value is None:
        for name in place.names(set())[:8]:
            yield place.put(node, name, ATOM, "name", 0.12)
        for text, prior in (("[]", 0.1), ("0", 0.1), ("{}", 0.06), ("''", 0.06), ("True", 0.05), ("False", 0.08)):
            yield place.put(node, text, ATOM, "constant", prior)


def truths(place, node):
    """A truth value of the objects in reach in place of one that is always the same."""
    for holder in place.scope.local:
        for kind in sorted(plain(place.scope.of(holder))):
            for field, found in sorted(place.scope.fields.get(kind, {}).items()):
                if plain(found) == {"bool"}:
                    yield place.put(node, "%s.%s" % (holder, field), ATOM, "attribute", 0.3)


def strings(place, node):
    value = node.value
    others = {}
    for found in ast.walk(place.file.tree):
        if isinstance(found, ast.Constant) and isinstance(found.value, str) and len(found.value) < 40:
            if not isinstance(place.file.parent(found), (ast.JoinedStr, ast.Expr)):
                others.setdefault(found.value, place.text(found))
    near = sorted(others, key=lambda other: (abs(len(other) - len(value)) > 3, other))
    index = isinstance(place.file.parent(node), ast.Subscript)
    for other in near[:14]:
        if other != value:
            yield place.put(node, others[other], ATOM, "constant", 0.25 if index else 0.15)
    quote = place.text(node)[:1] if place.text(node)[:1] in "'\"" else "'"
    made = ["", " "] if len(value) <= 2 else []
    made += [value + " ", value.strip(), value.lower(), value.upper(), " " + value] if value else ["\\n", ",", ", "]
    for other in dict.fromkeys(made):
        if other != value and quote not in other and "\n" not in other and "\\" not in value:
            yield place.put(node, quote + other + quote, ATOM, "constant", 0.08)


def is_repeated(place, node):
    """Whether the sum that holds a number stands in the function a second time: both would be changed."""
    whole = place.file.parent(node)
    if not isinstance(whole, ast.BinOp) or place.function is None:
        return False
    text = ast.dump(whole)
    return sum(isinstance(found, ast.BinOp) and ast.dump(found) == text for found in ast.walk(place.function)) > 1


def occurrences(place, value):
    nodes = ast.walk(place.function) if place.function is not None else ()
    return sum(whole_number(node) == value for node in nodes)


def numbers_of(place):
    """Whole numbers of the function, then of the file."""
    found = {}
    for tree in (place.function, place.file.tree):
        for node in ast.walk(tree) if tree is not None else ():
            number = whole_number(node)
            if number is not None:
                found.setdefault(number)
    return list(found)[:8]


def arithmetic(place, node):
    text = ARITHMETIC[type(node.op)]
    left, right = place.kinds(node.left), place.kinds(node.right)
    numeric = known_alike(left, {"int", "float"}) and known_alike(right, {"int", "float"})
    unknown = not plain(left) or not plain(right)
    if numeric or unknown:
        for other, prior in OTHER_ARITHMETIC[text]:
            yield place.between(node.left, node.right, other, "operator", prior * (1 if numeric else 0.6), "%s instead of %s" % (other, text))
    if plain(left) & {"set"}:
        for other, prior in SETS.get(text, ()):
            yield place.between(node.left, node.right, other, "operator", prior, "%s instead of %s" % (other, text))
    one, two = place.text(node.left), place.text(node.right)
    offset = whole_number(node.right) == 1
    yield place.put(node, one, level_of(node.left), "offset" if offset else "operand", 0.5 if offset else 0.25, "drops the %s %s" % (text, two))
    if text != "-":
        yield place.put(node, two, level_of(node.right), "operand", 0.25, "drops the %s %s" % (one, text))
    if text in ("-", "/", "//", "%", "**") or (text == "+" and not numeric):
        swapped = "%s %s %s" % (place.bracketed(node.right), text, place.bracketed(node.left))
        yield place.put(node, swapped, ADDED, "operand", 0.3, "swaps %s and %s" % (one, two))
    for side, other, on_left in ((node.left, node.right, True), (node.right, node.left, False)):
        if isinstance(side, ast.BinOp) and numeric and not place.file.in_brackets(side):
            # a + b / c for (a + b) / c, and the other way around.
            inner = ARITHMETIC[type(side.op)]
            a, b, c = (side.left, side.right, other) if on_left else (other, side.left, side.right)
            first, second = (inner, text) if on_left else (text, inner)
            made = "%s %s (%s %s %s)" if on_left else "(%s %s %s) %s %s"
            made = made % (place.bracketed(a), first, place.text(b), second, place.text(c))
            yield place.put(node, made, ADDED, "operator", 0.25, "computes in another order: %s" % made)
        elif isinstance(side, ast.BinOp) and numeric and place.file.in_brackets(side):
            inner = ARITHMETIC[type(side.op)]
            made = "%s %s %s %s %s" % ((place.bracketed(side.left), inner, place.bracketed(side.right), text, place.bracketed(other)) if on_left else (place.bracketed(other), text, place.bracketed(side.left), inner, place.bracketed(side.right)))
            yield place.put(node, made, ADDED, "operator", 0.2, "computes in another order: %s" % made)
    if text in ("/", "//", "%") and numeric and not isinstance(node.right, ast.Constant):
        # Nothing where there is nothing to divide by.
        prior = 0.4 if "ZeroDivisionError" in place.scope.raised else 0.05
        for empty, weight in (("0", 1.0), ("0.0", 0.4), ("None", 0.4), ("1", 0.2)):
            made = "%s if %s else %s" % (place.text(node), two, empty)
            yield place.put(node, made, LOOSE, "guard", prior * weight, "%s where there is no %s" % (empty, two))
    if text == "%" and (numeric or unknown) and not plain(left) & {"str"} and not isinstance(node.left, (ast.Constant, ast.JoinedStr)):
        # A remainder that counts from one: the whole in place of nothing.
        yield place.put(node, "%s or %s" % (place.text(node), two), JOINED, "operator", 0.2, "%s where nothing remains" % two)
        yield place.put(node, "(%s - 1) %% %s + 1" % (place.bracketed(node.left), place.bracketed(node.right)), ADDED, "operator", 0.15, "counts from one to %s" % two)
    if text == "*" and isinstance(node.left, ast.List) and len(node.left.elts) == 1 and "list" in place.kinds(node.left.elts[0]):
        # One list many times is one list.
        made = "[%s for _ in range(%s)]" % (place.text(node.left.elts[0]), two)
        yield place.put(node, made, ATOM, "copy", 0.7, "makes each %s anew" % place.text(node.left.elts[0]))
    if text in ("+", "-") and numeric and plain(left | right) == {"int"}:
        yield from remainders(place, node)
    if text == "//" and numeric:
        a, b = place.bracketed(node.left), place.bracketed(node.right)
        yield place.put(node, "-(-%s // %s)" % (a, b), ADDED, "operator", 0.25, "rounds up")
        yield place.put(node, "(%s + 1) // %s" % (one, b), ADDED, "offset", 0.12)


def remainders(place, node):
    """A sum or difference that begins anew where something ends."""
    made = "(" + place.text(node) + ") % "
    for name in place.names({"int"})[:4]:
        if place.scope.of(name):
            yield place.put(node, made + name, ADDED, "operand", 0.12)
    for name in place.names({"list", "str", "tuple"})[:3]:
        if plain(place.scope.of(name)) & {"list", "str", "tuple"}:
            yield place.put(node, made + "len(%s)" % name, ADDED, "operand", 0.12)
    for number in numbers_of(place):
        if number > 2:
            yield place.put(node, made + str(number), ADDED, "operand", 0.08)


def augmented(place):
    node = place.statement
    text = ARITHMETIC[type(node.op)]
    numeric = known_alike(place.kinds(node.target), {"int", "float"})
    others = OTHER_ARITHMETIC[text] if numeric or not plain(place.kinds(node.target)) else SETS.get(text, ())
    for other, prior in others:
        yield place.between(node.target, node.value, other + "=", "operator", prior, "%s= instead of %s=" % (other, text))
    yield place.between(node.target, node.value, "=", "operator", 0.3, "= instead of %s=" % text)
    if text == "+" and plain(place.kinds(node.target)) & {"str", "list"}:
        target = place.text(node.target)
        start, end = place.file.span(node)
        yield place.edit([(start, end, "%s = %s + %s" % (target, place.bracketed(node.value), target))], "operand", 0.25, "adds in front of %s" % target)


def offsets(place, node):
    """One more or one less where a whole number is used."""
    kinds = plain(place.kinds(node))
    counts = not kinds and isinstance(node, ast.Call) and place.text(node.func) in ("max", "min", "sum", "len")
    if not (counts or kinds and kinds <= {"int"}) or isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        return
    parent, field = place.file.above.get(node, (None, None))
    if isinstance(parent, ast.BinOp) and whole_number(parent.right) == 1 and parent.left is node:
        return
    near = isinstance(parent, (ast.Subscript, ast.Slice)) or isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name)
    prior = 0.45 if near else 0.3 if isinstance(parent, (ast.Return, ast.Call, ast.IfExp)) else 0.18
    if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp)):
        if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)):
            return
        text = place.text(node)
        for sign in ("-", "+"):
            yield place.put(node, "%s %s 1" % (text, sign), ADDED, "offset", prior)


def missing_operand(place, node):
    """A number with one more operand: a part of a sum, or an operation, that the function has elsewhere."""
    kinds = plain(place.kinds(node))
    parent, field = place.file.above.get(node, (None, None))
    if place.function is None or isinstance(parent, (ast.Attribute, ast.keyword)) or field in ("func", "target", "targets"):
        return
    if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)) or not isinstance(node, (ast.Name, ast.Call, ast.Subscript, ast.BinOp, ast.Attribute)):
        return
    if not kinds or not kinds <= {"int", "float"} or isinstance(parent, ast.BinOp) and isinstance(node, ast.BinOp) and not place.file.in_brackets(node):
        return
    text = place.text(node)
    sums, others = {}, {("&", "1"): None, ("%", "2"): None}
    for found in ast.walk(place.function):
        if isinstance(found, ast.BinOp) and found is not node and isinstance(found.op, (ast.Add, ast.Sub)):
            for side in (found.left, found.right):
                if isinstance(side, (ast.Name, ast.Call, ast.Subscript, ast.Attribute)) and plain(place.kinds(side)) <= {"int", "float"}:
                    sums[place.text(side)] = None
        elif isinstance(found, (ast.BinOp, ast.AugAssign)) and isinstance(found.op, (ast.Mod, ast.BitAnd, ast.FloorDiv, ast.Mult, ast.Div)):
            side = found.right if isinstance(found, ast.BinOp) else found.value
            if isinstance(side, (ast.Name, ast.Call, ast.Constant, ast.Attribute)) and plain(place.kinds(side)) <= {"int", "float"}:
                others[(ARITHMETIC[type(found.op)], place.text(side))] = None
        elif isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id == "len" and len(found.args) == 1:
            sums[place.text(found)] = None
    known = {place.text(found) for found in ast.walk(node) if isinstance(found, ast.expr)}
    for other in [other for other in sums if other not in known and "\n" not in other][:6]:
        prior = 0.2 if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) else 0.08
        for sign in ("-", "+"):
            yield place.put(node, "%s %s %s" % (text, sign, other), ADDED, "term", prior)
    if kinds == {"int"} or not any(operator in ("&", "%") for operator, _ in others):
        for operator, other in list(others)[:6]:
            if other not in known and not (isinstance(node, ast.BinOp) and ARITHMETIC[type(node.op)] == operator):
                made = "%s %s %s" % (place.bracketed(node), operator, other)
                yield place.put(node, "(" + made + ")" if isinstance(parent, ast.BinOp) else made, ATOM if isinstance(parent, ast.BinOp) else ADDED, "term", 0.1)


def shifted(place, node):
    """A number made smaller or larger by another one in reach, in the argument of a call, an index or a result."""
    kinds = plain(place.kinds(node))
    parent, field = place.file.above.get(node, (None, None))
    if not kinds or not kinds <= {"int", "float"} or field not in ("args", "slice", "value", "right", "left", "lower", "upper", "elts", "comparators"):
        return
    if not isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)) or isinstance(node.ctx, (ast.Store, ast.Del)):
        return
    if isinstance(parent, (ast.Attribute, ast.AugAssign)):
        return
    text = place.text(node)
    for name in place.names({"int", "float"}, (text,))[:5]:
        if plain(place.scope.of(name)) <= {"int", "float"}:
            for sign, prior in (("-", 0.2), ("+", 0.15), ("*", 0.1)):
                yield place.put(node, "%s %s %s" % (text, sign, name), ADDED, "operand", prior)
    for made, prior in (("%s ** 2", 0.1), ("%s * 2", 0.1), ("%s // 2", 0.1), ("-%s", 0.12), ("%s * %s", 0.1)):
        yield place.put(node, made.replace("%s", text), ADDED, "operand", prior)
