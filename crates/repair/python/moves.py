"""Single edits of whole statements: conditions and headers of blocks, results, first values, statements put in, moved or left out."""

import ast
import builtins

import mirrored
from program import FUNCTIONS, LOOPS, blocks, index_of, infer, is_docstring, known_alike, plain

# What a statement made of names in reach is worth beside one that stands elsewhere; statements of other functions.
MADE_UP, BORROWED = 0.5, 12
SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Break, ast.Continue, ast.Delete, ast.Raise)


def candidates(place):
    for generate in (header, results, first_values, defaults, order, together, removal, insertion, closing):
        for candidate in generate(place):
            if candidate is not None:
                yield candidate


def alone(place, statement):
    """The indentation of a statement that has its lines to itself, or None."""
    indent = place.file.indent(statement)
    if indent is None:
        return None
    _, end = place.file.span(statement)
    after = place.file.data[end:].split(b"\n", 1)[0].strip()
    return indent if not after or after.startswith(b"#") else None


def siblings(place, statement):
    parent = place.file.parent(statement)
    for _, block in blocks(parent):
        if statement in block:
            return block
    return [statement]


def line_start(place, statement):
    start, _ = place.file.span(statement)
    return place.file.data.rfind(b"\n", 0, start) + 1


def line_end(place, statement):
    """The first byte of the line after a statement."""
    _, end = place.file.span(statement)
    at = place.file.data.find(b"\n", end)
    return len(place.file.data) if at < 0 else at + 1


def keyword(place, statement, word):
    start = place.file.starts[statement.lineno - 1] + statement.col_offset
    return (start, start + len(word)) if place.file.data[start : start + len(word)] == word.encode() else None


def header(place):
    """Loops and branches: what they run over, and which kind they are."""
    node = place.statement
    if isinstance(node, ast.While):
        start, end = place.file.span(node.test)
        for name in place.names(set())[:12]:
            kinds = plain(place.scope.of(name))
            if kinds & {"list", "set", "dict", "bool", "str", "none"} or any(kind[:1].isupper() for kind in kinds):
                yield place.edit([(start, end, name)], "loop", 0.35, "loops while %s" % name)
                if "none" in kinds:
                    yield place.edit([(start, end, name + " is not None")], "loop", 0.25, "loops while %s is not None" % name)
        if not isinstance(node.test, ast.Constant):
            yield place.edit([(start, end, "True")], "loop", 0.05, "loops until it is left")
        at = keyword(place, node, "while")
        if at and not node.orelse:
            yield place.edit([(*at, "if")], "loop", 0.12, "if instead of while")
    if isinstance(node, ast.If):
        at = keyword(place, node, "if")
        if at and not node.orelse:
            yield place.edit([(*at, "while")], "loop", 0.2, "while instead of if")
        block = siblings(place, node)
        number = block.index(node) if node in block else 0
        if at and number and isinstance(block[number - 1], ast.If) and not block[number - 1].orelse:
            yield place.edit([(*at, "elif")], "condition", 0.25, "elif instead of if")
        elif_at = keyword(place, node, "elif")
        if elif_at:
            yield place.edit([(*elif_at, "if")], "condition", 0.25, "if instead of elif")
        yield from branches(place, node)
    if isinstance(node, (ast.Break, ast.Continue)):
        word = "break" if isinstance(node, ast.Break) else "continue"
        start, end = place.file.span(node)
        for other, prior in (("continue" if word == "break" else "break", 0.4), ("pass", 0.15), ("return", 0.1)):
            yield place.edit([(start, end, other)], "loop", prior, "%s instead of %s" % (other, word))
    if isinstance(node, ast.Assign):
        yield from assignment(place, node)


def branches(place, node):
    """The two branches of an if, swapped where each is one simple statement."""
    if len(node.body) == 1 and len(node.orelse) == 1 and isinstance(node.body[0], SIMPLE) and isinstance(node.orelse[0], SIMPLE):
        one, two = node.body[0], node.orelse[0]
        a, b = place.file.span(one), place.file.span(two)
        yield place.edit([(*a, place.text(two)), (*b, place.text(one))], "logic", 0.2, "swaps the branches of the condition")


