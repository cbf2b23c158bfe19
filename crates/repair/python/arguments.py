"""Edits of calls: another function, other arguments, a result put into a call."""

import ast

from place import ADDED, ATOM, LOOSE, level_of
from program import LOOPS, alike, known_alike, parameters, plain

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

# Flags of calls of the standard library that change what they do, and are forgotten.
FLAGS = {
    "popitem": "last=False", "move_to_end": "last=False", "makedirs": "exist_ok=True", "mkdir": "exist_ok=True",
    "unlink": "missing_ok=True", "dumps": "sort_keys=True", "splitlines": "keepends=True", "parse_qs": "keep_blank_values=True",
    "parse_qsl": "keep_blank_values=True", "gather": "return_exceptions=True", "rmtree": "ignore_errors=True",
}


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
                    # What counts or adds up is seldom taken for what chooses.
                    prior = 0.25 if {word, other} & {"sum", "len"} else 0.4
                    yield place.edit([(end - len(word.encode()), end, other)], "call", prior, "%s instead of %s" % (other, word))
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
        for parameter, default in flags(known):
            if parameter not in given and parameter not in [one.arg for one in known.args.args[: len(args)]]:
                yield add("%s=%s" % (parameter, not default), 0.25)
    flag = FLAGS.get(short)
    if flag and flag.split("=")[0] not in given:
        yield add(flag, 0.25)
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
        yield place.put(args[0], "1, %s + 1" % place.text(args[0]), LOOSE, "loop", 0.25, "counts from one to %s" % place.text(args[0]))
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
        for name in dict.fromkeys(targets(place) + place.names(place.kinds(node) - {"none"})[:6]):
            yield add(name, 0.35 if name in targets(place) else 0.12)
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


def flags(function):
    """The parameters of a function whose default is true or false, with that."""
    args = function.args
    with_default = args.args[len(args.args) - len(args.defaults) :]
    for parameter, default in list(zip(with_default, args.defaults)) + list(zip(args.kwonlyargs, args.kw_defaults)):
        if isinstance(default, ast.Constant) and isinstance(default.value, bool):
            yield parameter.arg, default.value


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
    yield from given_to(place, node, text)
    yield from stand_ins(place, node, kinds, text)
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
                others += [other for other in compared(place) if other not in others]
                for other in others:
                    prior = (0.4 if grows(place, other) else 0.1) if other in targets(place) and result else 0.08
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


# What stands for nothing, by the kind of value that was wanted.
EMPTY = {"str": "''", "list": "[]", "dict": "{}", "tuple": "()", "int": "0", "float": "0", "set": "set()"}


def stand_ins(place, node, kinds, text):
    """What stands for a value that is nothing; likelier where a failing test ended with what that leads to."""
    if "none" not in kinds or isinstance(node, ast.Call):
        return
    crashed = place.scope.raised & {"TypeError", "AttributeError"}
    parent = place.file.parent(node)
    if isinstance(parent, (ast.Compare, ast.BoolOp)) or not crashed:
        return
    beside = set()
    if isinstance(parent, ast.BinOp):
        beside = plain(place.kinds(parent.left) | place.kinds(parent.right)) - {"none"}
    wanted = (kinds - {"none"}) or beside
    for kind in sorted(wanted & set(EMPTY)) or ("str", "list", "dict", "int"):
        yield place.put(node, "(%s or %s)" % (text, EMPTY[kind]), ATOM, "default", 0.4 if kind in wanted else 0.15)


def given_to(place, node, text):
    """An expression given to a function of the file that takes one value: likelier where another part of the statement is."""
    if not isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)) or place.function is None:
        return
    used = {call.func.id for call in place.nodes if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
    for name, function in functions_in_reach(place).items():
        if name == text or len(parameters(function)) != 1:
            continue
        # A function that is given what it was given never ends.
        if function is not place.function or parameters(function)[0] != text:
            yield place.put(node, "%s(%s)" % (name, text), ATOM, "wrapping", 0.3 if name in used else 0.12)


def compared(place):
    """Numbers with which the conditions around a statement compare something, other than by a name."""
    found = {}
    node = place.file.parent(place.statement)
    while node is not None and node is not place.function:
        if isinstance(node, ast.If):
            for one in ast.walk(node.test):
                for side in [one.left, *one.comparators] if isinstance(one, ast.Compare) else []:
                    if isinstance(side, (ast.Subscript, ast.Attribute)) and plain(place.kinds(side)) <= {"int", "float"}:
                        found[place.text(side)] = None
        node = place.file.parent(node)
    return list(found)[:4]


def functions_in_reach(place):
    """Functions that can be called by name where a statement stands."""
    found = {name: what for name, what in place.scope.module.items() if isinstance(what, ast.FunctionDef)}
    node = place.function
    while node is not None:
        if isinstance(node, ast.FunctionDef):
            found.update((inner.name, inner) for inner in node.body if isinstance(inner, ast.FunctionDef))
        node = place.file.parent(node)
    return dict(list(found.items())[:6])


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


def pair(place, node):
    """Two parts of a tuple or list in the other order."""
    for number, (one, two) in enumerate(zip(node.elts, node.elts[1:])):
        if number < 3 and not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
            a, b = place.file.span(one), place.file.span(two)
            yield place.edit([(*a, place.text(two)), (*b, place.text(one))], "argument", 0.3, "swaps %s and %s" % (place.text(one), place.text(two)))


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
