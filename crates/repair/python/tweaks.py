"""Single edits of the expressions of one statement: each yields candidates with a prior of how often such a slip is the defect."""

import ast

from place import ADDED, ATOM, COMPARED, JOINED, LOOSE, Candidate, level_of
from program import LOOPS, NUMBERS, alike, index_of, infer, known_alike, plain

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
ARITHMETIC = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.LShift: "<<",
    ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.MatMult: "@",
}
OTHER_ARITHMETIC = {
    "+": (("-", 0.6), ("*", 0.3)), "-": (("+", 0.6), ("/", 0.1), ("%", 0.08), ("*", 0.08)),
    "*": (("+", 0.3), ("/", 0.3), ("**", 0.3), ("//", 0.2), ("-", 0.08)),
    "/": (("//", 0.6), ("*", 0.4), ("%", 0.15), ("-", 0.08)), "//": (("%", 0.5), ("/", 0.5), ("*", 0.15)),
    "%": (("//", 0.6), ("/", 0.2), ("*", 0.1)), "**": (("*", 0.5), ("//", 0.1)),
    "<<": ((">>", 0.6),), ">>": (("<<", 0.6),), "&": (("|", 0.6), ("^", 0.4)), "|": (("&", 0.6), ("^", 0.4)),
    "^": (("&", 0.6), ("|", 0.4)), "@": (),
}
SETS = {"-": (("&", 0.4), ("|", 0.3), ("^", 0.2)), "&": (("|", 0.4), ("-", 0.4)), "|": (("&", 0.4), ("-", 0.3))}
FUNCTIONS_LIKE = (
    ("any", "all"), ("min", "max"), ("int", "round", "float"), ("list", "tuple", "set", "sorted"), ("sorted", "reversed", "list", "set"),
    ("sum", "len", "max"), ("str", "repr"), ("abs", "int"), ("floor", "ceil"), ("range", "enumerate"), ("filter", "map"),
    ("math.floor", "math.ceil", "round"), ("zip", "enumerate"), ("ord", "int"), ("chr", "str"), ("isinstance", "issubclass"),
    ("append", "extend", "appendleft", "insert"), ("append", "add"), ("add", "update", "discard"), ("pop", "popleft"),
    ("startswith", "endswith"), ("lower", "upper", "casefold", "title", "capitalize"), ("strip", "lstrip", "rstrip"),
    ("find", "rfind", "index"), ("split", "rsplit", "splitlines"), ("split", "partition"), ("partition", "rpartition"), ("keys", "values", "items"),
    ("union", "intersection", "difference", "symmetric_difference"), ("get", "setdefault", "pop"), ("ljust", "rjust", "center"),
    ("remove", "discard", "pop"), ("isdigit", "isalpha", "isalnum", "isspace"), ("isupper", "islower"), ("issubset", "issuperset"),
    ("heappush", "heappop", "heappushpop"), ("nlargest", "nsmallest"), ("bisect_left", "bisect_right", "bisect"), ("insort_left", "insort_right"),
    ("most_common", "items"), ("difference_update", "intersection_update", "update"), ("prefix", "suffix"), ("product", "permutations", "combinations"),
    ("deepcopy", "copy"), ("total_seconds", "seconds"), ("days", "seconds"), ("extend", "extendleft"),
)


def candidates(place):
    """All single edits of a statement's own expressions."""
    for node in place.nodes:
        for kind, generators in GENERATORS:
            if isinstance(node, kind):
                for generate in generators:
                    for candidate in generate(place, node):
                        if candidate is not None:
                            yield candidate
    if isinstance(place.statement, ast.AugAssign):
        yield from augmented(place)


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


def whole_number(node):
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    return None


def logic(place, node):
    joined = "and" if isinstance(node.op, ast.And) else "or"
    other = "or" if joined == "and" else "and"
    edits = []
    for before, after in zip(node.values, node.values[1:]):
        found = place.between(before, after, other, "logic", 0.6, "joins the conditions with %s" % other)
        edits += found.edits if found else []
    if edits:
        yield Candidate(place, edits, "logic", 0.6, "joins the conditions with %s instead of %s" % (other, joined))
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
        if "bool" in kinds:
            yield name, 0.3 * near, False
            yield "not " + name, 0.3 * near, False
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