def assignment(place, node):
    if len(node.targets) != 1:
        return
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name) and place.function is not None:
        others = {}
        for found in ast.walk(place.function):
            if isinstance(found, ast.Assign) and found is not node and len(found.targets) == 1 and place.text(found.targets[0]) == target.id:
                others[place.text(found.value)] = None
        for other in [other for other in others if other != place.text(value) and "\n" not in other][:4]:
            yield place.edit([(*place.file.span(value), other)], "donor", 0.2, "%s becomes %s, as elsewhere" % (target.id, other))
    kinds = plain(place.kinds(value)) or plain(place.kinds(target))
    if isinstance(target, (ast.Name, ast.Subscript, ast.Attribute)):
        start = place.file.span(target)[1]
        end = place.file.span(value)[0]
        if place.file.data[start:end].strip() == b"=":
            operators = [("+=", 0.35), ("-=", 0.15), ("*=", 0.1)] if kinds & {"int", "float"} else [("+=", 0.3)] if kinds & {"str", "list"} else []
            for operator, prior in operators:
                yield place.edit([(start, end, " %s " % operator)], "operator", prior, "%s instead of =" % operator)
        if isinstance(target, ast.Subscript) and "dict" in place.kinds(target.value) and not isinstance(index_of(target), ast.Slice):
            whole = place.file.span(node)
            made = "%s.setdefault(%s, %s)" % (place.text(target.value), place.text(index_of(target)), place.text(value))
            yield place.edit([(*whole, made)], "default", 0.2, "keeps what was there under %s" % place.text(index_of(target)))
            # What was there under the key counts on.
            a, b = place.file.span(value)
            holder, key = place.text(target.value), place.text(index_of(target))
            empties = {"int": "0", "float": "0", "str": "''", "list": "[]"}
            for empty in dict.fromkeys(empties[kind] for kind in sorted(kinds) if kind in empties):
                made = "%s.get(%s, %s) + %s" % (holder, key, empty, place.bracketed(value))
                yield place.edit([(a, b, made)], "operator", 0.2, "adds to what was there")
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts) == 2:
        a, b = place.file.span(target.elts[0]), place.file.span(target.elts[1])
        one, two = map(place.text, target.elts)
        yield place.edit([(*a, two), (*b, one)], "name", 0.2, "swaps %s and %s" % (one, two))


