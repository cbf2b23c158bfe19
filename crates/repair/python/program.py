"""A file of the project as text and tree: places of nodes in the text, statements, functions, names and their kinds."""

import ast

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BLOCKS = ("body", "orelse", "finalbody")
NUMBERS = {"int", "float", "bool"}


class File:
    def __init__(self, path, data):
        self.path = path
        self.data = data
        self.tree = ast.parse(data)
        self.starts = [0]
        for line in data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.above = {}
        for node in ast.walk(self.tree):
            for field, value in ast.iter_fields(node):
                for inner in value if isinstance(value, list) else [value]:
                    if isinstance(inner, ast.AST):
                        self.above[inner] = (node, field)

    def parent(self, node):
        return self.above.get(node, (None, None))[0]

    def field(self, node):
        return self.above.get(node, (None, None))[1]

    def span(self, node):
        """First byte and the byte after the last; decorators belong to what they decorate."""
        line, column = node.lineno, node.col_offset
        for decorator in getattr(node, "decorator_list", ()):
            if decorator.lineno <= line:
                start = self.starts[decorator.lineno - 1] + decorator.col_offset
                return self.data.rindex(b"@", 0, start), self.starts[node.end_lineno - 1] + node.end_col_offset
        return self.starts[line - 1] + column, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node):
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8")

    def in_brackets(self, node):
        """Whether round brackets stand directly around an expression."""
        start, end = self.span(node)
        before = self.data[:start].rstrip(b" \t")
        after = self.data[end:].lstrip(b" \t")
        return before[-1:] == b"(" and after[:1] == b")"

    def indent(self, node):
        start = self.starts[node.lineno - 1]
        line = self.data[start : start + node.col_offset]
        return line.decode("utf-8") if not line.strip() else None

    def up(self, node, kinds):
        """The nearest node above one that is of some kind."""
        node = self.parent(node)
        while node is not None and not isinstance(node, kinds):
            node = self.parent(node)
        return node

    def statement(self, node):
        while node is not None and not isinstance(node, ast.stmt):
            node = self.parent(node)
        return node


PLAIN = {
    bool: "bool", int: "int", float: "float", str: "str", bytes: "bytes", list: "list", tuple: "tuple", dict: "dict",
    set: "set", frozenset: "set", type(None): "none", range: "range",
}


def kind(value):
    known = PLAIN.get(type(value))
    if known:
        return known
    if isinstance(value, type):
        return "class"
    if callable(value) and hasattr(value, "__code__") or type(value).__name__ in ("builtin_function_or_method", "method"):
        return "function"
    if hasattr(type(value), "__next__"):
        return "iterator"
    for base, name in PLAIN.items():
        if base is not type(None) and isinstance(value, base):
            return name
    name = type(value).__name__
    return name if name[:1].isupper() else "object"


def own(statement):
    """The expressions that a statement itself runs: for a block only its header."""
    found = []
    for field, value in ast.iter_fields(statement):
        if field in BLOCKS or field in ("handlers", "decorator_list", "cases"):
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                found.append(inner)
    return found


def walk(statement):
    """The nodes of a statement's own expressions, outer before inner; nothing of functions within."""
    found, left = [], own(statement)[::-1]
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, ast.stmt):
            left.extend(list(ast.iter_child_nodes(node))[::-1])
    return found