def constant(place, node):
    value = node.value
    if isinstance(place.file.parent(node), (ast.JoinedStr, ast.FormattedValue)):
        return
    if isinstance(value, bool):
        yield place.put(node, str(not value), ATOM, "constant", 0.45)
    elif type(value) is int and not isinstance(place.file.parent(node), ast.UnaryOp):
        for other, prior in ((value + 1, 0.45), (value - 1, 0.45), (0, 0.2), (1, 0.2), (-1, 0.12), (2, 0.08), (-value, 0.12), (value * 10, 0.06), (value // 10, 0.05)):
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
    if text == "//" and numeric:
        a, b = place.bracketed(node.left), place.bracketed(node.right)
        yield place.put(node, "-(-%s // %s)" % (a, b), ADDED, "operator", 0.25, "rounds up")
        yield place.put(node, "(%s + 1) // %s" % (one, b), ADDED, "offset", 0.12)


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
    if not (plain(place.kinds(node)) <= {"int"} and plain(place.kinds(node))) or isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        return
    parent, field = place.file.above.get(node, (None, None))
    if isinstance(parent, ast.BinOp) and whole_number(parent.right) == 1 and parent.left is node:
        return
    near = isinstance(parent, (ast.Subscript, ast.Slice)) or isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name)
    prior = 0.45 if near else 0.3 if isinstance(parent, (ast.Return, ast.Call)) else 0.18
    if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp)):
        if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)):
            return
        text = place.text(node)
        for sign in ("-", "+"):
            yield place.put(node, "%s %s 1" % (text, sign), ADDED, "offset", prior)


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


def name(place, node):
    """Another name that can stand where a name stands."""
    if isinstance(node.ctx, ast.Del):
        return
    parent, field = place.file.above.get(node, (None, None))
    called = isinstance(parent, ast.Call) and field == "func"
    if called:
        return
    kinds = place.kinds(node)
    if "function" in kinds and node.id not in place.scope.local:
        return
    stored = isinstance(node.ctx, ast.Store)
    prior = 0.4 if isinstance(parent, (ast.Call, ast.Subscript, ast.Tuple)) else 0.3
    count = 0
    for other in place.names(kinds, (node.id,)):
        if stored and not place.is_local(other):
            continue
        exact = bool(plain(kinds) and plain(place.scope.of(other)))
        weight = 2.0 if other in place.scope.unread else 1.0 if exact else 0.4
        yield place.put(node, other, ATOM, "name", (prior * 0.6 if stored else prior) * weight * (1 if place.is_local(other) else 0.6))
        count += 1
        if count >= 10:
            break
    if stored:
        return
    for other in place.scope.local:
        # The name that stands there may be wrong by its kind, too.
        if other != node.id and not alike(kinds, place.scope.of(other)) and "function" not in place.scope.of(other):
            yield place.put(node, other, ATOM, "name", prior * (1.5 if other in place.scope.unread else 0.3))
    owner = place.file.up(place.statement, ast.ClassDef)
    if owner is not None and node.id not in ("self", "cls"):
        if node.id in place.scope.fields.get(owner.name, {}):
            yield place.put(node, "self." + node.id, ATOM, "name", 0.4)


def attribute(place, node):
    holder = [kind for kind in place.kinds(node.value) if kind in place.scope.fields]
    owner = place.file.up(place.statement, ast.ClassDef)
    if isinstance(node.value, ast.Name) and node.value.id == "self" and owner is not None:
        holder.append(owner.name)
    kinds = place.kinds(node)
    parent, field = place.file.above.get(node, (None, None))
    called = isinstance(parent, ast.Call) and field == "func"
    others = {}
    for kind in holder:
        for other, found in place.scope.fields.get(kind, {}).items():
            others.setdefault(other, set()).update(found)
    if not others:
        for found in ast.walk(place.file.tree):
            if isinstance(found, ast.Attribute) and not isinstance(place.file.parent(found), ast.Call):
                if place.text(found.value) == place.text(node.value):
                    others.setdefault(found.attr, set())
    if called:
        for other in method_names(place, node):
            yield renamed(place, node, other, 0.2)
    else:
        for other, found in list(others.items())[:12]:
            if other != node.attr and alike(kinds, found):
                yield renamed(place, node, other, 0.35)
    if isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in place.scope.local:
        yield place.put(node, node.attr, ATOM, "name", 0.3)
    if not called and isinstance(node.ctx, ast.Load):
        yield place.put(node, place.text(node.value), ATOM, "attribute", 0.06)