def results(place):
    """Other values that a function may give."""
    node = place.statement
    if not isinstance(node, ast.Return):
        if isinstance(node, ast.Expr) and not isinstance(node.value, (ast.Constant, ast.Yield, ast.YieldFrom)) and place.function is not None:
            start, _ = place.file.span(node)
            yield place.edit([(start, start, "return ")], "return", 0.3, "gives what it computes")
        return
    if node.value is None:
        _, end = place.file.span(node)
        for text, prior in (("False", 0.1), ("0", 0.1), ("[]", 0.1), ("True", 0.05)):
            yield place.edit([(end, end, " " + text)], "return", prior, "returns %s" % text)
        for name in place.names(set())[:6]:
            yield place.edit([(end, end, " " + name)], "return", 0.25, "returns %s" % name)
        return
    start, end = place.file.span(node.value)
    kinds, wanted = plain(place.kinds(node.value)), plain(place.scope.own_results)
    mine = place.text(node.value)
    # A kind of value that no passing test ever got is likely to be the mistake itself.
    odd = 2.5 if kinds and wanted and not kinds & wanted else 1.0

    def give(text, prior):
        return place.edit([(start, end, text)], "return", prior * odd, "returns %s" % text)

    if "bool" in kinds or "bool" in wanted:
        for name in place.names(set())[:10]:
            seen = plain(place.scope.of(name))
            if seen & {"int", "float"} and place.is_local(name):
                yield give(name + " == 0", 0.25)
                yield give(name + " > 0", 0.12)
                yield give(name + " != 0", 0.12)
            if seen & {"list", "set", "dict", "str", "tuple"} and place.is_local(name):
                yield give("not " + name, 0.2)
                yield give("len(%s) == 0" % name, 0.03)
                yield give("bool(%s)" % name, 0.1)
            if "bool" in seen:
                yield give(name, 0.25)
                yield give("not " + name, 0.15)
            if "none" in seen:
                yield give(name + " is None", 0.15)
                yield give(name + " is not None", 0.15)
        for one in place.names({"int"})[:5]:
            for two in place.names({"int"}, (one,))[:5]:
                if one < two and place.is_local(one) and place.is_local(two):
                    yield give("%s == %s" % (one, two), 0.12)
    for name in place.names(wanted or kinds, (mine,))[:8]:
        if place.is_local(name):
            exact = known_alike(wanted or kinds, place.scope.of(name))
            yield give(name, 0.25 if exact else 0.08)
    if kinds & {"list", "str", "set", "int", "float"} and not isinstance(node.value, ast.Constant):
        for name in place.names(kinds, (mine,))[:6]:
            if known_alike(kinds, place.scope.of(name)) and place.is_local(name):
                joined = "|" if "set" in kinds else "+"
                yield give("%s %s %s" % (name, joined, place.bracketed(node.value)), 0.2)
                yield give("%s %s %s" % (place.bracketed(node.value), joined, name), 0.2)
    for text in ("[]", "0", "None", "''", "-1", "1", "{}", "True", "False"):
        kind = plain(infer(place.scope, ast.parse(text, mode="eval").body))
        if text != mine and (kind & wanted or not wanted and isinstance(node.value, ast.Constant)):
            yield give(text, 0.15)


def first_values(place):
    """What a name begins with: a number, an end of all numbers, the first of what follows."""
    node = place.statement
    if not isinstance(node, ast.Assign) or not isinstance(node.value, (ast.Constant, ast.List, ast.UnaryOp, ast.Call, ast.Dict, ast.Name, ast.Subscript)):
        return
    start, end = place.file.span(node.value)
    kinds = plain(place.kinds(node.value))
    mine = place.text(node.value)
    made = []
    if kinds & {"int", "float", "none"}:
        made += [("float('inf')", 0.2), ("float('-inf')", 0.25), ("None", 0.08), ("0", 0.2), ("1", 0.2), ("-1", 0.12)]
        for name in place.names(set())[:8]:
            seen = place.scope.of(name)
            if plain(seen) & {"list", "tuple"} and {"[int", "[float"} & seen:
                made += [(name + "[0]", 0.25), (name + "[-1]", 0.05), ("len(%s)" % name, 0.12), ("len(%s) - 1" % name, 0.12)]
            elif plain(seen) & {"list", "str", "tuple", "dict", "set"}:
                made += [("len(%s)" % name, 0.12), ("len(%s) - 1" % name, 0.12), (name + "[0]", 0.08)]
    if kinds & {"list", "dict", "set", "none"}:
        for name in place.names(set())[:8]:
            seen = plain(place.scope.of(name))
            if seen & {"list", "set", "dict"} and place.is_local(name):
                made += [("list(%s)" % name, 0.1)] if "list" in seen else [("%s(%s)" % (sorted(seen & {"set", "dict"})[0], name), 0.08)]
            elif place.is_local(name):
                made += [("[%s]" % name, 0.15), ("{%s}" % name, 0.1)]
    for text, prior in made:
        if text != mine:
            yield place.edit([(start, end, text)], "initialiser", prior, "begins with %s instead of %s" % (text, mine))


def defaults(place):
    """Default values of parameters; one that is shared by all calls is made anew in each."""
    node = place.statement
    if not isinstance(node, FUNCTIONS):
        return
    named = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    for parameter, value in zip(named, node.args.defaults):
        start, end = place.file.span(value)
        mine = place.text(value)
        if isinstance(value, (ast.List, ast.Dict, ast.Set)) or mine in ("set()", "list()", "dict()"):
            first = next((statement for statement in node.body if not is_docstring(statement)), None)
            indent = first and alone(place, first)
            if indent is not None:
                at = line_start(place, first)
                text = "%sif %s is None:\n%s    %s = %s\n" % (indent, parameter.arg, indent, parameter.arg, mine)
                yield place.edit([(start, end, "None"), (at, at, text)], "default", 0.9, "makes %s anew in every call" % parameter.arg)
        if isinstance(value, ast.Constant):
            for other in default_values(value.value):
                yield place.edit([(start, end, other)], "default", 0.3, "%s is %s by default" % (parameter.arg, other))