def lines_of(statement):
    """The lines that a statement itself runs."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return [statement.lineno]
    nodes = [node for node in walk(statement) if hasattr(node, "lineno")]
    last = max([node.end_lineno for node in nodes] or [statement.lineno])
    return list(range(statement.lineno, last + 1))


def blocks(node):
    for field in BLOCKS:
        block = getattr(node, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield field, block
    for handler in getattr(node, "handlers", ()):
        yield "body", handler.body


def is_docstring(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class Scope:
    """What can be named in a function, and of what kinds it was seen to be."""

    def __init__(self, file, function, spectrum):
        self.file, self.function = file, function
        self.results = {}
        self.fields = spectrum.fields
        self.raised = spectrum.raised()
        self.module = module_names(file)
        self.kinds = {}
        self.assigned = {}
        around = []
        node = function
        while node is not None:
            if isinstance(node, FUNCTIONS):
                around.append(node)
            node = file.parent(node)
        # The innermost function's names hide those of the outer ones.
        for outer in around[::-1]:
            for name in parameters(outer) + assigned(outer):
                self.kinds[name] = set()
            for key in ((file.path, outer.lineno), (file.path, first_line(outer))):
                for name, found in spectrum.names.get(key, {}).items():
                    if name in self.kinds:
                        self.kinds[name] = set(found)
        self.local = dict(self.kinds)
        self.unread = unread(function) if function is not None else set()
        self.parameters = [name for outer in around for name in parameters(outer)]
        for name, node in self.module.items():
            if name not in self.kinds:
                self.kinds[name] = infer(self, node) if isinstance(node, ast.expr) else {"function"}
        for found in ast.walk(file.tree):
            if isinstance(found, FUNCTIONS):
                known = spectrum.results.get((file.path, first_line(found)), set())
                self.results.setdefault(found.name, set()).update(known)
        self.numbers = spectrum.numbers.get((file.path, first_line(function)), {}) if function else {}
        self.own_results = spectrum.results.get((file.path, first_line(function)), set()) if function else set()

    def of(self, name):
        return self.kinds.get(name, set())

    def values(self):
        """Names of values in reach, local ones first, in the order of the text."""
        return [name for name in self.kinds if name in self.local or isinstance(self.module.get(name), ast.expr)]


def first_line(function):
    return min([function.lineno] + [decorator.lineno for decorator in function.decorator_list])


def module_names(file):
    """Names that the module binds, with the expression where it is one value."""
    found = {}
    for statement in file.tree.body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            if isinstance(statement.targets[0], ast.Name):
                found[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            found[statement.target.id] = statement.value
    return found


def parameters(function):
    args = function.args
    all = getattr(args, "posonlyargs", []) + args.args + args.kwonlyargs
    return [arg.arg for arg in all + [args.vararg, args.kwarg] if arg is not None]


def assigned(function):
    """Names that a function binds itself, in the order of the text."""
    found, left = {}, list(function.body)[::-1]
    while left:
        node = left.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            left.extend(list(ast.iter_child_nodes(node))[::-1])
    return list(found)


def unread(function):
    """Names that a function binds and never reads: made for something that is missing."""
    read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)}
    bound = [name for name in parameters(function) + assigned(function) if name not in ("self", "cls") and name[:1] != "_"]
    return {name for name in bound if name not in read}


CALLED = {
    "len": {"int"}, "int": {"int"}, "ord": {"int"}, "hash": {"int"}, "id": {"int"}, "str": {"str"}, "repr": {"str"}, "chr": {"str"},
    "float": {"float"}, "bool": {"bool"}, "any": {"bool"}, "all": {"bool"}, "isinstance": {"bool"}, "list": {"list"},
    "sorted": {"list"}, "tuple": {"tuple"}, "dict": {"dict"}, "set": {"set"}, "range": {"range"}, "enumerate": {"iterator"},
    "zip": {"iterator"}, "map": {"iterator"}, "reversed": {"iterator"}, "filter": {"iterator"}, "iter": {"iterator"},
}
METHODS = {
    "split": {"list", "[str"}, "rsplit": {"list", "[str"}, "splitlines": {"list", "[str"}, "join": {"str"}, "strip": {"str"}, "lstrip": {"str"},
    "rstrip": {"str"}, "lower": {"str"}, "upper": {"str"}, "title": {"str"}, "replace": {"str"}, "format": {"str"},
    "startswith": {"bool"}, "endswith": {"bool"}, "isdigit": {"bool"}, "isalpha": {"bool"}, "find": {"int"}, "index": {"int"}, "rfind": {"int"},
    "count": {"int"}, "append": {"none"}, "extend": {"none"}, "sort": {"none"}, "reverse": {"none"}, "add": {"none"},
    "update": {"none"}, "clear": {"none"}, "keys": {"iterator"}, "values": {"iterator"}, "items": {"iterator"},
}


def infer(scope, node):
    """The kinds an expression may have; empty where they are not known."""
    if isinstance(node, ast.Constant):
        return {kind(node.value)}
    if isinstance(node, ast.Name):
        return scope.of(node.id)
    if isinstance(node, (ast.Compare, ast.UnaryOp)) and (isinstance(node, ast.Compare) or isinstance(node.op, ast.Not)):
        return {"bool"}
    if isinstance(node, ast.UnaryOp):
        return infer(scope, node.operand)
    if isinstance(node, ast.BoolOp):
        return set().union(*[infer(scope, value) for value in node.values])
    if isinstance(node, ast.IfExp):
        return infer(scope, node.body) | infer(scope, node.orelse)
    for kinds, name in (
        ((ast.List, ast.ListComp), "list"), ((ast.Dict, ast.DictComp), "dict"), ((ast.Set, ast.SetComp), "set"), (ast.Tuple, "tuple"),
        (ast.JoinedStr, "str"), (ast.GeneratorExp, "iterator"), (ast.Lambda, "function"),
    ):
        if isinstance(node, kinds):
            return {name}
    if isinstance(node, ast.BinOp):
        return of_binary(infer(scope, node.left), infer(scope, node.right), node.op)
    if isinstance(node, ast.Call):
        return of_call(scope, node)
    if isinstance(node, ast.Subscript):
        holder = infer(scope, node.value)
        if isinstance(index_of(node), ast.Slice):
            return holder
        if "str" in holder:
            return {"str"}
        return {kind[1:] for kind in holder if kind.startswith("[")}
    if isinstance(node, ast.Attribute):
        holders = [kind for kind in infer(scope, node.value) if kind in scope.fields]
        if isinstance(node.value, ast.Name) and node.value.id == "self" and not holders:
            return set()
        return set().union(*[scope.fields[kind].get(node.attr, set()) for kind in holders])
    return set()


def index_of(node):
    """The index of a subscript, which older versions of Python wrap."""
    index = node.slice
    return index.value if type(index).__name__ == "Index" else index


def of_binary(left, right, op):
    if left & {"str"} and isinstance(op, (ast.Add, ast.Mod, ast.Mult)):
        return {"str"}
    if isinstance(op, ast.Add) and "list" in left:
        return left
    if isinstance(op, ast.Mult) and ("list" in left or "list" in right):
        return {"list"}
    if left & NUMBERS and right & NUMBERS:
        if isinstance(op, ast.Div) or "float" in left | right:
            return {"float"}
        return {"int"}
    return left if left == right else set()


def of_call(scope, node):
    if isinstance(node.func, ast.Name):
        name = node.func.id
        if name in scope.results and scope.results[name]:
            return scope.results[name]
        if name in ("sum", "min", "max", "abs", "round") and node.args:
            first = infer(scope, node.args[0])
            if len(node.args) == 1 and name in ("min", "max", "sum"):
                inner = {kind[1:] for kind in first if kind.startswith("[")}
                return inner or ({"int"} if name == "sum" else set())
            return first
        return CALLED.get(name, set())
    if isinstance(node.func, ast.Attribute):
        known = scope.results.get(node.func.attr)
        return known or METHODS.get(node.func.attr, set())
    return set()


def plain(kinds):
    """Kinds of the value itself, without those of what it holds."""
    return {kind for kind in kinds if kind[:1] not in "[{"}


def alike(one, two):
    """Whether values of some kinds can stand for one another; what is not known may."""
    one, two = plain(one), plain(two)
    if not one or not two or one & two:
        return True
    return bool(one & {"int", "float"} and two & {"int", "float"})


def known_alike(one, two):
    return bool(plain(one)) and bool(plain(two)) and alike(one, two)