def deeper(place, node):
    """A part of an object where the object itself is used."""
    parent, field = place.file.above.get(node, (None, None))
    if not isinstance(node.ctx, ast.Load) or isinstance(parent, ast.Attribute) and isinstance(place.file.parent(parent), ast.Call):
        return
    text, kinds = place.text(node), place.kinds(node)
    if text in ("self", "cls"):
        return
    for kind in sorted(plain(kinds)):
        for field, found in list(place.scope.fields.get(kind, {}).items())[:8]:
            yield place.put(node, "%s.%s" % (text, field), ATOM, "attribute", 0.2 if alike(kinds, found) else 0.1)


def method_names(place, node):
    """Other methods of the same file that are called with as many arguments."""
    call = place.file.parent(node)
    owner = place.file.up(place.statement, ast.ClassDef)
    found = []
    for other in ast.walk(owner or place.file.tree):
        if isinstance(other, ast.FunctionDef) and isinstance(place.file.parent(other), ast.ClassDef):
            wanted = len(other.args.args) - 1
            if other.name != node.attr and wanted - len(other.args.defaults) <= len(call.args) <= wanted and not other.name.startswith("__"):
                found.append(other.name)
    return found[:8]


def renamed(place, node, other, prior):
    end = place.file.span(node)[1]
    return place.edit([(end - len(node.attr.encode()), end, other)], "attribute", prior, "%s instead of %s" % (other, node.attr))


def call(place, node):
    args = [arg for arg in node.args]
    function = place.text(node.func)
    short = function.rsplit(".", 1)[-1]
    for like in FUNCTIONS_LIKE:
        if function in like or ("." in function and short in like):
            word = function if function in like else short
            for other in like:
                if other != word:
                    end = place.file.span(node.func)[1]
                    yield place.edit([(end - len(word.encode()), end, other)], "call", 0.4, "%s instead of %s" % (other, word))
    if isinstance(node.func, ast.Name):
        for other, what in place.scope.module.items():
            if isinstance(what, ast.FunctionDef) and other != function:
                wanted = len(what.args.args)
                if wanted - len(what.args.defaults) <= len(args) <= wanted and not node.keywords:
                    yield place.put(node.func, other, ATOM, "call", 0.2)
    plainly = [arg for arg in args if not isinstance(arg, ast.Starred)]
    for number, one in enumerate(plainly):
        for two in plainly[number + 1 : number + 3]:
            a, b = place.file.span(one), place.file.span(two)
            kinds = place.kinds(one), place.kinds(two)
            prior = 0.45 if alike(*kinds) else 0.2
            yield place.edit([(*a, place.text(two)), (*b, place.text(one))], "argument", prior, "swaps %s and %s" % (place.text(one), place.text(two)))
    for arg in args:
        if not isinstance(arg, ast.Starred) and not isinstance(place.statement, ast.Raise):
            similar = known_alike(place.kinds(node), place.kinds(arg)) or short in ("sorted", "list", "set", "reversed", "abs", "int", "str", "round", "tuple")
            yield place.put(node, place.text(arg), max(level_of(arg), ADDED), "call", 0.3 if similar else 0.15, "%s alone, without %s" % (place.text(arg), function))
    if isinstance(node.func, ast.Attribute) and short not in ("append", "add", "extend", "update"):
        yield place.put(node, place.text(node.func.value), ATOM, "call", 0.12, "without %s" % short)
    for number, arg in enumerate(args):
        if len(args) > 1:
            yield dropped(place, node, args, number, 0.15)
    yield from extra(place, node, args, function, short)


def dropped(place, node, args, number, prior):
    if number + 1 < len(args):
        start, end = place.file.span(args[number])[0], place.file.span(args[number + 1])[0]
    else:
        start, end = place.file.span(args[number - 1])[1], place.file.span(args[number])[1]
    return place.edit([(start, end, "")], "argument", prior, "drops the argument %s" % place.text(args[number]))