def default_values(value):
    if isinstance(value, bool):
        return [str(not value)]
    if type(value) is int:
        return list(dict.fromkeys(str(n) for n in (value + 1, value - 1, 0, 1, -value, value * 10) if n != value))
    if isinstance(value, str):
        return ["''", "' '"] if value else ["' '"]
    return ["0", "[]", "''", "False", "1", "True"] if value is None else []


def whole_lines(place, statement):
    return place.file.data[line_start(place, statement) : line_end(place, statement)].decode()


def order(place):
    """A statement in another place: before or after its neighbour, in or out of the block above."""
    node = place.statement
    indent = alone(place, node)
    if indent is None or isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return
    block = siblings(place, node)
    number = block.index(node) if node in block else -1
    first, end = line_start(place, node), line_end(place, node)
    text = whole_lines(place, node)
    if not text.endswith("\n"):
        return
    if number > 0 and not is_docstring(block[number - 1]) and alone(place, block[number - 1]) == indent:
        at = line_start(place, block[number - 1])
        yield place.edit([(at, at, text), (first, end, "")], "move", 0.3, "does %s earlier" % short(text))
    if number > 1 and isinstance(node, SIMPLE) and alone(place, block[0]) == indent and not is_docstring(block[0]):
        at = line_start(place, block[0])
        yield place.edit([(at, at, text), (first, end, "")], "move", 0.1, "does %s first" % short(text))
    parent = place.file.parent(node)
    if isinstance(parent, (*LOOPS, ast.If, ast.With)) and len(block) > 1 and number == len(block) - 1:
        outer = alone(place, parent)
        if outer is not None or place.file.indent(parent) is not None:
            outer = outer if outer is not None else place.file.indent(parent)
            moved = outdented(text, indent, outer)
            after = line_end(place, parent)
            if moved and after == end:
                yield place.edit([(first, end, moved)], "move", 0.35, "does %s after the block" % short(text))
            elif moved:
                yield place.edit([(first, end, ""), (after, after, moved)], "move", 0.25, "does %s after the block" % short(text))
    if isinstance(parent, (*LOOPS, ast.If)) and number == 0 and len(block) > 1:
        outer = alone(place, parent) if alone(place, parent) is not None else place.file.indent(parent)
        if outer is not None and keyword(place, parent, "elif") is None and node in parent.body:
            at = line_start(place, parent)
            moved = outdented(text, indent, outer)
            if moved:
                yield place.edit([(at, at, moved), (first, end, "")], "move", 0.3, "does %s before the block" % short(text))
    if number > 0 and isinstance(block[number - 1], (*LOOPS, ast.If, ast.With)) and isinstance(node, SIMPLE):
        last = (block[number - 1].orelse or block[number - 1].body)[-1]
        inner = place.file.indent(last)
        if inner is not None and inner.startswith(indent):
            moved = "".join(inner[len(indent) :] + line if line.strip() else line for line in text.splitlines(keepends=True))
            yield place.edit([(first, end, moved)], "move", 0.35, "does %s within the block above" % short(text))
    if number >= 0 and number + 1 < len(block) and isinstance(block[number + 1], LOOPS) and isinstance(node, ast.Assign):
        inner = place.file.indent(block[number + 1].body[0])
        if inner is not None and inner.startswith(indent):
            at = line_start(place, block[number + 1].body[0])
            # What is read behind the loop was gathered over all turns.
            later = {name.id for after in block[number + 2 :] for name in ast.walk(after) if isinstance(name, ast.Name)}
            gathered = any(isinstance(target, ast.Name) and target.id in later for target in node.targets)
            yield place.edit([(first, end, ""), (at, at, inner[len(indent) :] + text)], "move", 0.05 if gathered else 0.35, "does %s in every turn of the loop" % short(text))


