"""Calls as a stack trace prints them: the line of an outer frame often holds the arguments of the inner one.

Nothing of the text is executed. Literals become values, names of classes of the project become constructor calls, and
everything else stays open, to be filled with generated values.
"""

import ast

import values

OPEN = None


def parse(source):
    """The tree of one printed line, which may be the head of a block or the end of one."""
    text = source.strip()
    for start, end in (("elif ", "if "), ("else:", ""), ("except", "")):
        if text.startswith(start):
            text = end + text[len(start) :].strip()
    for attempt in (text, text + "\n    pass", "def _():\n    " + text, "async def _():\n    " + text + "\n        pass"):
        try:
            return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return None


def calls_of(source, name):
    """Calls of a name in a printed line, outermost first: (class or module before the name, arguments, named ones)."""
    tree = parse(source[:4000])
    found = []
    for node in ast.walk(tree) if tree is not None else ():
        if name.startswith("__"):
            found += without_name(node, name)
        if not isinstance(node, ast.Call):
            continue
        holder, called = None, node.func
        if isinstance(called, ast.Attribute):
            holder, called = called.value, called.attr
        elif isinstance(called, ast.Name):
            called = called.id
        starred = any(isinstance(arg, ast.Starred) for arg in node.args) or any(k.arg is None for k in node.keywords)
        if called == name and not starred:
            found.append((holder, node.args, [(k.arg, k.value) for k in node.keywords]))
    return found


def without_name(node, name):
    """A call of a special method, which a line makes without its name: `x[1]`, `1 in x`, `x(1)`, `len(x)`, `x + 1`."""
    if name == "__getitem__" and isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return [(node.value, [node.slice], [])]
    if name == "__contains__" and isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return [(node.comparators[0], [node.left], [])]
    if name == "__add__" and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [(node.left, [node.right], [])]
    if isinstance(node, ast.Call) and not any(isinstance(arg, ast.Starred) for arg in node.args):
        if name == "__call__" and all(k.arg for k in node.keywords):
            return [(node.func, node.args, [(k.arg, k.value) for k in node.keywords])]
        by_function = {"len": "__len__", "bool": "__bool__", "str": "__str__", "repr": "__repr__", "iter": "__iter__"}
        if by_function.get(last_name(node.func)) == name and len(node.args) == 1:
            return [(node.args[0], [], [])]
    return []


def recipe(node, classes):
    """The recipe of an expression, or OPEN; `classes` finds a class of the project by its name."""
    try:
        return values.Encoder().encode(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, values.CannotEncode):
        pass
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        known = standard(node, name)
        if known is not OPEN:
            return known
        kind = classes(name) if name else None
        if kind is not None and not any(isinstance(arg, ast.Starred) for arg in node.args):
            args = [recipe(arg, classes) for arg in node.args]
            kwargs = [[k.arg, recipe(k.value, classes)] for k in node.keywords]
            if OPEN not in args and all(k is not None and item is not OPEN for k, item in kwargs):
                return ["new", kind, args, kwargs, []]
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [recipe(item, classes) for item in node.elts]
        if OPEN not in items:
            return ["list" if isinstance(node, ast.List) else "tuple", items]
    if isinstance(node, ast.Dict) and None not in node.keys:
        pairs = [[recipe(key, classes), recipe(item, classes)] for key, item in zip(node.keys, node.values)]
        if not any(OPEN in pair for pair in pairs):
            return ["dict", pairs]
    return OPEN


def standard(node, name):
    """The recipe of a value of the standard library made of literals, such as a date."""
    module = next((module for module, names in values.STANDARD.items() if name in names), None)
    holder = node.func.value if isinstance(node.func, ast.Attribute) else None
    if module is None or node.keywords or (holder is not None and last_name(holder) != module):
        return OPEN
    try:
        args = [ast.literal_eval(arg) for arg in node.args]
        return ["std", "%s.%s(%s)" % (module, name, ", ".join(map(repr, args))), module]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return OPEN


def last_name(node):
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