def extra(place, node, args, function, short):
    """Arguments that a call may lack."""
    end = place.file.span(node)[1] - 1
    if args and isinstance(args[-1], ast.GeneratorExp) and len(args) == 1:
        return
    comma = ", " if args or node.keywords else ""
    before = place.file.data[:end].rstrip()
    if before.endswith(b","):
        return

    def add(text, prior):
        return place.edit([(end, end, comma + text)], "argument", prior, "also gives %s" % text)

    given = {keyword.arg for keyword in node.keywords}
    known = place.scope.module.get(function)
    if isinstance(known, ast.FunctionDef):
        wanted = known.args.args[len(args) :]
        for number, parameter in enumerate(wanted[:2]):
            if parameter.arg in given:
                continue
            for name in place.names(set())[:10]:
                same = name == parameter.arg
                text = name if number == 0 and not node.keywords else "%s=%s" % (parameter.arg, name)
                yield add(text, 0.5 if same else 0.1)
    if short in ("sorted", "sort"):
        if "reverse" not in given:
            yield add("reverse=True", 0.35)
        if "key" not in given:
            for key in ("key=len", "key=lambda item: item[0]", "key=lambda item: item[1]", "key=lambda item: item[-1]", "key=str", "key=str.lower", "key=abs"):
                yield add(key, 0.12)
    if short in ("min", "max") and "default" not in given and len(args) == 1:
        for value in ("0", "None"):
            yield add("default=" + value, 0.15)
    if short in ("min", "max") and "key" not in given and len(args) == 1:
        yield add("key=len", 0.1)
    if function == "range" and len(args) == 1:
        start = place.file.span(args[0])[0]
        for first, prior in (("1", 0.3), ("2", 0.1), *((name, 0.12) for name in place.names({"int"})[:4])):
            yield place.edit([(start, start, first + ", ")], "loop", prior, "begins with %s" % first)
    if function == "range" and len(args) == 2:
        yield add("-1", 0.15)
        yield add("2", 0.08)
        for name in place.names({"int"})[:4]:
            yield add(name, 0.1)
    if function == "enumerate" and len(args) == 1 and not node.keywords:
        yield add("1", 0.3)
    if short == "pop" and not args:
        yield add("0", 0.4)
        yield add("-1", 0.05)
    if short == "get" and len(args) == 1:
        for value in ("0", "''", "[]", "{}", "False", "1"):
            yield add(value, 0.15)
    if short in ("split", "rsplit") and not args:
        for value in ("','", "' '", "'\\n'"):
            yield add(value, 0.15)
    if short in ("split", "rsplit") and len(args) == 1:
        yield add("1", 0.25)
    if short == "round" and len(args) == 1:
        yield add("2", 0.2)
    if short == "replace" and len(args) == 2:
        yield add("1", 0.15)
    if short in ("find", "index") and len(args) == 1:
        for name in place.names({"int"})[:4]:
            yield add(name, 0.15)
    if function == "sum" and len(args) == 1:
        yield add("[]", 0.05)
    if short in ("fromkeys", "setdefault", "getattr", "next", "strip") and len(args) <= 2:
        for value in ("0", "None", "[]"):
            yield add(value, 0.1)


def keywords(place, node):
    for keyword in node.keywords:
        if keyword.arg and len(node.args) + len(node.keywords) > 1:
            start, end = place.file.span(keyword.value)
            first = place.file.data.rindex(keyword.arg.encode(), 0, start)
            comma = place.file.data.rfind(b",", 0, first)
            if comma > place.file.span(node.func)[1]:
                yield place.edit([(comma, end, "")], "argument", 0.25, "drops the argument %s" % keyword.arg)