def together(place):
    """Two assignments made at once, where the second reads what the first has changed."""
    node = place.statement
    block = siblings(place, node)
    number = block.index(node) if node in block else len(block)
    if number + 1 < len(block) and alone(place, node) is not None and alone(place, block[number + 1]) is not None:
        made = mirrored.at_once(place, block[number + 1])
        if made is not None:
            start, end = place.file.span(node)[0], place.file.span(block[number + 1])[1]
            yield place.edit([(start, end, made)], "move", 0.35, "does at once %s" % short(made))


def outdented(text, indent, outer):
    """The lines with less indentation, or None."""
    if not indent.startswith(outer):
        return None
    lines = text.splitlines(keepends=True)
    if any(line.strip() and not line.startswith(indent) for line in lines):
        return None
    return "".join(outer + line[len(indent) :] if line.strip() else line for line in lines)


def short(text):
    return " ".join(text.split())[:50]


def removal(place):
    """A statement left out, or done only under its condition no more."""
    node = place.statement
    indent = alone(place, node)
    if indent is None or isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)) or is_docstring(node):
        return
    block = siblings(place, node)
    first, end = line_start(place, node), line_end(place, node)
    text = whole_lines(place, node)
    prior = 0.2 if isinstance(node, (ast.AugAssign, ast.Break, ast.Continue, ast.Expr)) else 0.15
    if isinstance(node, ast.If) and keyword(place, node, "elif"):
        return
    if len(block) > 1:
        yield place.edit([(first, end, "")], "delete", prior, "leaves out %s" % short(text))
    elif isinstance(node, SIMPLE):
        start, stop = place.file.span(node)
        yield place.edit([(start, stop, "pass")], "delete", prior * 0.6, "leaves out %s" % short(text))
    if isinstance(node, ast.If) and not node.orelse:
        inner = place.file.indent(node.body[0])
        if inner is not None:
            start = line_start(place, node.body[0])
            moved = outdented(place.file.data[start:end].decode(), inner, indent)
            if moved:
                yield place.edit([(first, end, moved)], "condition", 0.15, "does %s without the condition" % short(moved))


def insertion(place):
    """A statement put before this one, or after it where a block ends."""
    node = place.statement
    if place.function is None or isinstance(node, (*FUNCTIONS, ast.ClassDef)) or is_docstring(node):
        return
    indent = alone(place, node) if isinstance(node, SIMPLE) else place.file.indent(node)
    if indent is None or isinstance(node, ast.If) and keyword(place, node, "elif"):
        return
    block = siblings(place, node)
    before = line_start(place, node)
    last = bool(block) and block[-1] is node and not isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
    after = line_end(place, node)
    ended = place.file.data[:after].endswith(b"\n")
    for text, prior in inserted(place, node):
        line = indentation(text, indent)
        yield place.edit([(before, before, line)], "insert", prior, "first does %s" % short(text))
        if last:
            new = line if ended else "\n" + line.rstrip("\n")
            yield place.edit([(after, after, new)], "insert", prior, "then does %s" % short(text))


def indentation(text, indent):
    return "".join(indent + line + "\n" for line in text.split("\n"))