def wrapped(place, node):
    """An expression put into a call, where the result can stand in its place."""
    parent, field = place.file.above.get(node, (None, None))
    if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)) or field in ("func", "targets", "target"):
        return
    if not isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.ListComp)):
        return
    if isinstance(parent, ast.Attribute) or isinstance(parent, ast.Starred):
        return
    kinds, text = plain(place.kinds(node)), place.text(node)
    short = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""

    def wrap(made, prior, family="wrapping"):
        return place.put(node, made % text, ATOM, family, prior)

    if kinds & {"int", "float"} and kinds <= {"int", "float", "none"}:
        result = isinstance(parent, (ast.Assign, ast.Return, ast.AugAssign))
        for function in ("max", "min"):
            if short != function:
                yield wrap(function + "(%s, 0)" if function == "max" else "min(%s, 0)", 0.12 if function == "max" else 0.04)
                others = targets(place) if result else []
                others += [name for name in place.names({"int", "float"}, (text,))[:5] if name not in others]
                for other in others:
                    prior = (0.3 if grows(place, other) else 0.1) if other in targets(place) and result else 0.08
                    if other != text:
                        yield wrap("%s(%s, %%s)" % (function, other), prior)
        if short != "abs":
            yield wrap("abs(%s)", 0.2 if isinstance(node, ast.BinOp) else 0.1)
        if short not in ("int", "round"):
            yield wrap("int(%s)", 0.1 if "float" in kinds else 0.02)
            yield wrap("round(%s)", 0.1 if "float" in kinds else 0.01)
        yield wrap("str(%s)", 0.06)
        yield wrap("float(%s)", 0.02)
    if kinds & {"list", "tuple", "set", "iterator", "range", "dict"}:
        iterated = field == "iter"
        for function, prior in (("sorted", 0.25), ("list", 0.25 if not iterated else 0.15), ("set", 0.2), ("len", 0.2), ("reversed", 0.03 if not iterated else 0.25 if kinds & {"list", "range"} else 0.1), ("sum", 0.08), ("max", 0.06), ("min", 0.06), ("tuple", 0.12), ("dict", 0.15 if "dict" in kinds else 0.0), ("enumerate", 0.03)):
            if short != function and prior:
                yield wrap(function + "(%s)", prior)
        if "dict" in kinds and iterated:
            for method in ("items", "values", "keys"):
                yield wrap("%s." + method + "()", 0.15)
    if kinds & {"list", "dict", "set"} and isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        if isinstance(parent, (ast.Call, ast.Assign, ast.Return, ast.Tuple, ast.List)) or field in ("iter", "value"):
            yield wrap("%s.copy()", 0.15, "copy")
            yield wrap("%s[:]" if "list" in kinds else "%s.copy()", 0.1, "copy")
    if "str" in kinds:
        for method, prior in (("lower()", 0.2), ("strip()", 0.2), ("upper()", 0.1), ("split()", 0.08), ("title()", 0.04), ("rstrip()", 0.05), ("lstrip()", 0.05)):
            if not isinstance(node, ast.BinOp):
                yield wrap("%s." + method, prior)
        for function, prior in (("int", 0.2), ("len", 0.12), ("float", 0.08), ("sorted", 0.05), ("list", 0.04), ("ord", 0.03)):
            if short != function:
                yield wrap(function + "(%s)", prior)
    if not kinds and isinstance(node, (ast.Name, ast.Subscript, ast.Call)):
        for function in ("len", "int", "str", "list", "sorted", "abs"):
            if short != function:
                yield wrap(function + "(%s)", 0.05)