def inserted(place, node):
    """Statements that may be missing, with priors: from the function itself, and made of its names."""
    mine = place.text(node)
    scope = place.scope
    inner_loop = place.file.up(node, (*LOOPS, *FUNCTIONS))
    looping = isinstance(inner_loop, LOOPS)
    seen = {mine}
    made = []
    texts = set()
    for found in ast.walk(place.function):
        if isinstance(found, (ast.Expr, ast.Assign, ast.AugAssign)) and not is_docstring(found):
            text = place.text(found)
            if "\n" in text or len(text) > 90:
                continue
            texts.add(text)
            if text not in seen:
                seen.add(text)
                made.append((text, 0.2))
    taken = len(made)
    bound = [name for name in scope.local]
    items = [name for name in bound if plain(scope.of(name)) - {"function"}]
    for holder in bound:
        kinds = plain(scope.of(holder))
        methods = []
        if "list" in kinds:
            methods = ["append", "extend"]
        elif "set" in kinds:
            methods = ["add"]
        elif "deque" in kinds:
            methods = ["append"]
        inside = {kind[1:] for kind in scope.of(holder) if kind[:1] == "["}
        for method in methods:
            for item in items:
                if item == holder:
                    continue
                fits = not inside or inside & plain(scope.of(item)) if method != "extend" else plain(scope.of(item)) & {"list"}
                if fits:
                    weight = 0.25 if method != "extend" else 0.08
                    made.append(("%s.%s(%s)" % (holder, method, item), weight if inside else weight * 0.6))
        if "list" in kinds and holder not in scope.parameters:
            made.append(("%s.pop()" % holder, 0.06))
            made.append(("%s.sort()" % holder, 0.08))
            made.append(("%s.reverse()" % holder, 0.06))
    for target in bound:
        kinds = plain(scope.of(target))
        if kinds & {"int"} and "bool" not in kinds:
            made += [(target + " += 1", 0.2), (target + " -= 1", 0.12)]
            made += [(target + " = 0", 0.08)]
        if kinds & {"int", "float"} and "bool" not in kinds and target not in scope.parameters:
            for other in bound:
                if other != target and plain(scope.of(other)) and plain(scope.of(other)) <= {"int", "float"}:
                    made += [("%s += %s" % (target, other), 0.12), ("%s -= %s" % (target, other), 0.06)]
        if kinds & {"bool"}:
            made += [(target + " = True", 0.12), (target + " = False", 0.12)]
        for other in bound:
            if other != target and known_alike(kinds, scope.of(other)):
                made.append(("%s = %s" % (target, other), 0.15))
        if "str" in kinds and target not in scope.parameters:
            made += [(target + " = ''", 0.06)]
        if "list" in kinds and target not in scope.parameters:
            made += [(target + " = []", 0.08)]
    for name in bound:
        for field, kinds in sorted(own_fields(place).items()) if name == "self" else ():
            if kinds & {"int"}:
                made += [("self.%s += 1" % field, 0.15), ("self.%s -= 1" % field, 0.12)]
            if kinds & {"list"}:
                made += [("self.%s.append(%s)" % (field, item), 0.12) for item in items if item != "self"]
            if kinds & {"set"}:
                made += [("self.%s.add(%s)" % (field, item), 0.12) for item in items if item != "self"]
            if kinds & {"int", "float"}:
                numbers = [item for item in items if plain(scope.of(item)) <= {"int", "float"}]
                made += [("self.%s %s %s" % (field, op, item), 0.12) for item in numbers for op in ("+=", "-=")]
            made += [("self.%s = %s" % (field, item), 0.12) for item in items if item != "self" and known_alike(kinds, scope.of(item))]
    if looping:
        made += [("continue", 0.1), ("break", 0.12)]
    made += list(mirrored.best_so_far(place))
    # What is made up of names is seldom what a person left out.
    made[taken:] = [(text, prior * MADE_UP) for text, prior in made[taken:]]
    if isinstance(node, mirrored.SIMPLE):
        made += list(mirrored.halves(place, node))
    made += list(mirrored.left_over(place)) + list(guards(place, node, looping)) + borrowed(place, seen)
    for text, prior in dict.fromkeys(made):
        if text not in (mine,):
            yield text, prior * (0.5 if text in texts and text.endswith(("+= 1", "-= 1")) else 1.0)


def borrowed(place, seen):
    """Statements of other functions of the same class or file that only read what can be read here, too."""
    owner = place.file.up(place.statement, ast.ClassDef)
    found = []
    for function in ast.walk(owner or place.file.tree):
        if not isinstance(function, FUNCTIONS) or function is place.function:
            continue
        for statement in ast.walk(function):
            if not isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign)) or is_docstring(statement):
                continue
            text = place.text(statement)
            known = set(place.scope.kinds) | set(dir(builtins))
            read = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
            if "\n" not in text and len(text) <= 90 and text not in seen and read <= known and len(found) < BORROWED:
                seen.add(text)
                found.append((text, 0.15))
    return found


def own_fields(place):
    owner = place.file.up(place.statement, ast.ClassDef)
    return place.scope.fields.get(owner.name, {}) if owner is not None else {}


def guards(place, node, looping):
    """A way out before a statement where a name is empty, nothing or at its end."""
    scope = place.scope
    block = place.function.body
    first = next((statement for statement in block if not is_docstring(statement)), None)
    read = {inner.id for inner in place.nodes if isinstance(inner, ast.Name)}
    ways = []
    wanted = plain(scope.own_results)
    empties = {"list": "[]", "int": "0", "bool": "False", "str": "''", "dict": "{}", "none": "None", "set": "set()", "tuple": "()", "float": "0.0"}
    if looping:
        ways += [("continue", 0.2), ("break", 0.12)]
    if node is first or looping or node in block:
        ways += [("return " + empties[kind], 0.18) for kind in sorted(wanted) if kind in empties]
        if "float" in wanted:
            ways.append(("return 0", 0.18))
        if "bool" in wanted:
            ways.append(("return True", 0.15))
        if "none" not in wanted:
            ways.append(("return None", 0.08))
        if "list" in wanted:
            ways.append(("return [[]]", 0.05))
        if "int" in wanted:
            ways.append(("return 1", 0.1))
        for name in scope.parameters[:4]:
            if known_alike(wanted, scope.of(name)):
                ways.append(("return " + name, 0.12))
    crashed = scope.raised & {"IndexError", "ZeroDivisionError", "ValueError", "TypeError", "AttributeError", "KeyError", "StopIteration"}
    for name in (scope.parameters[:5] if node is first else list(scope.local)[:10]):
        kinds = plain(scope.of(name))
        if node is not first and not looping and name not in read:
            continue
        tests = []
        if kinds & {"list", "str", "dict", "set", "tuple"}:
            tests += [("not " + name, 1.0)]
            if kinds & {"list", "str"} and node is first:
                tests += [("len(%s) <= 1" % name, 0.5)]
        if kinds & {"int", "float"} and "bool" not in kinds:
            tests += [(name + " == 0", 0.6), (name + " < 0", 0.5), (name + " <= 0", 0.4), (name + " == 1", 0.2)]
        if "none" in kinds:
            tests += [(name + " is None", 1.0)]
        for test, weight in tests:
            for way, prior in ways:
                yield "if %s:\n    %s" % (test, way), prior * weight * (1.6 if crashed and name in read else 1.0)
    if looping:
        for item in list(scope.local)[:10]:
            for holder in list(scope.local)[:10]:
                inside = {kind[1:] for kind in scope.of(holder) if kind[:1] in "[{"}
                if item != holder and plain(scope.of(holder)) & {"set", "list", "dict"} and inside & plain(scope.of(item)):
                    yield "if %s in %s:\n    continue" % (item, holder), 0.15


def closing(place):
    """A result at the end of a function that gives none there."""
    node = place.statement
    function = place.function
    if function is None or function.body[-1] is not node or isinstance(node, (ast.Return, ast.Raise)):
        return
    indent = place.file.indent(node)
    if indent is None:
        return
    at = line_end(place, node)
    ended = place.file.data[:at].endswith(b"\n")

    def then(text, prior):
        line = "%sreturn %s" % (indent, text)
        return place.edit([(at, at, line + "\n" if ended else "\n" + line)], "return", prior, "returns %s at its end" % text)

    wanted = plain(place.scope.own_results) - {"none"}
    for name in place.names(wanted)[:10]:
        if place.is_local(name):
            yield then(name, 0.35 if name not in place.scope.parameters else 0.2)
    for text in ("True", "False", "0", "None", "[]", "-1", "''"):
        yield then(text, 0.2 if infer(place.scope, ast.parse(text, mode="eval").body) & wanted else 0.08)