def grows(place, name):
    """Whether a name has a value before the loop in which it is given another one."""
    loop = place.file.up(place.statement, LOOPS)
    if loop is None or place.function is None:
        return False
    inside = set(ast.walk(loop))
    stored = [node for node in ast.walk(place.function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name]
    return any(node not in inside for node in stored) or not name.isidentifier()


def targets(place):
    statement = place.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        if isinstance(statement.targets[0], (ast.Name, ast.Subscript, ast.Attribute)):
            return [place.text(statement.targets[0])]
    return []


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


def pair(place, node):
    """Two parts of a tuple or list in the other order."""
    for number, (one, two) in enumerate(zip(node.elts, node.elts[1:])):
        if number < 3 and not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
            a, b = place.file.span(one), place.file.span(two)
            yield place.edit([(*a, place.text(two)), (*b, place.text(one))], "argument", 0.3, "swaps %s and %s" % (place.text(one), place.text(two)))


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


def tuples(place, node):
    """Another pair of values of the same function in place of one."""
    if not isinstance(node.ctx, ast.Load) or place.function is None or isinstance(place.file.parent(node), ast.Subscript):
        return
    mine, kinds, count = ast.dump(node), [plain(place.kinds(item)) for item in node.elts], 0
    for found in ast.walk(place.function):
        if isinstance(found, ast.Tuple) and isinstance(found.ctx, ast.Load) and len(found.elts) == len(node.elts) and ast.dump(found) != mine:
            text = place.text(found)
            alike_all = all(not one or one & plain(place.kinds(two)) for one, two in zip(kinds, found.elts))
            if alike_all and "\n" not in text and len(text) <= 60 and count < 6:
                count += 1
                yield place.put(node, text, ATOM if text[:1] == "(" else LOOSE, "donor", 0.15)


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


def donors(place, node):
    """Other expressions of the same function with values of the same kind."""
    if not isinstance(node, (ast.Call, ast.Subscript, ast.Attribute, ast.Name, ast.BinOp)) or place.function is None:
        return
    if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        if isinstance(node.ctx, ast.Del) or not isinstance(node, (ast.Subscript, ast.Attribute)):
            return
    parent, field = place.file.above.get(node, (None, None))
    if field in ("func", "target") or isinstance(parent, (ast.Attribute, ast.Starred)) or field == "value" and isinstance(parent, (ast.Attribute, ast.Subscript)):
        return
    stored = isinstance(getattr(node, "ctx", None), ast.Store)
    kinds, mine = place.kinds(node), place.text(node)
    seen, count = {mine}, 0
    for found in ast.walk(place.function):
        usable = isinstance(found, (ast.Subscript, ast.Attribute)) or not stored and isinstance(found, (ast.Call, ast.BinOp))
        if not usable or place.file.field(found) == "func" or isinstance(place.file.statement(found), ast.FunctionDef):
            continue
        text = place.text(found)
        if text in seen or len(text) > 50 or "\n" in text or not known_alike(kinds, place.kinds(found)):
            continue
        seen.add(text)
        count += 1
        yield place.put(node, text, level_of(found), "donor", 0.15)
        if count >= 12:
            return
    if isinstance(node, (ast.Call, ast.Subscript, ast.Attribute, ast.BinOp)) and not stored and known_alike(kinds, kinds):
        for other in place.names(kinds)[:8]:
            if known_alike(kinds, place.scope.of(other)):
                yield place.put(node, other, ATOM, "name", 0.2)


def yielded(place, node):
    text = place.text(node.value) if node.value is not None else None
    if text is None:
        return
    if isinstance(node, ast.Yield):
        yield place.put(node, "yield from " + text, LOOSE, "call", 0.35)
    else:
        yield place.put(node, "yield " + text, LOOSE, "call", 0.35)


def lambdas(place, node):
    body, text = node.body, place.text(node.body)
    names = [arg.arg for arg in node.args.args]
    if len(names) == 1:
        name = names[0]
        for other, prior in (("%s[0]", 0.2), ("%s[1]", 0.2), ("-%s", 0.1), ("%s[-1]", 0.1), ("len(%s)", 0.1), ("%s", 0.08)):
            made = other % name
            if made != text:
                yield place.put(body, made, ADDED, "argument", prior)
        if not isinstance(body, ast.Tuple):
            yield place.put(body, "(%s, %s)" % (text, name), ATOM, "argument", 0.12)
            yield place.put(body, "-" + place.bracketed(body), ADDED, "argument", 0.25)


GENERATORS = (
    (ast.Compare, (comparison,)),
    (ast.BoolOp, (logic,)),
    (ast.UnaryOp, (negation,)),
    (ast.BinOp, (arithmetic,)),
    (ast.Constant, (constant,)),
    (ast.Name, (name,)),
    (ast.Attribute, (attribute,)),
    ((ast.Name, ast.Attribute), (deeper,)),
    (ast.Call, (call, keywords)),
    (ast.Subscript, (subscript,)),
    ((ast.Name, ast.Attribute, ast.Call, ast.Subscript), (slicing,)),
    ((ast.Tuple, ast.List), (pair,)),
    (ast.Tuple, (tuples,)),
    (ast.List, (listed,)),
    (ast.IfExp, (chosen,)),
    ((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), (comprehension,)),
    ((ast.Yield, ast.YieldFrom), (yielded,)),
    (ast.Lambda, (lambdas,)),
    (ast.expr, (negated, stronger, offsets, shifted, wrapped, donors)),
)
